"""Sums over the incidences of a large hypergraph, with gradients of our own.

The pattern of a hypergraph is fixed while its weights and features change, so everything that depends on the pattern alone
(the incidences grouped by reaction and by metabolite, and the orders between them) is worked out once per
``hyperedge_index`` and kept. A weighted sum over groups is then one ``embedding_bag``; its gradient for the values is the
same sum over the other grouping; its gradient for the weights is a sampled dense-dense product, one dot product per
incidence. A batch is one larger hypergraph, copies side by side. Autograd's own way, gather then ``index_add``, moves every
message through memory several times.

The code asks nothing of the device, but has not been run on a GPU yet.
"""

from __future__ import annotations

import math
import threading
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

KEPT_PATTERNS = 16
"""How many hyperedge indices are remembered."""

KEPT_BATCHES = 4
"""Of how many sizes of a batch a pattern remembers the copies side by side."""

CHUNK = 131_072
"""Numbers gathered at a time for the dot products of several heads: two such buffers stay in a core's cache."""

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")


class Blocks(NamedTuple):
    """A grouping for H heads: row n * H + h of a [N * H, F] matrix belongs to head h of n."""

    order: Tensor | None
    source: Tensor
    offsets: Tensor


class Grouping:
    """The incidences grouped by one end (reaction or metabolite).

    Attributes:
        group, other: [K] long, the end grouped by and the opposite end of every incidence.
        groups, others: how many there are of each.
        order: [K] the incidences group by group, None when they come that way.
        lengths: [groups]; offsets: [groups + 1] int32, where each group begins in that order.
    """

    def __init__(self, group: Tensor, other: Tensor, groups: int, others: int) -> None:
        self.group, self.other, self.groups, self.others = group, other, groups, others
        grouped = bool((group[1:] >= group[:-1]).all())
        self.order = None if grouped else group.argsort(stable=True)
        self.lengths = torch.bincount(group, minlength=groups)
        self.offsets = _starts(self.lengths)
        self._blocks: dict[int, Blocks] = {}
        self._one: Grouping | None = None
        self._repeated: OrderedDict[int, Grouping] = OrderedDict()

    def repeated(self, times: int) -> Grouping:
        """The grouping of so many copies side by side; some are remembered."""
        return self if times == 1 else _kept(self._repeated, times, lambda: self._side_by_side(times))

    def _side_by_side(self, times: int) -> Grouping:
        """Without sorting anew."""
        whole, count = Grouping.__new__(Grouping), len(self.group)
        whole.group, whole.other = _copies(self.group, times, self.groups), _copies(self.other, times, self.others)
        whole.groups, whole.others = times * self.groups, times * self.others
        whole.order = None if self.order is None else _copies(self.order, times, count)
        whole.lengths = self.lengths.repeat(times)
        whole.offsets = _starts(whole.lengths)
        whole._blocks, whole._one, whole._repeated = {}, self, OrderedDict()
        return whole

    @cached_property
    def members(self) -> Tensor:
        """[K] int32, ``order`` written out."""
        order = torch.arange(len(self.group), device=self.group.device) if self.order is None else self.order
        return order.int()

    def blocks(self, heads: int) -> Blocks:
        """The grouping of the K * H (incidence, head) pairs by (group, head)."""
        if heads not in self._blocks:
            self._blocks[heads] = self._sorted(heads) if self._one is None else self._copied(self._one, heads)
        return self._blocks[heads]

    def _sorted(self, heads: int) -> Blocks:
        head = torch.arange(heads, device=self.group.device)
        order = self.order
        if heads > 1:
            order = (self.group.unsqueeze(-1) * heads + head).flatten().argsort(stable=True)
        source = (self.other.unsqueeze(-1) * heads + head).flatten()
        return Blocks(order, (source if order is None else source[order]).int(), _starts(self.lengths.repeat_interleave(heads)))

    def _copied(self, one: Grouping, heads: int) -> Blocks:
        order, source, _ = one.blocks(heads)
        times = self.groups // one.groups
        order = None if order is None else _copies(order, times, len(order))
        return Blocks(order, _copies(source, times, one.others * heads), _starts(self.lengths.repeat_interleave(heads)))


