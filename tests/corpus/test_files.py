from __future__ import annotations

import codecs
import csv

import pytest

from isogloss.corpus import Corpus
from isogloss.errors import CorpusError, IsoglossError

from .shared import write

TABLE = "text,label\nnaïve café,a\n“quoted”,b\n"


@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_byte_order_marks_and_line_ends_do_not_matter(tmp_path, bom, end, last):
    text = TABLE if last else TABLE.removesuffix("\n")
    path = write(tmp_path, "r.csv", bom + text.replace("\n", end).encode())
    assert Corpus.read(path, label="label").sentences.select("text", "label").rows() == [
        ("naïve café", "a"),
        ("“quoted”", "b"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_refused_with_the_one_that_works(tmp_path, encoding):
    path = write(tmp_path, "r.csv", TABLE * 5, encoding)
    with pytest.raises(CorpusError, match=f"try encoding='{encoding}'"):
        Corpus.read(path)
    assert Corpus.read(path, encoding=encoding, label="label").sentences["text"][0] == "naïve café"


def test_the_byte_and_line_of_a_wrong_encoding_are_named(tmp_path):
    path = write(tmp_path, "r.csv", b"text,label\nplain,a\nna\xefve,b\n")
    with pytest.raises(CorpusError, match=r"r\.csv, line 3: byte 21 \(0xEF\) is not utf-8; try encoding='latin-1'"):
        Corpus.read(path)


def test_utf_8_read_as_ascii_is_sent_back_to_utf_8(tmp_path):
    path = write(tmp_path, "r.csv", TABLE)
    with pytest.raises(CorpusError, match="try encoding='utf-8'"):
        Corpus.read(path, encoding="ascii")
    with pytest.raises(CorpusError, match="there is no encoding 'utf-9'"):
        Corpus.read(path, encoding="utf-9")


def test_missing_files_name_their_neighbours(tmp_path):
    write(tmp_path, "reviews.csv", TABLE)
    with pytest.raises(CorpusError, match=r"no file .*review\.csv; beside it there is reviews\.csv"):
        Corpus.read(tmp_path / "review.csv")
    with pytest.raises(CorpusError, match=r"no directory .* either"):
        Corpus.read(tmp_path / "nowhere" / "r.csv")
    with pytest.raises(CorpusError, match=r"is a directory; name a file in it, such as reviews\.csv"):
        Corpus.read(tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "conllu", "conll", "label", "iob"])
def test_empty_files_are_errors_in_every_format(tmp_path, suffix):
    with pytest.raises(CorpusError, match=rf"e\.{suffix} is empty"):
        Corpus.read(write(tmp_path, f"e.{suffix}", b""))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "conllu", "label", "iob"])
@pytest.mark.parametrize("content", [b"\n\n", codecs.BOM_UTF8, b"\r\n"])
def test_files_with_nothing_but_line_ends_are_errors(tmp_path, suffix, content):
    with pytest.raises(CorpusError, match=rf"e\.{suffix}"):
        Corpus.read(write(tmp_path, f"e.{suffix}", content))


def test_a_header_without_rows_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match="has columns but no rows"):
        Corpus.read(write(tmp_path, "r.csv", "text,label\n"))


def test_compressed_files_and_unknown_endings_are_explained(tmp_path):
    with pytest.raises(CorpusError, match="compressed \\(gzip\\)"):
        Corpus.read(write(tmp_path, "r.csv", b"\x1f\x8b\x08rest"))
    with pytest.raises(CorpusError, match=r"the ending '.txt' says nothing.*format= one of csv, tsv"):
        Corpus.read(write(tmp_path, "r.txt", TABLE))
    with pytest.raises(CorpusError, match=r"no format 'cvs'.*did you mean 'csv'"):
        Corpus.read(write(tmp_path, "r.csv", TABLE), format="cvs")


def test_the_csv_modules_global_limit_is_put_back(tmp_path):
    before = csv.field_size_limit()
    corpus = Corpus.read(write(tmp_path, "r.csv", "text\n" + "y" * (before + 10) + "\n"))
    assert corpus.words["end"].to_list() == [before + 10]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    "junk", [b"\x80\x81", b"\x00" * 40, b'"', b"{", b"#", b"\t\t\t", b"1\t2", b"a,b\n1,2,3", b"PAR1"]
)
@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet", "conllu", "conllulex", "columns", "pmb", "trec"])
def test_no_junk_escapes_as_another_exception(tmp_path, junk, name):
    path = write(tmp_path, "junk", junk)
    complaint = ""
    try:
        assert Corpus.read(path, format=name).words.height > 0
    except IsoglossError as error:
        complaint = str(error)
    assert complaint == "" or "junk" in complaint


def test_a_text_given_as_a_path_is_no_file():
    with pytest.raises(CorpusError, match="cannot be read"):
        Corpus.read("a review " * 100)
    with pytest.raises(CorpusError, match=r"cannot be read|no file"):
        Corpus.read("a\x00b.csv")


def test_conll_files_are_told_apart_by_what_is_in_them(tmp_path):
    row = "1\ta\ta\tX\tX\t_\t0\troot\t_\t_"
    assert "upos" in Corpus.read(write(tmp_path, "a.conll", row + "\n")).token_labels
    assert "lexcat" in Corpus.read(write(tmp_path, "b.conll", row + "\tx" * 9 + "\n")).token_labels
    assert Corpus.read(write(tmp_path, "c.conll", "a DT B-NP\n")).token_labels == ("pos", "chunk")
