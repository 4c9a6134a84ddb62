"""Kinetic parameters in training: one model's, bound to a network so that it reads them with every condition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from core.metabolic.kinetics import hidden_at_random, read_kinetics
from core.metabolic.tables import ModelTables
from core.models.network import NetworkConfig, NetworkOutput

if TYPE_CHECKING:
    from core.models.network import ReactionNetwork


class KineticInputs:
    """A network that is called as itself and is given the kinetic parameters of one model behind the other features of reactions.

    Args:
        network: built for these columns. features: [E, 6] of :meth:`core.metabolic.Kinetics.features`.
    """

    def __init__(self, network: Any, features: np.ndarray) -> None:
        self.network, self.features = network, torch.from_numpy(features)

    @property
    def config(self) -> NetworkConfig:
        """The network's."""
        found: NetworkConfig = self.network.config
        return found

    def __call__(self, x: Tensor, u: Tensor, *others: Tensor, **options: Any) -> NetworkOutput:
        columns = self.features.to(u).expand(*u.shape[:-1], self.features.shape[-1])
        out: NetworkOutput = self.network(x, torch.cat([u, columns], -1), *others, **options)
        return out


def with_kinetics(network: ReactionNetwork, tables: ModelTables, file: str | None) -> Any:
    """The network with a file's kinetic parameters of this model bound to it; itself where there is no file.

    Raises:
        InputError: the file cannot be read.
    """
    return network if file is None else KineticInputs(network, read_kinetics(Path(file)).features(tables))


def step_features(features: np.ndarray, hidden: float | None, seed: int, step: int) -> np.ndarray:
    """What a training step is given: a share ``hidden`` of the known values is taken away, anew in each step, the same in a resumed run."""
    return features if not hidden else hidden_at_random(features, hidden, np.random.default_rng([seed, step]))
