"""The ways of summing over incidences agree with each other, values and gradients."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from core.models import sparse
from core.models.incidence import grouped_softmax, incidence_backend

NODES, EDGES = 9, 7


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def index_of(incidences: int, *, duplicates: bool = False) -> Tensor:
    """Incidences of 8 of the 9 metabolites and 6 of the 7 reactions in random order, so that one of each has none."""
    cell = torch.randint(48, (incidences,)) if duplicates else torch.randperm(48)[:incidences]
    return torch.stack([cell // 6, cell % 6])


def both_ways(name: str, index: Tensor, weight: Tensor, values: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Both sums and, by a random but fixed functional of them, the gradients of the weights and of the values."""
    weight, inputs = weight.clone().requires_grad_(), [v.clone().requires_grad_() for v in values]
    norms = [torch.linspace(0.5, 2, n, dtype=weight.dtype) for n in (EDGES, NODES)]
    product = incidence_backend(name, index, NODES, EDGES, batched=weight.dim() > 2).products(weight, *norms)
    sums = [product.to_reactions(inputs[0]), product.to_metabolites(inputs[1])]
    draw = torch.Generator().manual_seed(3)
    loss = sum((s * torch.randn(s.shape, generator=draw, dtype=s.dtype)).sum() for s in sums)
    return [*sums, *torch.autograd.grad(loss, [weight, *inputs])]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("heads", "incidences"), [(1, 30), (3, 30), (2, 1), (2, 0)])
def test_sparse_and_dense_equal_the_reference(dtype, heads, incidences):
    index = index_of(incidences)
    weight = torch.randn(incidences, heads, dtype=dtype)
    values = torch.randn(NODES, heads, 4, dtype=dtype), torch.randn(EDGES, heads, 4, dtype=dtype)
    expected = both_ways("reference", index, weight, values)
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-5}
    for name in ("sparse", "dense", "auto"):
        for got, wanted in zip(both_ways(name, index, weight, values), expected, strict=True):
            assert got.dtype == dtype
            assert_close(got, wanted, **tolerance)