Kept = TypeVar("Kept")


def _kept(store: OrderedDict[int, Kept], times: int, make: Callable[[], Kept]) -> Kept:
    """What was made for so many copies, or is made now; the last :data:`KEPT_BATCHES` numbers asked for are remembered."""
    found = store.get(times)
    if found is None:
        found = make()
        with _lock:
            store[times] = found
            while len(store) > KEPT_BATCHES:
                store.popitem(last=False)
    return found


def _starts(lengths: Tensor) -> Tensor:
    """[N + 1] int32, where each of N groups begins, and the end."""
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]).int()


def _copies(numbers: Tensor, times: int, shift: int) -> Tensor:
    """[times * N]: the numbers, each further copy ``shift`` higher."""
    shifts = torch.arange(times, dtype=numbers.dtype, device=numbers.device) * shift
    return (numbers + shifts.unsqueeze(-1)).flatten()


class Pattern:
    """What depends on the incidences alone: ``by_reaction`` and ``by_metabolite``, and whether any pair occurs twice."""

    def __init__(self, hyperedge_index: Tensor, nodes: int, edges: int) -> None:
        # A copy, so that what is kept neither keeps the index alive nor changes with it.
        metabolite, reaction = hyperedge_index.detach().clone()
        self.metabolite, self.reaction, self.nodes, self.edges = metabolite, reaction, nodes, edges
        self._repeated: OrderedDict[int, Pattern] = OrderedDict()
        self._ends: dict[int, tuple[Tensor, Tensor]] = {}

    def repeated(self, times: int) -> Pattern:
        """The pattern of so many copies of the hypergraph side by side; some are remembered."""
        return self if times == 1 else _kept(self._repeated, times, lambda: self._side_by_side(times))

    def _side_by_side(self, times: int) -> Pattern:
        whole = Pattern.__new__(Pattern)
        whole.by_reaction, whole.by_metabolite = self.by_reaction.repeated(times), self.by_metabolite.repeated(times)
        whole.metabolite, whole.reaction = whole.by_metabolite.group, whole.by_reaction.group
        whole.nodes, whole.edges = times * self.nodes, times * self.edges
        whole._repeated, whole._ends = OrderedDict(), {}
        return whole

    @cached_property
    def by_reaction(self) -> Grouping:
        return Grouping(self.reaction, self.metabolite, self.edges, self.nodes)

    @cached_property
    def by_metabolite(self) -> Grouping:
        return Grouping(self.metabolite, self.reaction, self.nodes, self.edges)

    @cached_property
    def distinct(self) -> bool:
        """Whether no (metabolite, reaction) pair is listed twice."""
        cell = self.metabolite * self.edges + self.reaction
        return cell.unique().numel() == cell.numel()

    def ends(self, heads: int) -> tuple[Tensor, Tensor]:
        """[K * H] int32 each: rows of [V * H, F] and of [E * H, F] that belong to every (incidence, head) pair."""
        if heads not in self._ends:
            head = torch.arange(heads, device=self.metabolite.device)
            metabolite, reaction = ((end.unsqueeze(-1) * heads + head).flatten().int() for end in (self.metabolite, self.reaction))
            self._ends[heads] = (metabolite, reaction)
        return self._ends[heads]

    @cached_property
    def ungroup(self) -> Tensor | None:
        """[K] where each incidence stands among those grouped by reaction."""
        order = self.by_reaction.order
        return None if order is None else order.argsort()


_patterns: OrderedDict[tuple[int, int, int], tuple[weakref.ref[Tensor], int, Pattern]] = OrderedDict()
_lock = threading.Lock()


