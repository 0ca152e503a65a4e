"""Vectors in memory in the shape that analyses are handed: in small blocks, or as pairs of layers."""

from dataclasses import dataclass

from isogloss.analysis import ArrayVectors, LayerPair


@dataclass(frozen=True)
class SteppedVectors(ArrayVectors):
    """Blocks of `step` rows at most, whatever is asked, as those of a large store are."""

    step: int = 7

    def blocks(self, rows=4096):
        return super().blocks(min(rows, self.step))


def layer_pair(layer, base, tuned, **more):
    """One layer of two lists of arrays, with all their layers; a model that has no such layer has none."""

    def at(arrays):
        return ArrayVectors(arrays[layer]) if layer < len(arrays) else None

    layers = {
        "base_layers": {i: ArrayVectors(a) for i, a in enumerate(base)},
        "tuned_layers": {i: ArrayVectors(a) for i, a in enumerate(tuned)},
    }
    return LayerPair(layer=layer, base=at(base), tuned=at(tuned), **layers | more)
