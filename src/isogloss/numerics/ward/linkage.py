"""Exact agglomerative clustering with Ward's criterion, in memory linear in the data.

Ward's distance is reducible, so clusters that are each other's nearest neighbours may merge all at once, whatever
else happens: rounds of such merges give the tree that merging the nearest pair again and again gives (nearest-neighbour
chains: Murtagh, Comput. J. 26(4), 1983; rounds: Sumengen et al. 2021, arXiv 2105.11653). Nearest neighbours come from
matrix products and are certain before they are used.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import torch
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import pdist
from torch import Tensor

from isogloss.errors import OptionError
from isogloss.numerics.copies import Distinct, distinct_rows
from isogloss.numerics.ward.chain import Chain, places_needed
from isogloss.numerics.ward.clusters import Clusters, frame
from isogloss.numerics.ward.dendrogram import scipy_order
from isogloss.numerics.ward.known import TOGETHER, Listed, Searched
from isogloss.numerics.ward.ties import ties_at_once
from isogloss.progress import SILENT, Advance, Progress

Compute = Literal["float32", "bfloat16"]
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SMALL = 2048
"""Up to so many points SciPy's own linkage is taken: its memory is no matter there, and ties fall as they do in it."""
TIED = 16_384
"""Where ties decide, up to so many distinct points get SciPy's tree: in float64, n^2 numbers are 2 GB here."""
FEW = 4096
"""Up to so many clusters a search takes less time than lists that spare it."""
_ROOM = 24
"""Candidates per cluster. Longer lists cost memory, shorter ones searches."""
_ROWS = 4096
_NO_NUMBERS = {"c": "complex ones", "U": "strings", "S": "bytes", "M": "dates", "m": "durations"}