def pattern_of(hyperedge_index: Tensor, nodes: int, edges: int) -> Pattern:
    """The pattern of an index, remembered for as long as that very tensor lives and is not changed in place.

    Changes that bypass PyTorch (through a NumPy array sharing the memory) go unnoticed. Tensors made in inference mode
    do not say when they change, so nothing is remembered for them.
    """
    if hyperedge_index.is_inference():
        return Pattern(hyperedge_index, nodes, edges)
    key, version = (id(hyperedge_index), nodes, edges), hyperedge_index._version
    with _lock:
        kept = _patterns.get(key)
        if kept is not None and kept[0]() is hyperedge_index and kept[1] == version:
            _patterns.move_to_end(key)
            return kept[2]
        pattern = Pattern(hyperedge_index, nodes, edges)
        _patterns[key] = (weakref.ref(hyperedge_index, lambda _: _patterns.pop(key, None)), version, pattern)
        _patterns.move_to_end(key)
        while len(_patterns) > KEPT_PATTERNS:
            _patterns.popitem(last=False)
        return pattern


def weighted_sum(weight: Tensor, values: Tensor, pattern: Pattern, *, to_reactions: bool) -> Tensor:
    """[..., K, H] and [..., N_source, H, F] to [..., N_target, H, F]; differentiable any number of times."""
    batch = np.broadcast_shapes(weight.shape[:-2], values.shape[:-3])
    if not batch:
        return _WeightedSum.apply(weight, values, pattern, to_reactions)
    times = math.prod(batch)
    weight = weight.expand(*batch, *weight.shape[-2:]).flatten(0, len(batch))
    values = values.expand(*batch, *values.shape[-3:]).flatten(0, len(batch))
    return _WeightedSum.apply(weight, values, pattern.repeated(times), to_reactions).unflatten(0, (*batch, -1))


def gather(values: Tensor, grouping: Grouping) -> Tensor:
    """[..., groups, H] to [..., K, H], each incidence its group's."""
    return _Gather.apply(values, grouping)


def segment_sum(values: Tensor, grouping: Grouping) -> Tensor:
    """[..., K, H] to [..., groups, H]; 0 for a group without incidences."""
    return _SegmentSum.apply(values, grouping)


def segment_softmax(score: Tensor, grouping: Grouping) -> Tensor:
    """Softmax of [..., K, H] over the incidences of each group."""
    return _SegmentSoftmax.apply(score, grouping)


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, values: Tensor, pattern: Pattern, to_reactions: bool) -> Tensor:
        ctx.save_for_backward(weight, values)
        ctx.pattern, ctx.to_reactions = pattern, to_reactions
        grouping = pattern.by_reaction if to_reactions else pattern.by_metabolite
        order, source, offsets = grouping.blocks(weight.shape[-1])
        flat = weight.detach().reshape(-1)
        # The gradient of a sum is one number expanded; embedding_bag is fast on rows that lie in memory only.
        rows = values.detach().contiguous().view(-1, values.shape[-1])
        return _bags(source, rows, offsets, flat if order is None else flat.index_select(0, order)).view(grouping.groups, *values.shape[-2:])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, values = ctx.saved_tensors
        for_weight = for_values = None
        if ctx.needs_input_grad[0]:
            ends = (gradients[0], values) if ctx.to_reactions else (values, gradients[0])
            for_weight = _PairDot.apply(*ends, ctx.pattern)
        if ctx.needs_input_grad[1]:
            for_values = _WeightedSum.apply(weight, gradients[0], ctx.pattern, not ctx.to_reactions)
        return for_weight, for_values, None, None


