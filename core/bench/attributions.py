"""Integrated gradients over the incidences of a metabolic model beside PyG's ``CaptumExplainer``, of the same network, graph and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn

    from core.explain.masked import Masked

BOUNDS = {"iJO1366": 3.0}
"""Times faster than PyG that is asked for, by model."""
STEPS = 50
"""Gauss-Legendre points, Captum's default and so PyG's."""
REPETITIONS = 3


class AttributionPair:
    """The growth the shipped network of a model predicts, attributed to a model's incidences by 50 points from the empty network to the whole.

    Ours is :func:`core.explain.attribution.attribute` with ``steps=50``. The peer is ``torch_geometric.explain.Explainer`` with
    ``CaptumExplainer("IntegratedGradients")``, an edge mask and PyG's defaults. PyG sets its edge mask on the ``MessagePassing`` modules of a
    model and multiplies their messages by it; our layer is none, and a hyperedge's two passes share one mask. The peer's model therefore holds an
    empty ``MessagePassing`` module, takes the mask PyG sets there and hands it to the network as ``mask``: ``edge_index`` is the hyperedge index,
    an edge an incidence. So both run our layer with its own sums, and the ratio is that of the two ways of explaining (PyG takes a point at a time),
    not of two networks.
    """

    def __init__(self, name: str) -> None:
        import torch

        from core.explain.metabolic_masks import incidence_masks
        from core.metabolic.hypergraph import build_hypergraph
        from core.metabolic.reading import load_tables
        from core.models.checkpoint import load_checkpoint, network_for

        self.name = name
        graph = build_hypergraph(load_tables(name))
        network = load_checkpoint(network_for(graph.reactions))
        self.masked = incidence_masks(network, graph)
        self._index = graph.hyperedge_index
        self._x = torch.zeros(len(graph.metabolites), 1)
        self._peer = _explainer(_as_pyg_wants_it(self.masked))
        self._ours: np.ndarray | None = None
        self._theirs: np.ndarray | None = None

    @property
    def task(self) -> str:
        return f"integrated gradients, {STEPS} points, {self.name}"

    def ours(self) -> None:
        """The attribution by our function."""
        from core.explain.attribution import INTEGRATED_GRADIENTS, attribute

        self._ours = attribute(self.masked, INTEGRATED_GRADIENTS, steps=STEPS).values

    def theirs(self) -> None:
        """The attribution by PyG's explainer."""
        self._theirs = self._peer(self._x, self._index).edge_mask.detach().double().numpy()

    def difference(self) -> float:
        """Largest difference between the last two attributions, as a share of the largest."""
        assert self._ours is not None and self._theirs is not None
        return float(np.abs(self._ours - self._theirs).max() / np.abs(self._ours).max())


def _as_pyg_wants_it(masked: Masked) -> nn.Module:
    """A model that PyG calls with x and edge_index, and whose edge mask is the mask of a masked function."""
    import torch
    from torch import Tensor, nn
    from torch_geometric.nn import MessagePassing

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.masked_here = MessagePassing()

        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            mask = self.masked_here._edge_mask
            return masked.value((torch.ones(edge_index.shape[1]) if mask is None else mask).unsqueeze(0))

    return Model()


def _explainer(model: nn.Module) -> Any:
    from torch_geometric.explain import CaptumExplainer, Explainer

    return Explainer(
        model,
        CaptumExplainer("IntegratedGradients"),
        explanation_type="model",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
    )
