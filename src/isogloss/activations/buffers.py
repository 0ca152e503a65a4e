"""The vectors of one chunk of sentences while they come in, layer by layer and batch by batch.

Made once for the largest chunk and used for all: memory that is given back and taken again in other sizes is not
given back by the system's allocator, and a long run would grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from isogloss.activations.layout import layer_file, sentence_file, storage
from isogloss.activations.rows import Chunk
from isogloss.models.tokenization import TokenSequences

Whole = Callable[[str, np.ndarray], None]


class ChunkBuffers:
    """Where a reader puts vectors, and where the writer takes them.

    Parameters
    ----------
    layers, kinds : which layers, which sentence vectors.
    hidden : width of a vector.
    dtype : storage type.
    largest : most words and most sentences of a chunk.
    """

    def __init__(
        self, layers: Iterable[int], kinds: Sequence[str], hidden: int, dtype: str, largest: tuple[int, int]
    ) -> None:
        n_words, n_sentences = largest
        self._torch_dtype: torch.dtype = getattr(torch, dtype)
        self._stored = storage(dtype)[0]
        self._all_words = {layer: torch.empty(n_words, hidden, dtype=self._torch_dtype) for layer in layers}
        self._all_sentences = {
            (kind, layer): torch.empty(n_sentences, hidden) for kind in kinds for layer in self._all_words
        }

    def begin(self, part: TokenSequences, chunk: Chunk, whole: Whole) -> None:
        """Get ready for a chunk.

        Parameters
        ----------
        part : its token sequences.
        whole : told the name of a file and the chunk's rows of it, in the storage type, as soon as they are all there;
            they are valid until the next `begin`.
        """
        n_words, n_sentences = chunk.rows[1] - chunk.rows[0], chunk.sentences[1] - chunk.sentences[0]
        self._whole = whole
        self._words = {layer: buffer[:n_words] for layer, buffer in self._all_words.items()}
        self._sentences = {key: buffer[:n_sentences] for key, buffer in self._all_sentences.items()}
        for vectors in self._sentences.values():
            vectors.fill_(0.0)
        self._sentence = torch.from_numpy(part.window_sentence)
        text = 2 * part.window_sentence + part.window_part
        counted = np.add.reduceat(part.counted(), part.window_start[:-1]) if len(part.ids) else np.zeros(0)
        self._share = {
            "cls": (np.diff(text, prepend=-1) > 0).astype(float),
            "mean": counted.astype(float),
            "last": (np.diff(text, append=2 * n_sentences) > 0).astype(float),
        }
        # A sentence without tokens has no vector: NaN, as 0 / 0.
        self._counts = {
            kind: torch.from_numpy(np.bincount(part.window_sentence, weights=share, minlength=n_sentences))[:, None]
            for kind, share in self._share.items()
        }
        self._lacking_words = dict.fromkeys(self._words, n_words)
        self._lacking_windows = dict.fromkeys(self._sentences, len(part.window_sentence))
        # What there is nothing of is there.
        for layer in self._words:
            self._came(layer, 0)
        for kind, layer in self._sentences:
            self._contributed(layer, kind, 0)

    def on_words(self, layer: int, vectors: Tensor, words: np.ndarray) -> None:
        """Take the vectors of some words of the chunk."""
        self._words[layer].index_copy_(0, torch.from_numpy(words), vectors.to("cpu", self._torch_dtype))
        self._came(layer, len(words))

    def on_sentences(self, layer: int, kind: str, vectors: Tensor, windows: np.ndarray) -> None:
        """Take what some windows contribute to their sentences' vectors."""
        here = vectors.to("cpu", torch.float32)
        wanted = self._share[kind][windows] > 0
        self._sentences[kind, layer].index_add_(0, self._sentence[windows[wanted]], here[torch.from_numpy(wanted)])
        self._contributed(layer, kind, len(windows))

    def _came(self, layer: int, words: int) -> None:
        self._lacking_words[layer] -= words
        if not self._lacking_words[layer]:
            self._whole(layer_file(layer), self._as_stored(self._words[layer]))

    def _contributed(self, layer: int, kind: str, windows: int) -> None:
        self._lacking_windows[kind, layer] -= windows
        if not self._lacking_windows[kind, layer]:
            vectors = self._sentences[kind, layer].div_(self._counts[kind])
            self._whole(sentence_file(kind, layer), self._as_stored(vectors))

    def _as_stored(self, vectors: Tensor) -> np.ndarray:
        typed = vectors.to(self._torch_dtype)
        if self._torch_dtype == torch.bfloat16:
            typed = typed.view(torch.uint16)
        return typed.numpy().astype(self._stored, copy=False)