def ward_linkage(
    X: np.ndarray,
    *,
    compute: Compute = "float32",
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Tree of all merges by Ward's criterion and Euclidean distance, exactly, in O(n d) memory.

    The tree and heights are those of `scipy.cluster.hierarchy.linkage(X, "ward")`: height sqrt(2 w v / (w + v)) times
    the distance between the means of clusters of w and v points, from means in float64; a height is within about 1e-13
    of the largest distance of a point from the mean. Up to 2,048 points it is SciPy's own tree; above, exact copies
    merge first, at height 0, where no other ties decide.

    Ties decide where a cluster that merges has another as near, or nearer by no more than rounding: what is made of
    equal distances differs, within-cluster sums of squares too, and merging the nearest pair does not say which tree to
    take. It is SciPy's then, row by row, as long as there are at most 16,384 distinct points (one more for every point
    of which there are more than two copies): `chain` does what SciPy does in memory that grows with the square of the
    distinct points, up to 2 GB. (Its rounding is part of the rule; compilers that fuse additions into multiplications,
    as some do outside x86-64, may give SciPy another one.)

    With more distinct points the first rows of the clusters decide: let them be the i-th and the j-th distinct row,
    then the smallest i XOR j is nearest of those at exactly the same computed distance (neighbouring rows pair up, so
    that tied merges can run side by side). The tree depends on nothing else, in particular not on `compute`, block
    sizes, threads or device. Merges of equal height are in the order in which they were found.

    Parameters
    ----------
    X : (n, d), float32 or float64; other dtypes are converted. Only read, may be memory-mapped.
    compute : precision of the search. "bfloat16" is faster where the processor has it. What is found is certified.
    device : where to compute, e.g. "cuda"; None for the CPU.
    progress : told how many points have found their neighbours, then how many clusters have merged.

    Returns
    -------
    (n-1, 4) float64 linkage matrix: ids of the two clusters (smaller first), height, number of points; rows by
    increasing height. The work grows with n^2 d; many vectors at exactly the same distance from each other that are
    not copies (one-hot vectors) are slower by far.

    Raises
    ------
    OptionError : X is not a matrix of real numbers, has no row or no column, holds NaN or infinity (the first such row
        is named), or `compute` is unknown.
    """
    if compute not in _DTYPES:
        raise OptionError(f"compute should be 'float32' or 'bfloat16'. Got {compute!r}.")
    X = as_points(X)
    if len(X) == 1:
        return np.empty((0, 4))
    if len(X) <= SMALL:
        return scipy_linkage(pdist(X.astype(np.float64, copy=False)), "ward")
    distinct = distinct_rows(X)
    few = places_needed(distinct) <= TIED
    pairs, heights = _merge_copies(distinct)
    merges = _rounds(X, distinct.first, distinct.counts, compute, device, progress, unless_tied=few)
    if merges is None:
        with progress.task("Ward, ties as in SciPy", len(X) - 1, "clusters merged") as advance:
            return scipy_order(*Chain(X, distinct, frame(X)[1]).merges(advance), len(X))
    return scipy_order(np.concatenate([pairs, merges[0]]), np.concatenate([heights, merges[1]]), len(X))


def merge_weighted(
    X: np.ndarray,
    first: np.ndarray,
    counts: np.ndarray,
    compute: Compute = "float32",
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
) -> tuple[np.ndarray, np.ndarray]:
    """Merges of some rows of X that each stand for several points.

    Parameters
    ----------
    X : (n, d) float32 or float64, finite.
    first, counts : (u,) the rows and how many points each stands for.
    compute, device : as in `ward_linkage`.
    progress : told how many points have found their neighbours, then how many clusters have merged.

    Returns
    -------
    (u-1, 2) rows of X in the two clusters that merge, and (u-1,) heights; parts before what is made of them.
    """
    merges = _rounds(X, first, counts, compute, device, progress, unless_tied=False)
    assert merges is not None
    return merges


def _rounds(
    X: np.ndarray,
    first: np.ndarray,
    counts: np.ndarray,
    compute: Compute,
    device: str | torch.device | None,
    progress: Progress,
    unless_tied: bool,
) -> tuple[np.ndarray, np.ndarray] | None:
    """As `merge_weighted`; with `unless_tied` None as soon as a tie decides."""
    if len(first) < 2:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    mean, scale = frame(X)
    chosen = torch.device(device or "cpu")
    clusters = Clusters(
        _tensor(X).to(chosen),
        torch.from_numpy(first).to(chosen),
        torch.from_numpy(counts).to(chosen),
        torch.from_numpy(mean).to(chosen),
        scale,
    )
    if unless_tied and ties_at_once(clusters):
        return None
    with progress.task("neighbours", len(first), "points") as advance:
        agglomeration = Agglomeration(clusters, _DTYPES[compute], advance=advance)
    with progress.task("Ward", len(first) - 1, "clusters merged") as advance:
        while clusters.count > 1:
            advance(agglomeration.round())
            if unless_tied and agglomeration.tie_decided:
                return None
    slots, squares = agglomeration.merges()
    return first[slots], np.sqrt(squares) * scale


def as_points(X: np.ndarray) -> np.ndarray:
    """X as a float32 or float64 matrix without NaN or infinity, or the reason why it is none."""
    X = np.asarray(X)
    if X.dtype.kind in _NO_NUMBERS:
        raise OptionError(f"X should be real numbers. Got {_NO_NUMBERS[X.dtype.kind]} (dtype {X.dtype}).")
    if X.ndim != 2:
        raise OptionError(f"X should be a matrix, (points, dimensions). Got {X.ndim} dimension(s), shape {X.shape}.")
    if not len(X) or not X.shape[1]:
        raise OptionError(f"X should have at least one row and one column. Got shape {X.shape}.")
    if X.dtype not in (np.float32, np.float64):
        small = X.dtype.itemsize <= 2 and X.dtype.kind not in "iub"
        X = _numbers(X) if X.dtype.kind == "O" else X.astype(np.float32 if small else np.float64)
    for start in range(0, len(X), _ROWS):
        finite = np.isfinite(X[start : start + _ROWS]).all(axis=1)
        if not finite.all():
            raise OptionError(f"X holds NaN or infinity in row {start + int(np.argmin(finite))}.")
    return X


class _NotANumberError(OptionError, TypeError):
    """Also the TypeError that scikit-learn's contract asks for."""


