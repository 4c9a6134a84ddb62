"""What a contrastive run of an :class:`~core.models.rna.RnaGine` minimises, and the views it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from core.train.rna_families import RELATIVES, SAMPLES
from core.train.rna_graphs import DESIGNED, FOLDED, FamilyGraphs, View, aligned_bases, aligned_elements

BASES_PER_PAIR = 6
"""Aligned bases drawn from each pair of relatives."""
MOST_ELEMENTS = 512
"""Aligned elements of a batch that are compared, all with all of their kind."""
SAMPLED = 0.4
"""Share of folded views whose elements are those of a structure drawn from the ensemble instead of the best one."""
UNLIKE = -1e4


@dataclass(frozen=True)
class Drawn:
    """A batch: views (first relatives, second relatives, shuffles of the first ``shuffles`` families), and what is aligned between the relatives:
    nodes of bases [P, 2] and of elements [Q, 2] in the assembled batch, and the elements' ``kinds`` [Q]. ``partners`` [B]: whose second relative is
    taken for each first one's."""

    views: list[View]
    shuffles: int
    bases: np.ndarray
    elements: np.ndarray
    kinds: np.ndarray
    partners: np.ndarray

    def dealt_out(self, rng: np.random.Generator) -> Drawn:
        """The same with every partner dealt out at random, elements among those of their kind: nothing can be learned of who belongs together."""
        bases, elements = self.bases.copy(), self.elements.copy()
        rng.shuffle(bases[:, 1])
        for kind in np.unique(self.kinds):
            rows = np.flatnonzero(self.kinds == kind)
            elements[rows, 1] = elements[rng.permutation(rows), 1]
        return replace(self, bases=bases, elements=elements, partners=rng.permutation(self.partners))


def draw_batch(graphs: FamilyGraphs, chosen: np.ndarray, *, given: float, mixed: float, shuffles: float, rng: np.random.Generator) -> Drawn:
    """Two relatives of each family, and shuffles of a share ``shuffles`` of the families.

    All relatives of the batch are folded, or with a chance of ``given`` all have their designed structures, or of ``mixed`` the first ones are folded
    and the second ones designed: how a structure is known must not tell who belongs together.
    """
    first, second = [], []
    chance = rng.random()
    designed, opposite = chance < given, chance < given + mixed
    for family in chosen:
        one, other = rng.permutation(RELATIVES)[:2]
        first.append(View(int(family), int(one), _structure(designed, rng)))
        second.append(View(int(family), int(other), _structure(opposite, rng)))
    count = round(len(chosen) * shuffles)
    views = [*first, *second, *(View(int(family), RELATIVES) for family in chosen[:count])]
    sizes = np.array([len(p.letter) + len(p.kinds) for p in map(graphs.parts, views)])
    starts = np.cumsum(sizes) - sizes
    bases, elements, kinds = [], [], []
    for i, (one, other) in enumerate(zip(first, second, strict=True)):
        a, b = aligned_bases(graphs.families, one.family, one.member, other.member)
        here, there = graphs.parts(one), graphs.parts(other)
        at, opposite = starts[i], starts[len(first) + i]
        if len(a) >= BASES_PER_PAIR:
            picked = rng.choice(len(a), BASES_PER_PAIR, replace=False)
            bases.append(np.stack([at + a[picked], opposite + b[picked]], axis=1))
        found = aligned_elements(here, there, a, b)
        elements.append(found + np.array([at + len(here.letter), opposite + len(there.letter)]))
        kinds.append(here.kinds[found[:, 0]])
    nodes, sorts = np.concatenate(elements), np.concatenate(kinds)
    if len(nodes) > MOST_ELEMENTS:
        kept = rng.choice(len(nodes), MOST_ELEMENTS, replace=False)
        nodes, sorts = nodes[kept], sorts[kept]
    return Drawn(views, count, np.concatenate([*bases, np.zeros((0, 2), np.int64)]), nodes, sorts, np.arange(len(chosen)))


def contrastive_loss(first: Tensor, second: Tensor, temperature: float, *, others: Tensor | None = None, unlike: Tensor | None = None) -> Tensor:
    """InfoNCE over cosines (van den Oord et al. 2018), both ways.

    Args:
        first, second: [B, D]; row i of one belongs to row i of the other.
        others: [S, D] further negatives of every row.
        unlike: [B, B] pairs that are not compared, symmetric.
    """
    first, second = normalize(first, dim=-1), normalize(second, dim=-1)
    right = torch.arange(len(first), device=first.device)
    losses = []
    for own, other in ((first, second), (second, first)):
        scores = own @ other.T
        if unlike is not None:
            scores = scores.masked_fill(unlike, UNLIKE)
        if others is not None:
            scores = torch.cat([scores, own @ normalize(others, dim=-1).T], dim=1)
        losses.append(cross_entropy(scores / temperature, right))
    return torch.stack(losses).mean()


def _structure(designed: bool, rng: np.random.Generator) -> int:
    if designed:
        return DESIGNED
    return 1 + int(rng.integers(SAMPLES)) if rng.random() < SAMPLED else FOLDED
