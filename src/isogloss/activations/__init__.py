"""Running models over a corpus, and the on-disk store of the vectors that come out."""

from isogloss.activations.extraction import (
    ExtractOptions,
    extract,
    extract_loaded,
    extract_on,
    extract_options,
    refuse_in_memory,
)
from isogloss.activations.layers import choose_layers
from isogloss.activations.store import ActivationStore
from isogloss.activations.vectors import LayerVectors
from isogloss.activations.writer import finished_store

__all__ = [
    "ActivationStore",
    "ExtractOptions",
    "LayerVectors",
    "choose_layers",
    "extract",
    "extract_loaded",
    "extract_on",
    "extract_options",
    "finished_store",
    "refuse_in_memory",
]
