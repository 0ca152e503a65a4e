"""Short lists of candidates for each cluster's nearest neighbour, with bounds that stay true while clusters merge.

For a live cluster k the list L(k) holds slots, each with a bound `low`, and there is a bound tau(k) for the rest. Write
D(k, x) for Ward's distance 2 w_k w_x / (w_k + w_x) |m_k - m_x|^2 and say that x is *listed* when it contains the
points of a listed slot. Invariant, for every live x other than k:

    D(k, x) >= low of each listed slot in x, capped at tau(k);     D(k, x) >= tau(k) if x is not listed.

So a listed x whose computed D(k, x) is below tau(k) and below every other listed bound is the nearest neighbour.

**Others merge.** Only pairs that are each other's nearest neighbours merge. Let x and y be such a pair and k another
cluster that was alive: D(x, y) <= min(D(k, x), D(k, y)) =: mu. With W = w_k + w_x + w_y, Lance and Williams' identity

    W D(k, x+y) = (w_k + w_x) D(k, x) + (w_k + w_y) D(k, y) - w_k D(x, y)                                        (1)

gives W D(k, x+y) >= (w_k + W) mu - w_k mu = W mu (reducibility). So x+y has a distance of at least the smaller of the
two bounds that its parts had: tau(k) if none is listed, else the smallest `low` among its listed parts capped at
tau(k).

**k itself is merged, k = a+b.** By the paragraph above the invariants of a and of b hold for what the other clusters
have become in the same round. For x let A be x's bound in a's list (tau(a) if not listed there) and B likewise in b's.
All factors but the last in (1) are positive, so D(k, x) >= f(w_x; A, B) with

    f(w; A, B) = [ (w_a + w) A + (w_b + w) B - w D(a, b) ] / (w_a + w_b + w).

If x is listed in neither, D(k, x) >= f(w_x; tau(a), tau(b)). f is a quotient of two functions affine in w, the lower
one positive, hence monotone in w >= 0, hence at least the smaller of its values at the smallest and the largest weight
of a live cluster: that is tau(k). Entries that a list has no room for lower tau(k) to their bound.

**Rounding.** Bounds are about exact means; distances are computed from stored ones. In the frame no mean is longer
than 1; after r rounds a stored mean is within E = 5 (r + 1) u of the exact one (u = 2^-53: a merge averages the errors
of its parts and adds less than 5u), so a computed sqrt D is off by at most s = 2 E sqrt(2 w) + 16 u sqrt D, w the
smaller weight. A pair that merges is a pair of nearest neighbours by computed distances only, hence (1) may lose: in
sqrt D at most 7 s each round. `Clusters.below` takes off all that can be lost since a bound was written,
7 r s <= 100 (r + 1)^2 u sqrt(2 w) + 150 (r + 1) u sqrt D; it is applied whenever a bound is compared or inherited.

**Ties.** What is nearest is certain only when no unlisted cluster is as near or nearly (`Clusters.nearly`); so every
cluster that ties with the nearest has been computed, and a tie is seen or not whatever the lists hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from isogloss.numerics.ward.clusters import UNIT, Clusters


@dataclass
class Lists:
    """Candidates of several clusters: slots (m, T), -1 where empty; low (m, T) and tau (m,) in the frame's units.

    What is kept for all clusters has `low` in float32, rounded down: it is by far the largest part.
    """

    slots: Tensor
    low: Tensor
    tau: Tensor

    def of(self, rows: Tensor) -> Lists:
        """Those of some rows."""
        return Lists(self.slots[rows].long(), self.low[rows].double(), self.tau[rows])

    def put(self, rows: Tensor, lists: Lists) -> None:
        """Replace those of some rows."""
        self.slots[rows] = lists.slots.to(self.slots.dtype)
        self.low[rows], self.tau[rows] = rounded_down(lists.low, self.low.dtype), lists.tau


def rounded_down(bounds: Tensor, dtype: torch.dtype) -> Tensor:
    """Lower bounds in a coarser type, where they are still lower bounds; infinity stays infinite."""
    if dtype == bounds.dtype:
        return bounds
    coarse = bounds.to(dtype)
    below = torch.nextafter(coarse, torch.full_like(coarse, -torch.inf))
    return torch.where((coarse.double() > bounds) & (bounds < torch.inf), below, coarse).clamp_(min=0)


@dataclass
class Nearest:
    """What lists tell of (m,) clusters.

    Attributes
    ----------
    slot, value : the nearest listed cluster and its distance.
    certain : whether it is nearest of all.
    tied : where certain, whether another is as near or nearly.
    """

    slot: Tensor
    value: Tensor
    certain: Tensor
    tied: Tensor


def settle(clusters: Clusters, queries: Tensor, lists: Lists) -> Nearest:
    """Find the nearest listed cluster of each query, computing as few distances as the bounds allow.

    Entries are brought up to date in place: slots become live ones, bounds of computed distances become tight. Among
    clusters at exactly the same computed distance the one with the smallest `tie` is nearest.
    """
    m, room = lists.slots.shape
    value = torch.full((m,), torch.inf, dtype=torch.float64, device=queries.device)
    second = value.clone()
    slot = torch.full_like(queries, -1)
    weight = clusters.weight[queries]
    lists.slots = torch.where(lists.slots >= 0, clusters.root[lists.slots.clamp(min=0)], -1)
    lists.low[lists.slots < 0] = torch.inf
    safe = clusters.below(lists.tau, weight)
    waiting = clusters.below(lists.low, weight[:, None])
    rows, width = torch.arange(m, device=queries.device), 1
    while len(rows):
        low, columns = waiting[rows].topk(min(width, room), dim=1, largest=False)
        # An entry at or above tau cannot be told from what is not listed.
        near = clusters.nearly(value[rows], weight[rows])
        wanted = (low <= near[:, None]) & (low < safe[rows, None]) & (low < torch.inf)
        some = wanted.any(dim=1)
        rows, columns, wanted = rows[some], columns[some], wanted[some]
        row, which = wanted.nonzero(as_tuple=True)
        column = columns[row, which]
        of = rows[row]
        distance = clusters.distance(queries[of], lists.slots[of, column])
        waiting[of, column] = torch.inf
        tight = clusters.below(distance, weight[of])
        lists.low[of, column] = torch.minimum(tight, lists.tau[of])
        values = torch.full(wanted.shape, torch.inf, dtype=torch.float64, device=queries.device)
        values[row, which] = distance
        _keep_best(queries, rows, lists.slots[rows[:, None], columns], values, slot, value, second)
        width *= 3
    near = clusters.nearly(value, weight)
    certain = (slot >= 0) & ((near < safe) | (lists.tau == torch.inf))
    return Nearest(slot, value, certain, second <= near)


def tie(a: Tensor, b: Tensor) -> Tensor:
    """What decides between equal distances: symmetric, and different for different b."""
    return a ^ b


def _keep_best(
    queries: Tensor, rows: Tensor, slots: Tensor, values: Tensor, slot: Tensor, value: Tensor, second: Tensor
) -> None:
    slots = torch.cat([slots, slot[rows, None]], dim=1)
    values = torch.cat([values, value[rows, None]], dim=1)
    least = values.amin(dim=1, keepdim=True)
    equal = (values == least) & (slots >= 0)
    keys = torch.where(equal, tie(queries[rows, None], slots), torch.iinfo(torch.int64).max)
    at = keys.argmin(dim=1, keepdim=True)
    best = slots.gather(1, at)
    # Several listed slots may have become one cluster.
    others = torch.where(slots == best, torch.inf, values).amin(dim=1)
    second[rows] = torch.minimum(second[rows], others)
    slot[rows] = best[:, 0]
    value[rows] = least[:, 0]


def inherit(
    clusters: Clusters, merged: Tensor, ours: Lists, theirs: Lists, weights: tuple[Tensor, Tensor], distance: Tensor
) -> Lists:
    """Lists of clusters that were just merged, from those of their parts, without computing a distance.

    Parameters
    ----------
    clusters : after the merges of the round.
    merged : (m,) slots of the merged clusters.
    ours, theirs : lists of the two parts.
    weights : (m,) and (m,) of the two parts.
    distance : (m,) computed distance between them.
    """
    wa, wb = weights
    room = ours.slots.shape[1]
    tau_a, tau_b = clusters.below(ours.tau, wa), clusters.below(theirs.tau, wb)
    between = clusters.above(distance, torch.minimum(wa, wb))
    none = len(clusters.alive)
    slots = torch.cat([ours.slots, theirs.slots], dim=1)
    slots = torch.where(slots >= 0, clusters.root[slots.clamp(min=0)], none)
    slots[slots == merged[:, None]] = none
    slots, order = slots.sort(dim=1)
    run = (slots[:, 1:] != slots[:, :-1]).long().cumsum(dim=1)
    run = torch.cat([torch.zeros_like(run[:, :1]), run], dim=1)

    def least(low: Tensor, part: int, tau: Tensor) -> Tensor:
        """Smallest bound of each slot in one part's list, tau where it is not there."""
        both = torch.full(order.shape, torch.inf, dtype=torch.float64, device=low.device)
        both[:, part * room : (part + 1) * room] = low
        out = torch.full_like(both, torch.inf).scatter_reduce_(1, run, both.gather(1, order), "amin")
        return torch.minimum(out, tau[:, None])

    low_a = least(clusters.below(ours.low, wa[:, None]), 0, tau_a)
    low_b = least(clusters.below(theirs.low, wb[:, None]), 1, tau_b)
    unique = torch.full_like(slots, none).scatter_(1, run, slots)
    empty = unique == none
    weight = clusters.weight[unique.clamp(max=none - 1)]
    low = lance_williams(low_a, low_b, between[:, None], wa[:, None], wb[:, None], weight)
    low[empty] = torch.inf
    alive = clusters.weight[clusters.alive]
    tau = torch.minimum(
        lance_williams(tau_a, tau_b, between, wa, wb, alive.min()),
        lance_williams(tau_a, tau_b, between, wa, wb, alive.max()),
    )
    low, columns = low.topk(min(room + 1, 2 * room), dim=1, largest=False)
    unique = unique.gather(1, columns)
    unique[low == torch.inf] = -1
    if low.shape[1] > room:
        tau = torch.minimum(tau, low[:, room])
    return Lists(unique[:, :room], torch.minimum(low[:, :room], tau[:, None]), tau)


def lance_williams(low_a: Tensor, low_b: Tensor, between: Tensor, wa: Tensor, wb: Tensor, w: Tensor) -> Tensor:
    """f(w; A, B) of the head of this file, rounded down, not negative."""
    total = wa + wb + w
    gain = (wa + w) / total * low_a + (wb + w) / total * low_b
    loss = w / total * between
    return (gain * (1 - 16 * UNIT) - loss * (1 + 16 * UNIT)).clamp_(min=0)
