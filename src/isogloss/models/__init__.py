"""Models: finding, loading, fine-tuning and running them, and reading what their layers hold."""

from isogloss.models.blocks import Blocks, discover_blocks
from isogloss.models.loading import LoadedModel, load
from isogloss.models.reading import LayerReader
from isogloss.models.reference import ModelReference, found_here, resolve
from isogloss.models.tokenization import SentenceTokenizer, TokenSequences, Words, token_limit

__all__ = [
    "Blocks",
    "LayerReader",
    "LoadedModel",
    "ModelReference",
    "SentenceTokenizer",
    "TokenSequences",
    "Words",
    "discover_blocks",
    "found_here",
    "load",
    "resolve",
    "token_limit",
]
