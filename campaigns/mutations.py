"""Spoils small valid files, line by line and byte by byte. Knows what hurts readers; knows no format in particular.

Everything random comes from the generator that is handed in, so that a number gives the same bytes every time.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from random import Random

LONG = 50_000
"""Characters of a long line."""
LARGEST = 400_000
"""Bytes of a file: mutations that repeat each other must not make time a question of size."""

NASTY_TEXT = (
    "",
    " ",
    "\t",
    "\0",
    "\ufeff",
    "\u2028",
    "\x85",
    "\x0b",
    "\x1b[31mred\x1b[0m",
    "\r",
    '"',
    '""',
    '"never closed',
    "'",
    "\\",
    "{",
    "[",
    "}",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-0",
    "0",
    "1",
    "1.0",
    "9" * 400,
    "9" * 5000,
    "1" + "0" * 300 + ".5",
    "²",
    "١٢٣",
    "1-2",
    "2-1",
    "1-99999999999",
    "1-" + "9" * 5000,
    "1.1",
    "8.1",
    "-",
    "_",
    "*",
    "%",
    "|",
    "=",
    "Number=Sing|Number=Plur",
    "upos=NOUN|word=x|=|a",
    "text",
    "text_b",
    "sentence",
    "word",
    "split",
    "id",
    "start",
    "a=b",
    "שלום עולם",
    "مرحبا",
    "\u202eright to left\u202c",
    "e" + "\u0301" * 200,
    "\u0301",
    "👩‍👩‍👧🏽",
    "\U000e0001",
    "\ud800",
    "\udfff\ud800",
    "\\ud800",
    "# text = ",
    "# sent_id = 1",
    "# newdoc id = x",
    "# raw sent = x",
    "-DOCSTART-",
    "__proto__",
    "../../x",
    "/etc/passwd",
    "null",
    "true",
    "[" * 3000,
    '{"a":' * 3000,
    "[" * 100_000,
)
NASTY_BYTES = (
    b"\0",
    b"\0" * 64,
    b"\xff",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\x80",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\x1a",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"BZh",
    b"PAR1",
    b'"',
)
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-7", "shift_jis")
_ENDS = ("\r\n", "\r", "\n\r", "\x85", "\u2028", "\x0b")


def encoded(text: str, encoding: str = "utf-8") -> bytes:
    """The text's bytes; halves of surrogate pairs as a careless program writes them, the rest as `?`."""
    try:
        return text.encode(encoding, "surrogatepass")
    except (UnicodeEncodeError, UnicodeError):
        return text.encode(encoding, "replace")


def spoiled(seed: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """One to four random mutations of a small file; `others` lend their lines."""
    content = seed
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        content = rng.choice(_MUTATIONS)(content, others, rng)
    return content[:LARGEST]


def _flip(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    spoilt = bytearray(content or b"x")
    for _ in range(rng.randint(1, 8)):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    return bytes(spoilt)


def _cut(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    at = rng.randint(0, len(content))
    return content[:at] if rng.random() < 0.5 else content[:at] + content[at + rng.randint(0, 40) :]


def _put(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    at = rng.choice((0, len(content), rng.randint(0, len(content))))
    return content[:at] + rng.choice(NASTY_BYTES) + content[at:]


def _repeated(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start = rng.randint(0, len(content))
    stop = min(len(content), start + rng.randint(0, 200))
    return content[:stop] + content[start:stop] * rng.randint(1, 20) + content[stop:]


def _nothing(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    return rng.choice((b"", b"\n", b"\xef\xbb\xbf", b"\r\n\r\n", b" ", b"\0", b"\t\n", b"[]", b"{}", b"[[]]", b"null"))


def _reencoded(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    return encoded(_text(content), rng.choice(ENCODINGS))


def _line_ends(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    if rng.random() < 0.5:
        return content.replace(b"\n", rng.choice(_ENDS).encode())
    return b"".join(line + rng.choice((b"\n", b"\r\n", b"\r")) for line in content.split(b"\n"))


def _on_lines(change: Callable[[list[str], Sequence[bytes], Random], None]) -> Callable[..., bytes]:
    def mutation(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
        lines = _text(content).split("\n")
        change(lines, others, rng)
        return encoded("\n".join(lines))

    return mutation


def _drop(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    del lines[rng.randrange(len(lines))]


def _double(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    at = rng.randrange(len(lines))
    lines[at:at] = [lines[at]] * rng.choice((1, 2, 50))


def _shuffle(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    rng.shuffle(lines)


def _swap(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def _nasty_line(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    lines.insert(rng.randint(0, len(lines)), rng.choice(NASTY_TEXT))


def _long_line(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    at = rng.randrange(len(lines))
    filler = rng.choice(("x", "x ", "é", "😀", "\u0301", "a,b\t", '"', "1", "[", "'s "))
    lines[at] += filler * (LONG // len(filler))


def _borrowed(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    lent = _text(rng.choice(others)).split("\n")
    start = rng.randrange(len(lent))
    at = rng.randint(0, len(lines))
    lines[at:at] = lent[start : start + rng.randint(1, 6)]


def _field(lines: list[str], others: Sequence[bytes], rng: Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(lines))
        delimiter = max(("\t", ",", " ", "|"), key=lines[at].count)
        fields = lines[at].split(delimiter)
        chosen = rng.randrange(len(fields))
        kind = rng.randrange(6)
        if kind == 0:
            del fields[chosen]
        elif kind == 1:
            fields.insert(chosen, fields[rng.randrange(len(fields))])
        elif kind == 2:
            fields[chosen] += rng.choice(NASTY_TEXT)
        else:
            fields[chosen] = rng.choice(NASTY_TEXT)
        lines[at] = delimiter.join(fields)


def _text(content: bytes) -> str:
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


_MUTATIONS = (
    _flip,
    _cut,
    _put,
    _repeated,
    _nothing,
    _reencoded,
    _line_ends,
    *(_on_lines(change) for change in (_drop, _double, _shuffle, _swap, _nasty_line, _long_line, _borrowed)),
    # What is in the fields is what readers differ in.
    *[_on_lines(_field)] * 8,
)