def _numbers(X: np.ndarray) -> np.ndarray:
    """A matrix of Python numbers as float64, or which entry is none."""
    for (row, column), entry in np.ndenumerate(X):
        if isinstance(entry, str | bytes):
            # Strings of digits would be converted.
            raise OptionError(f"{_place(row, column)} {entry!r}, a string.")
        try:
            float(entry)
        except TypeError as error:
            raise _NotANumberError(f"{_place(row, column)} {error}.") from None
        except ValueError as error:
            raise OptionError(f"{_place(row, column)} {error}.") from None
    return X.astype(np.float64)


def _place(row: int, column: int) -> str:
    return f"X should be real numbers. Got in row {row}, column {column}:"


def _tensor(X: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        # torch warns of memory that must not be written; it is only read here.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(X))


def _merge_copies(distinct: Distinct) -> tuple[np.ndarray, np.ndarray]:
    copies = np.flatnonzero(distinct.first[distinct.of_row] != np.arange(len(distinct.of_row)))
    return np.stack([distinct.first[distinct.of_row[copies]], copies], axis=1), np.zeros(len(copies))


class Agglomeration:
    """The state between rounds: every live cluster's certain nearest neighbour, and what tells the next one.

    That is a list of candidates for each cluster, and, as soon as there are no more than `few`, a search.
    """

    def __init__(
        self,
        clusters: Clusters,
        dtype: torch.dtype,
        room: int = _ROOM,
        advance: Advance = lambda _: None,
        few: int | None = None,
    ) -> None:
        self.clusters = clusters
        u = clusters.count
        device = clusters.device
        self.slot = torch.empty(u, dtype=torch.int64, device=device)
        self.value = torch.empty(u, dtype=torch.float64, device=device)
        self.tied = torch.zeros(u, dtype=torch.bool, device=device)
        self.height = torch.zeros(u, dtype=torch.float64, device=device)
        self.tie_decided = False
        """Whether a cluster that has merged had another one as near, so that other trees are as right."""
        self._few, self._dtype = FEW if few is None else few, dtype
        self.known: Searched = Listed(clusters, dtype, room) if u > self._few else Searched(clusters, dtype)
        self._afresh = False
        self._merges: list[tuple[Any, Any]] = []
        for part in clusters.live().split(TOGETHER):
            self._find(part)
            advance(len(part))

    def merges(self) -> tuple[np.ndarray, np.ndarray]:
        """Slots (m, 2) and distances (m,) of the merges so far, parts before what is made of them."""
        return np.concatenate([m[0] for m in self._merges]), np.concatenate([m[1] for m in self._merges])

    def round(self) -> int:
        """Merge all pairs of clusters that are each other's nearest neighbours; return how many."""
        clusters = self.clusters
        live = clusters.live()
        partner = self.slot[live]
        chosen = (self.slot[partner] == live) & (live < partner)
        a, b = live[chosen], partner[chosen]
        if not len(a):
            # A merge may come out nearer than its parts by a rounding error; looking afresh ends every such circle.
            if self._afresh:
                raise RuntimeError(f"no pair of nearest neighbours among {clusters.count} clusters: a bound is wrong")
            self._afresh = True
            self._find(live)
            return 0
        self._afresh = False
        self.tie_decided |= bool((self.tied[a] | self.tied[b]).any())
        weights = clusters.weight[a], clusters.weight[b]
        distance = self.value[a]
        # Parts before wholes also where rounding has a whole come out lower.
        self.height[a] = torch.maximum(torch.maximum(self.height[a], self.height[b]), distance)
        self._merges.append((torch.stack([a, b], dim=1).cpu().numpy(), self.height[a].cpu().numpy()))
        clusters.merge(a, b)
        if clusters.count > 1:
            self.known.merged(a, b, weights, distance)
            if clusters.count <= self._few and isinstance(self.known, Listed):
                self.known = Searched(clusters, self._dtype)
            changed = torch.zeros_like(clusters.alive)
            changed[a] = changed[b] = True
            self._find(torch.cat([a, live[changed[partner] & ~changed[live]]]))
        return len(a)

    def _find(self, queries: Tensor) -> None:
        nearest = self.known.find(queries)
        self.slot[queries], self.value[queries], self.tied[queries] = nearest.slot, nearest.value, nearest.tied
