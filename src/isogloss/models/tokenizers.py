"""Loads a tokenizer and frees it of the padding and truncation that its files may carry.

Cutting text into words' sub-words is not done here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from transformers.utils import logging as chatter

from isogloss.errors import ModelError
from isogloss.sealed import first_line

# Any one of these makes a directory a tokenizer's; tokenizer_config.json alone does not.
VOCABULARY_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "tokenizer.tiktoken",
    "tekken.json",
    "source.spm",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers', PEFT's and accelerate's progress bars, reports and advice off the terminal while open."""
    verbosity, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    chatter.set_verbosity(logging.CRITICAL)
    chatter.disable_progress_bar()
    spreading = logging.getLogger("accelerate")
    level = spreading.level
    spreading.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        chatter.set_verbosity(verbosity)
        spreading.setLevel(level)
        if bars:
            chatter.enable_progress_bar()


def has_tokenizer(directory: Path) -> bool:
    """Whether the directory holds a vocabulary."""
    return any((directory / name).is_file() for name in VOCABULARY_FILES)


def load_tokenizer(directory: Path) -> Any:
    """Load the tokenizer in a directory, fast where there is one, without built-in padding or truncation.

    Raises
    ------
    ModelError : there is none, or its files cannot be read.
    """
    if not has_tokenizer(directory):
        raise ModelError(
            f"no tokenizer in {directory}: expected tokenizer.json, vocab.txt, vocab.json with merges.txt, "
            "or a SentencePiece model"
        )
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                directory, use_fast=True, trust_remote_code=False, local_files_only=True
            )
    except Exception as error:
        raise ModelError(f"the tokenizer in {directory} cannot be loaded: {first_line(error)}") from error
    return freed(tokenizer)


def freed(tokenizer: Any) -> Any:
    """Switch padding and truncation off in a tokenizer's Rust core, and return it.

    tokenizer.json may hold both (all-MiniLM-L6-v2 pads every text to 128 tokens and cuts it there).
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_padding()
        backend.no_truncation()
    return tokenizer
