"""Controls of an explanation: the same question asked of networks whose weights were drawn anew, of other seeds, and of one with shuffled labels.

An explanation of what was learned changes when the weights do (Adebayo et al. 2018); one that stays follows from the graph and the features alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from core.explain.attribution import INPUT_X_GRADIENT, INTEGRATED_GRADIENTS, SALIENCY, attribute
from core.explain.faithfulness import alike
from core.explain.masked import Masked, Stop

ASKED = (SALIENCY, INPUT_X_GRADIENT, INTEGRATED_GRADIENTS)
"""Methods whose dependence on the weights is looked at."""
STEPS = 16
"""Points of integrated gradients where only the ranking counts."""
TOP = 20
"""Groups at the top of a ranking whose overlap is told."""
NOTHING = "nothing"

Network = tuple[Any, Any]
Told = Callable[[int, int], None]


def drawn_anew(network: Any, stages: int | None = None, *, seed: int = 0) -> Any:
    """A copy whose ``stages`` topmost parts have weights as before training; all of them for None. The network itself is not changed.

    Args:
        network: with a method ``stages`` that names its parts from the top.
    """
    own = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _, modules in own.stages()[:stages]:
            for module in modules:
                module.apply(_reset)
    return own


def _reset(module: nn.Module) -> None:
    if callable(reset := getattr(module, "reset_parameters", None)):
        reset()


def attributed(masked: Masked, level: str, *, should_stop: Stop | None = None) -> dict[str, np.ndarray]:
    """[G] values at a level by each method of :data:`ASKED`, integrated gradients with :data:`STEPS` points."""
    return {
        method: attribute(masked, method, steps=STEPS if method == INTEGRATED_GRADIENTS else None, should_stop=should_stop)
        .at(masked, level)
        .to_numpy(dtype=float)
        for method in ASKED
    }


def randomisation(
    masked: Masked,
    network: Network,
    level: str,
    own: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
    told: Told | None = None,
    should_stop: Stop | None = None,
) -> pd.DataFrame:
    """Weights drawn anew from the top, one part more each time: how alike the ranking stays.

    Args:
        own: values [G] of the network itself (:func:`attributed`).

    Returns:
        Columns ``drawn`` (the lowest part drawn anew so far; :data:`NOTHING` in the first row), and a column a method, Spearman's correlation of
        absolute values with the network's own.
    """
    assert masked.like is not None
    stages = network[0].stages()
    rows: list[dict[str, Any]] = [{"drawn": NOTHING, **dict.fromkeys(own, 1.0)}]
    for count, (name, _) in enumerate(stages, 1):
        found = attributed(masked.like((drawn_anew(network[0], count, seed=seed), network[1])), level, should_stop=should_stop)
        rows.append({"drawn": name, **{method: alike(own[method], found[method]).spearman for method in own}})
        if told:
            told(count, len(stages))
    return pd.DataFrame(rows)


def stability(found: Sequence[Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Over the seeds of an ensemble: columns ``method``, ``seeds``, ``spearman`` (mean over pairs of seeds, of absolute values) and ``jaccard`` (mean
    of the top :data:`TOP`); nan for a single seed."""
    rows = []
    for method in found[0]:
        pairs = list(combinations([one[method] for one in found], 2))
        spearman = float(np.mean([alike(a, b).spearman for a, b in pairs])) if pairs else float("nan")
        overlap = float(np.mean([_jaccard(a, b) for a, b in pairs])) if pairs else float("nan")
        rows.append({"method": method, "seeds": len(found), "spearman": spearman, "jaccard": overlap})
    return pd.DataFrame(rows)


def _jaccard(first: np.ndarray, second: np.ndarray) -> float:
    k = min(TOP, len(first))
    shared = alike(first, second, top=k).overlap * k
    return shared / (2 * k - shared)
