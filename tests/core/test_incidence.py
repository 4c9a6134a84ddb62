"""The ways of summing over incidences agree with each other, values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from core.models.incidence import incidence_backend

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