@pytest.mark.parametrize("name", ["sparse", "dense", "auto"])
def test_an_incidence_listed_twice_counts_twice(name):
    index = index_of(40, duplicates=True)
    assert len(index.unique(dim=1).T) < 40
    weight = torch.randn(40, 2, dtype=torch.float64)
    values = torch.randn(NODES, 2, 4, dtype=torch.float64), torch.randn(EDGES, 2, 4, dtype=torch.float64)
    for got, wanted in zip(both_ways(name, index, weight, values), both_ways("reference", index, weight, values), strict=True):
        assert_close(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("leading", [((3,), ()), ((), (3,)), ((2, 3), (3,))])
@pytest.mark.parametrize("name", ["sparse", "dense"])
def test_batch_dimensions_broadcast(name, leading):
    index, (of_weight, of_values) = index_of(30), leading
    weight = torch.randn(*of_weight, 30, 2, dtype=torch.float64)
    values = torch.randn(*of_values, NODES, 2, 4, dtype=torch.float64), torch.randn(*of_values, EDGES, 2, 4, dtype=torch.float64)
    for got, wanted in zip(both_ways(name, index, weight, values), both_ways("reference", index, weight, values), strict=True):
        assert_close(got, wanted, rtol=1e-12, atol=1e-12)


def test_one_weight_column_serves_all_heads():
    index, weight = index_of(30), torch.randn(30, 1, dtype=torch.float64)
    values = torch.randn(NODES, 3, 4, dtype=torch.float64), torch.randn(EDGES, 3, 4, dtype=torch.float64)
    expected = both_ways("reference", index, weight.expand(30, 3), values)
    for name in ("reference", "dense", "sparse"):
        got = both_ways(name, index, weight, values)
        for one, wanted in zip((*got[:2], *got[3:]), (*expected[:2], *expected[3:]), strict=True):
            assert_close(one, wanted, rtol=1e-12, atol=1e-12)
        assert_close(got[2], expected[2].sum(-1, keepdim=True), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("to_reactions", [True, False])
def test_first_and_second_gradients_of_the_weighted_sum(heads, to_reactions):
    pattern = sparse.Pattern(index_of(9), NODES, EDGES)
    weight = torch.randn(9, heads, dtype=torch.float64, requires_grad=True)
    values = torch.randn(NODES if to_reactions else EDGES, heads, 2, dtype=torch.float64, requires_grad=True)

    def run(weight: Tensor, values: Tensor) -> Tensor:
        return sparse.weighted_sum(weight, values, pattern, to_reactions=to_reactions)

    assert torch.autograd.gradcheck(run, (weight, values))
    assert torch.autograd.gradgradcheck(run, (weight, values))


@pytest.mark.parametrize("leading", [(), (2,)])
@pytest.mark.parametrize("within", ["by_reaction", "by_metabolite"])
def test_segments_equal_the_reference_and_differentiate_twice(within, leading):
    index = index_of(20)
    grouping = getattr(sparse.Pattern(index, NODES, EDGES), within)
    score = (3 * torch.randn(*leading, 20, 2, dtype=torch.float64)).requires_grad_()
    groups, place = (EDGES, index[1]) if within == "by_reaction" else (NODES, index[0])
    got = sparse.segment_softmax(score, grouping)
    assert_close(got, grouped_softmax(score, place, groups), rtol=1e-12, atol=1e-12)
    sums = sparse.segment_sum(got, grouping)
    present = torch.bincount(place, minlength=groups) > 0
    assert_close(sums, present.double().unsqueeze(-1).expand_as(sums))
    assert not present.all()
    assert_close(sparse.gather(sums, grouping), sums[..., place, :])
    for run in (sparse.segment_softmax, sparse.segment_sum):
        assert torch.autograd.gradcheck(lambda s, f=run: f(s, grouping), (score,))
        assert torch.autograd.gradgradcheck(lambda s, f=run: f(s, grouping), (score,))


def test_softmax_of_large_scores_does_not_overflow():
    grouping = sparse.Pattern(torch.tensor([[0, 1, 2], [0, 0, 1]]), 3, 2).by_reaction
    attention = sparse.segment_softmax(torch.tensor([[1e4], [1e4 - 1], [-1e4]]), grouping)
    assert_close(attention, torch.tensor([[0.7310586], [0.2689414], [1.0]]))


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("copies", [1, 3])
def test_dot_products_of_the_two_ends(heads, copies, monkeypatch):
    """However they are computed; chunks do not divide the incidences: the last, shorter one counts too."""
    monkeypatch.setattr(sparse, "CHUNK", 7 * heads * 4)
    index = index_of(30)
    pattern = sparse.Pattern(index, NODES, EDGES).repeated(copies)
    ends = torch.randn(copies, EDGES, heads, 4), torch.randn(copies, NODES, heads, 4)
    expected = (ends[0][:, index[1]] * ends[1][:, index[0]]).sum(-1).flatten(0, 1)
    for dot in (sparse._PairDot.apply, sparse._dot_of_bags, sparse._dot_chunked, *([sparse._dot_sampled] if heads == 1 else [])):
        assert_close(dot(ends[0].flatten(0, 1), ends[1].flatten(0, 1), pattern), expected)


def test_copies_side_by_side_are_the_pattern_of_the_larger_hypergraph():
    index, times = index_of(30), 3
    one = sparse.Pattern(index, NODES, EDGES)
    larger = torch.cat([index + shift * torch.tensor([[NODES], [EDGES]]) for shift in range(times)], 1)
    got, expected = one.repeated(times), sparse.Pattern(larger, times * NODES, times * EDGES)
    assert one.repeated(times) is got and one.repeated(1) is one
    for name in ("by_reaction", "by_metabolite"):
        mine, wanted = getattr(got, name), getattr(expected, name)
        for part in ("group", "other", "lengths", "offsets", "members"):
            assert_close(getattr(mine, part), getattr(wanted, part), rtol=0, atol=0)
        for heads in (1, 2):
            for own, other in zip(mine.blocks(heads), wanted.blocks(heads), strict=True):
                assert (own is None and other is None) or torch.equal(own, other)
    for times in range(2, 2 + 2 * sparse.KEPT_BATCHES):
        one.repeated(times)
    assert len(one._repeated) == sparse.KEPT_BATCHES and one.repeated(3) is not got


def test_a_pattern_is_remembered_for_its_tensor_only():
    index = index_of(30)
    pattern = sparse.pattern_of(index, NODES, EDGES)
    assert sparse.pattern_of(index, NODES, EDGES) is pattern
    assert sparse.pattern_of(index.clone(), NODES, EDGES) is not pattern
    assert sparse.pattern_of(index, NODES + 1, EDGES) is not pattern
    assert sparse.pattern_of(index[:], NODES, EDGES) is not pattern  # the same memory, another tensor


def test_a_pattern_is_built_anew_when_its_tensor_changes():
    """The same tensor with other contents, sorted or not, must never be served the old pattern."""
    index, weight = index_of(30), torch.randn(30, 2, dtype=torch.float64)
    values = torch.randn(NODES, 2, 4, dtype=torch.float64), torch.randn(EDGES, 2, 4, dtype=torch.float64)
    before = both_ways("sparse", index, weight, values)
    index[:, :] = index.flip(1)
    after = both_ways("sparse", index, weight, values)
    assert not torch.allclose(before[0], after[0])
    assert_close(after[0], both_ways("reference", index, weight, values)[0], rtol=1e-12, atol=1e-12)


def test_patterns_are_forgotten_with_their_tensor_and_kept_in_bounds():
    indices = [index_of(5) for _ in range(sparse.KEPT_PATTERNS + 5)]
    patterns = [sparse.pattern_of(index, NODES, EDGES) for index in indices]
    assert len(sparse._patterns) == sparse.KEPT_PATTERNS
    assert sparse.pattern_of(indices[-1], NODES, EDGES) is patterns[-1]
    assert sparse.pattern_of(indices[0], NODES, EDGES) is not patterns[0]
    last = id(indices[-1])
    assert any(key[0] == last for key in sparse._patterns)
    del indices
    assert not any(key[0] == last for key in sparse._patterns)


def test_indices_made_in_inference_mode_work():
    with torch.inference_mode():
        index = torch.tensor([[0, 1, 1], [0, 0, 1]])
        product = incidence_backend("sparse", index, 2, 2, batched=False).products(torch.ones(3, 1), torch.ones(2), torch.ones(2))
        assert product.to_reactions(torch.tensor([[[1.0]], [[2.0]]])).flatten().tolist() == [3, 2]


def test_threads_share_a_pattern():
    index, weight = index_of(40), torch.randn(40, 2)
    values = torch.randn(NODES, 2, 4), torch.randn(EDGES, 2, 4)
    expected = both_ways("reference", index, weight, values)
    with ThreadPoolExecutor(2) as pool:
        for results in pool.map(lambda _: both_ways("sparse", index, weight, values), range(40)):
            for got, wanted in zip(results, expected, strict=True):
                assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def test_auto_chooses_by_batch_size_and_repeats():
    def chosen(index: Tensor, nodes: int, edges: int, batched: bool) -> str:
        return incidence_backend("auto", index, nodes, edges, batched=batched).name

    index, large = index_of(30), torch.arange(2500).repeat(2, 1)
    assert chosen(index, NODES, EDGES, True) == "dense"
    assert chosen(index, NODES, EDGES, False) == "reference"
    assert chosen(torch.cat([index, index], 1), NODES, EDGES, True) == "sparse"
    assert chosen(large, 2500, 2500, True) == "sparse"
    assert chosen(large, 2500, 2500, False) == "sparse"
    assert chosen(large[:, 1:], 2500, 2500, False) == "reference"
