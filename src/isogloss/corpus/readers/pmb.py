"""The columns of the Parallel Meaning Bank: seven, tab-separated, one document of one or more sentences at a time.

Token labels: `lemma` (the symbol), `semtag`, `ccg`, `sense` (WordNet, none where the file says `O`) and `roles`
(those of a word in order of the alphabet, parted by `|`). A document is one sentence here and `# newdoc id` its id.
A token of several words (`New~York`) is one word, written as in the text.
"""

from __future__ import annotations

from pathlib import Path

from isogloss.corpus.draft import Draft
from isogloss.corpus.labels import SEPARATOR
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tokens import SentenceCollector, Token, find_tokens
from isogloss.errors import CorpusError

_LABELS = ("lemma", "semtag", "ccg", "sense", "roles")
_WIDTH = 7


def read_pmb(path: Path, options: ReadOptions) -> Draft:
    """Documents with their labels."""
    collector = SentenceCollector(str(path), _LABELS)
    raw: list[str] = []
    document: str | None = None
    forms: list[str] = []
    rows: list[list[str | None]] = []

    def finish() -> None:
        if forms:
            text = " ".join(raw) or None
            collector.add(_tokens(forms, text), rows, text, {}, document)

    for number, line in numbered_lines(read_text(path, options.encoding)):
        if not line.strip():
            continue
        if line.startswith("#") and not line.startswith("#\t"):
            key, _, value = line[1:].partition("=")
            if key.strip() == "newdoc id":
                finish()
                document, raw, forms, rows = value.strip(), [], [], []
            elif key.strip() == "raw sent":
                raw.append(value.strip())
            continue
        row = line.split("\t")
        if len(row) != _WIDTH:
            raise CorpusError(f"{path}, line {number}: {len(row)} tab-separated columns where {_WIDTH} are expected")
        if not row[0]:
            raise CorpusError(f"{path}, line {number}: the word is empty")
        forms.append(row[0])
        sense = None if row[5] == "O" else row[5]
        rows.append([row[2] or None, row[3] or None, row[4] or None, sense or None, _roles(row[6])])
    finish()
    return collector.draft(options.labels)


def _tokens(forms: list[str], text: str | None) -> list[Token]:
    """Tokens as the text writes them: `~` stands for a space, unless the text has a `~` there."""
    literal = [Token(form, (form,)) for form in forms]
    if text is not None and "~" in text and find_tokens(text, literal) is not None:
        return literal
    spaced = [form.replace("~", " ") if form.strip("~") else form for form in forms]
    return [Token(form, (form,)) for form in spaced]


def _roles(value: str) -> str | None:
    names = sorted({name.strip() for name in value.strip("[]").split(",")} - {""})
    return SEPARATOR.join(names) or None
