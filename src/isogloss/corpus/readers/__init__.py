"""Readers: one file per family of formats, each from a path and options to a draft of a corpus."""

from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.registry import FORMATS, Format, read_draft

__all__ = ["FORMATS", "Format", "ReadOptions", "read_draft"]
