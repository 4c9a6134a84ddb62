"""Integrated gradients over the incidences of a metabolic model beside PyG's ``CaptumExplainer``, of the same network, graph and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from torch import nn

Layers = Literal["PyG's", "ours"]
BOUNDS: dict[tuple[str, Layers], float] = {("iJO1366", "PyG's"): 3.0}
"""Times faster than PyG's explainer on PyG's layers that is asked for, by model."""
STEPS = 50
"""Gauss-Legendre points, Captum's default and so PyG's."""
REPETITIONS = 3


class AttributionPair:
    """The growth the shipped network of a model predicts, attributed to a model's incidences by 50 points from the empty network to the whole.

    Ours is :func:`core.explain.attribution.attribute` with ``steps=50``. The peer is ``torch_geometric.explain.Explainer`` with
    ``CaptumExplainer("IntegratedGradients")``, an edge mask and PyG's defaults: ``edge_index`` is the hyperedge index, an edge an incidence. PyG sets
    its edge mask on the ``MessagePassing`` modules of a model, which multiply their messages by it. Two models with the network's weights:

    - "PyG's": both passes of every layer are ``MessagePassing`` modules and the attention is PyG's softmax, which is how one writes this network
      in PyG. The ratio is that of an explanation as our users could have it until now.
    - "ours": the layers are ours; an empty ``MessagePassing`` module takes the mask and the network is given it as ``mask``. The ratio is that of the
      two ways of explaining alone (PyG takes a point at a time).
    """

    def __init__(self, name: str, layers: Layers = "PyG's") -> None:
        from core.bench.pyg_network import InPyG, WithMask
        from core.explain.metabolic_masks import incidence_masks
        from core.metabolic.hypergraph import build_hypergraph
        from core.metabolic.reading import load_tables
        from core.models.checkpoint import load_checkpoint, network_for

        self.name, self.layers = name, layers
        graph = build_hypergraph(load_tables(name))
        network = load_checkpoint(network_for(graph.reactions))
        self.masked = incidence_masks(network, graph)
        self._graph = graph
        self._peer = _explainer((InPyG if layers == "PyG's" else WithMask)(network[0], graph))
        self._ours: np.ndarray | None = None
        self._theirs: np.ndarray | None = None

    @property
    def task(self) -> str:
        return f"integrated gradients, {STEPS} points, {self.name}"

    @property
    def peer(self) -> str:
        return "PyG CaptumExplainer" + ("" if self.layers == "PyG's" else " on our layers")

    def ours(self) -> None:
        """The attribution by our function."""
        from core.explain.attribution import INTEGRATED_GRADIENTS, attribute

        self._ours = attribute(self.masked, INTEGRATED_GRADIENTS, steps=STEPS).values

    def theirs(self) -> None:
        """The attribution by PyG's explainer."""
        self._theirs = self._peer(self._graph.x, self._graph.hyperedge_index).edge_mask.detach().double().numpy()

    def difference(self) -> float:
        """Largest difference between the last two attributions, as a share of the largest."""
        assert self._ours is not None and self._theirs is not None
        return float(np.abs(self._ours - self._theirs).max() / np.abs(self._ours).max())


def _explainer(model: nn.Module) -> Any:
    from torch_geometric.explain import CaptumExplainer, Explainer

    return Explainer(
        model,
        CaptumExplainer("IntegratedGradients"),
        explanation_type="model",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
    )
