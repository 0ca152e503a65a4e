"""One layer's vectors as a matrix that is read in blocks, so that its size does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from isogloss.activations.layout import storage
from isogloss.errors import StoreError
from isogloss.numerics.room import rows_of


class LayerVectors:
    """A matrix (n, hidden) in an npy file, or some of its rows. Follows `isogloss.analysis.Vectors`.

    Parameters
    ----------
    path : the npy file.
    dtype : how it is stored: float32, float16 or bfloat16.
    rows : the rows that count, increasing; None for all.
    """

    def __init__(self, path: Path, dtype: str, rows: np.ndarray | None = None) -> None:
        self.path = path
        self._in_file, self._seen_as = storage(dtype)
        self._dtype = dtype
        self.rows = rows
        self._matrix = self._map()

    @property
    def shape(self) -> tuple[int, int]:
        """(n, hidden)."""
        n, hidden = self._matrix.shape
        return (n if self.rows is None else len(self.rows)), hidden

    @property
    def matrix(self) -> np.memmap:
        """All rows of the file, memory-mapped, read-only, in their storage type."""
        return self._matrix

    def restricted(self, rows: np.ndarray) -> LayerVectors:
        """The same file, these rows of this matrix only."""
        return LayerVectors(self.path, self._dtype, rows if self.rows is None else self.rows[rows])

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive row blocks as float32, (<= rows, hidden); reads the file instead of mapping it."""
        n = self.shape[0]
        for start in range(0, n, rows):
            stop = min(start + rows, n)
            if self.rows is None:
                yield self._read(start, stop)
            else:
                wanted = self.rows[start:stop]
                low = int(wanted[0])
                yield self._read(low, int(wanted[-1]) + 1)[wanted - low]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, float32, (len(rows), hidden)."""
        wanted = rows if self.rows is None else self.rows[rows]
        return rows_of(self._matrix, wanted, np.float32)

    def _read(self, start: int, stop: int) -> np.ndarray:
        hidden = self._matrix.shape[1]
        offset = self._matrix.offset + start * hidden * self._in_file.itemsize
        flat = np.fromfile(self.path, self._in_file, (stop - start) * hidden, offset=offset)
        return flat.view(self._seen_as).reshape(-1, hidden).astype(np.float32, copy=False)

    def _map(self) -> np.memmap:
        try:
            matrix = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise StoreError(f"{self.path} is missing") from None
        except (ValueError, OSError) as error:
            raise StoreError(f"{self.path} is damaged: {error}") from None
        if matrix.ndim != 2 or matrix.dtype != self._in_file:
            raise StoreError(f"{self.path} is damaged: it holds {matrix.dtype} of shape {matrix.shape}")
        return matrix.view(self._seen_as)
