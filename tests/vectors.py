"""Vectors in memory that come in small blocks, whatever is asked, as those of a large store do."""

from dataclasses import dataclass

from isogloss.analysis import ArrayVectors


@dataclass(frozen=True)
class SteppedVectors(ArrayVectors):
    step: int = 7

    def blocks(self, rows=4096):
        return super().blocks(min(rows, self.step))
