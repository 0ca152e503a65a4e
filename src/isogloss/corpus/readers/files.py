"""A file's bytes and text, or an error that says what to do: missing, empty, compressed, in another encoding.

Knows nothing of what the text means.
"""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Iterator
from pathlib import Path

from isogloss.errors import CorpusError

_MAGIC = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def existing_file(path: str | Path) -> Path:
    """The path, if it is a readable file with something in it.

    Raises
    ------
    CorpusError : there is no such file (near names are said), it is a directory, or it is empty.
    """
    file = Path(path)
    try:
        if file.is_dir():
            raise CorpusError(f"{file} is a directory; name a file in it{_some_names(file)}")
        if not file.exists():
            raise CorpusError(f"there is no file {file}{_near_names(file)}")
        size = file.stat().st_size
    except (OSError, ValueError) as error:
        raise CorpusError(f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if size == 0:
        raise CorpusError(f"{file} is empty")
    return file


def read_bytes(path: str | Path) -> bytes:
    """All bytes of a file.

    Raises
    ------
    CorpusError : it cannot be read (see `existing_file`).
    """
    file = existing_file(path)
    try:
        return file.read_bytes()
    except OSError as error:
        raise CorpusError(f"{file} cannot be read: {error.strerror or error}") from None


def read_text(path: str | Path, encoding: str) -> str:
    """All text of a file, without its byte order mark; line ends are left as they are.

    Raises
    ------
    CorpusError : the encoding is unknown, or the bytes are not in it; says where, and which one to try.
    """
    raw = read_bytes(path)
    for magic, kind in _MAGIC.items():
        if raw.startswith(magic):
            raise CorpusError(f"{path} is compressed ({kind}); unpack it first")
    try:
        codec = codecs.lookup(encoding).name
        b"aa".decode(encoding)  # some codecs are not of text
    except UnicodeError:
        pass
    except (LookupError, ValueError):
        raise CorpusError(
            f"there is no encoding {encoding!r} of text; common ones are utf-8, latin-1, cp1252, utf-16"
        ) from None
    wide = _looks_wide(raw)
    if wide and codec in ("utf-8", "utf-8-sig", "ascii"):
        raise CorpusError(f"{path} is not in {encoding}: every other byte is 0", "try {encoding}", encoding=wide)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path}, line {line}: byte {error.start} (0x{raw[error.start]:02X}) is not {encoding}",
            "try {encoding}",
            encoding=_other_encoding(raw, codec),
        ) from None
    except UnicodeError as error:
        raise CorpusError(f"{path} is not in {encoding}: {error}") from None
    return text.removeprefix("\ufeff")


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1, without LF or CRLF; other characters that Unicode calls line ends are text."""
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        yield number, line[:-1] if line.endswith("\r") else line


def _looks_wide(raw: bytes) -> str | None:
    """UTF-16 by its byte order mark, or by zeros in every other byte of mostly Latin text."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = raw[:4096]
    if len(head) < 4 or len(raw) % 2:
        return None
    even, odd = head[::2].count(0) / len(head[::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.6 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 and odd < 0.1 else None


def _other_encoding(raw: bytes, tried: str) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    candidates = ["utf-8"]
    # Bytes 0x80-0x9F are letters and quotes in cp1252 but control characters in latin-1.
    candidates += ["cp1252", "latin-1"] if any(0x80 <= byte <= 0x9F for byte in set(raw)) else ["latin-1"]
    for name in candidates:
        if codecs.lookup(name).name == tried:
            continue
        try:
            raw.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"


def _near_names(file: Path) -> str:
    folder = file.parent
    if not folder.is_dir():
        return f"; there is no directory {folder} either"
    near = difflib.get_close_matches(file.name, [p.name for p in folder.iterdir()], n=3, cutoff=0.5)
    same_stem = [p.name for p in sorted(folder.glob("*")) if p.stem == file.stem and p.name not in near]
    names = (near + same_stem)[:3]
    return f"; beside it there is {', '.join(names)}" if names else ""


def _some_names(folder: Path) -> str:
    names = sorted(p.name for p in folder.iterdir() if p.is_file())[:5]
    return f", such as {', '.join(names)}" if names else ""
