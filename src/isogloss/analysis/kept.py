"""What was found once and need not be found again: a base model's layer under several tuned models.

Known by the digest of everything it depends on, so that what is kept is what would be found. Keeps no vectors of
itself.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import numpy as np

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The latest results, by digest.

    Parameters
    ----------
    most : how many; those not asked for longest go first.
    """

    def __init__(self, most: int = 128) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Value] = OrderedDict()

    def get(self, key: bytes) -> Value | None:
        """What is known under this digest."""
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def put(self, key: bytes, value: Value) -> None:
        """Keep it; the oldest goes where there are too many."""
        self._known[key] = value
        while len(self._known) > self._most:
            self._known.popitem(last=False)


def digest(*parts: Any) -> bytes:
    """A digest of arrays, by shape, type and bytes, and of anything else by how it is written."""
    found = blake2b(digest_size=32)
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(repr((part.shape, part.dtype.str)).encode())
            found.update(np.ascontiguousarray(part).data)
        else:
            found.update(repr(part).encode() + b"\0")
    return found.digest()