class _PairDot(torch.autograd.Function):
    """[E, H, F] and [V, H, F] to [K, H]: the dot product of the two ends of every incidence."""

    @staticmethod
    def forward(ctx: Any, of_reaction: Tensor, of_metabolite: Tensor, pattern: Pattern) -> Tensor:
        ctx.save_for_backward(of_reaction, of_metabolite)
        ctx.pattern = pattern
        on_cpu, one_head = of_reaction.device.type == "cpu", of_reaction.shape[-2] == 1
        dot = _dot_chunked if not on_cpu else _dot_sampled if one_head else _dot_of_bags
        return dot(of_reaction.detach().contiguous(), of_metabolite.detach().contiguous(), pattern)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        of_reaction, of_metabolite = ctx.saved_tensors
        for_reaction = _WeightedSum.apply(gradients[0], of_metabolite, ctx.pattern, True)
        return for_reaction, _WeightedSum.apply(gradients[0], of_reaction, ctx.pattern, False), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, grouping: Grouping) -> Tensor:
        ctx.grouping = grouping
        return values.detach().index_select(-2, grouping.group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _SegmentSum.apply(gradients[0], ctx.grouping), None


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, grouping: Grouping) -> Tensor:
        ctx.grouping = grouping
        values = values.detach()
        batch = values.shape[:-2]
        whole = grouping.repeated(math.prod(batch))
        return _bags(whole.members, values.reshape(-1, values.shape[-1]), whole.offsets, None).view(*batch, grouping.groups, values.shape[-1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradients[0], ctx.grouping), None


class _SegmentSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, score: Tensor, grouping: Grouping) -> Tensor:
        score, group = score.detach(), grouping.group
        rows = _rows(score)
        ordered = rows if grouping.order is None else rows.index_select(0, grouping.order)
        largest = torch.segment_reduce(ordered, "max", lengths=grouping.lengths, unsafe=True)
        raised = (rows - largest.index_select(0, group)).exp_()
        total = _bags(grouping.members, raised, grouping.offsets, None)
        attention = _unrows(raised.mul_(total.reciprocal_().index_select(0, group)), score)
        ctx.save_for_backward(attention)
        ctx.grouping = grouping
        return attention

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (attention,) = ctx.saved_tensors
        part = gradients[0] * attention
        return part - attention * gather(segment_sum(part, ctx.grouping), ctx.grouping), None


def _bags(source: Tensor, rows: Tensor, offsets: Tensor, weight: Tensor | None) -> Tensor:
    """Sums, group by group, of the (weighted) rows that ``source`` names."""
    return torch.nn.functional.embedding_bag(source, rows, offsets, mode="sum", per_sample_weights=weight, include_last_offset=True)


def _rows(values: Tensor) -> Tensor:
    """[..., K, H] as [K, everything else]."""
    return values.contiguous() if values.dim() == 2 else values.movedim(-2, 0).flatten(1)


def _unrows(rows: Tensor, like: Tensor) -> Tensor:
    """Back to the leading dimensions of ``like``."""
    return rows if like.dim() == 2 else rows.unflatten(1, (*like.shape[:-2], like.shape[-1])).movedim(0, -2).contiguous()


def _dot_sampled(of_reaction: Tensor, of_metabolite: Tensor, pattern: Pattern) -> Tensor:
    _, source, offsets = pattern.by_reaction.blocks(1)
    left, right = of_reaction.squeeze(-2), of_metabolite.squeeze(-2)
    where = torch.sparse_csr_tensor(offsets, source, left.new_zeros(len(source)), (len(left), len(right)), check_invariants=False)
    dots = torch.sparse.sampled_addmm(where, left, right.t(), beta=0.0).values()
    return (dots if pattern.ungroup is None else dots.index_select(0, pattern.ungroup)).unsqueeze(-1)


def _dot_of_bags(of_reaction: Tensor, of_metabolite: Tensor, pattern: Pattern) -> Tensor:
    """What PyTorch computes as the gradient of a bag's weights."""
    heads, width = of_reaction.shape[-2:]
    source, bag = pattern.ends(heads)
    left, right = of_reaction.view(-1, width), of_metabolite.view(-1, width)
    dots: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(left, right, source, source.new_zeros(1), bag, 0)
    return dots.view(-1, heads)


def _dot_chunked(of_reaction: Tensor, of_metabolite: Tensor, pattern: Pattern) -> Tensor:
    heads, width = of_reaction.shape[-2:]
    left, right = of_reaction.flatten(-2), of_metabolite.flatten(-2)
    count, step = len(pattern.reaction), max(1, CHUNK // (heads * width))
    out = left.new_empty(count, heads)
    buffers = left.new_empty(2, min(step, count), heads * width)
    for start in range(0, count, step):
        stop = min(start + step, count)
        a, b = buffers[0, : stop - start], buffers[1, : stop - start]
        torch.index_select(left, 0, pattern.reaction[start:stop], out=a)
        torch.index_select(right, 0, pattern.metabolite[start:stop], out=b)
        torch.sum(a.mul_(b).view(-1, heads, width), -1, out=out[start:stop])
    return out
