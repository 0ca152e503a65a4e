"""Running models over a corpus, and the on-disk store of the vectors that come out."""

from isogloss.activations.extraction import ExtractOptions, extract, extract_loaded, extract_on, extract_options
from isogloss.activations.layers import choose_layers
from isogloss.activations.store import ActivationStore
from isogloss.activations.vectors import LayerVectors

__all__ = [
    "ActivationStore",
    "ExtractOptions",
    "LayerVectors",
    "choose_layers",
    "extract",
    "extract_loaded",
    "extract_on",
    "extract_options",
]
