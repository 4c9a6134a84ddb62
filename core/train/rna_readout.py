"""The last linear map of a network trained by contrast, fitted anew.

Contrast teaches the layers below the last one more than the last one passes on: it keeps what tells the training families apart and drops the rest
(a projection head, Chen et al. 2020). Families of another kind are told apart better by what the network reads before it, about the mean of the
training families, along its principal components, each divided by a power of its standard deviation so that the few strongest do not drown the
others (whitening, Jégou and Chum 2012; at a power below 1 in part). No labels are used.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from core.models.rna import RnaGine
from core.train.rna_graphs import DESIGNED, FamilyGraphs, View, read_parts

READ = (View(0, 0), View(0, 1), View(0, 2, DESIGNED))
"""Of each family: two relatives as they fold, and one with its designed structure, so that the mean lies between both ways of knowing a structure."""
LEAST_VARIANCE = 1e-6
"""Components of less than this share of the largest variance are not magnified further."""


def fit_readout(network: RnaGine, graphs: FamilyGraphs, *, families: int, power: float, pooled: float, device: str = "cpu") -> None:
    """Sets the last linear map of a network from the first ``families`` of its training families.

    Args:
        power: of the standard deviation each component is divided by: 0 turns only, 1 whitens.
        pooled: variance of the pooled nodes beside that of the places along the sequence.
    """
    views = [view._replace(family=f) for f in range(min(families, len(graphs.families))) for view in READ]
    bare = copy.deepcopy(network).eval()
    bare.lin_out = nn.Identity()  # type: ignore[assignment]
    reads = read_parts(bare, [graphs.parts(view) for view in views], device)
    weight, bias = partly_whitened(reads, network.config.out, power=power, pooled=network.config.pooled_width, share=pooled)
    with torch.no_grad():
        network.lin_out.weight.copy_(torch.from_numpy(weight))
        network.lin_out.bias.copy_(torch.from_numpy(bias))


def partly_whitened(reads: np.ndarray, out: int, *, power: float, pooled: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """``weight`` [out, D] and ``bias`` [out] of the map onto the principal components of reads [N, D] about their mean, divided by their standard
    deviation to the ``power``.

    Args:
        pooled: how many of the first columns are of pooled nodes. They are scaled to ``share`` of the variance of the others, when there are others.
    """
    mean = reads.mean(axis=0)
    variances = reads.var(axis=0)
    scale = np.ones(reads.shape[1])
    first, rest = variances[:pooled].sum(), variances[pooled:].sum()
    if first > 0 and rest > 0:
        scale[:pooled] = np.sqrt(share * rest / first)
    values, axes = np.linalg.eigh(np.cov((reads - mean).T * scale[:, None]))
    order = np.argsort(-values)[:out]
    strength = np.maximum(values[order], LEAST_VARIANCE * max(values.max(), 1e-12)) ** (power / 2)
    weight = np.zeros((out, reads.shape[1]))
    weight[: len(order)] = (axes[:, order] / strength).T * scale
    return weight, -weight @ mean
