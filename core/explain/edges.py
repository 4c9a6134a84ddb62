"""The directed edges of an RNA's graph by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.rna.graph import EDGE_FEATURES

if TYPE_CHECKING:
    from torch_geometric.data import Data

KINDS = ("backbone", "pair", "pair+backbone", "element to base", "base to element", "element to element")


def edge_table(graph: Data, encoding: str) -> pd.DataFrame:
    """Names, kind and direction of every directed edge."""
    bit = dict(zip(EDGE_FEATURES[encoding], graph.edge_attr.numpy().T > 0, strict=True))
    none = np.zeros(graph.edge_index.shape[1], dtype=bool)
    parent, child, between = (bit.get(name, none) for name in ("parent_child", "child_parent", "element_element"))
    sorts = [bit["adjacent"] & bit["base_pair"], bit["adjacent"], bit["base_pair"], parent, child, between]
    kinds = np.select(sorts, ["pair+backbone", "backbone", "pair", "element to base", "base to element", "element to element"], default="")
    names = np.array(graph.node_names, dtype=object)
    source, target = graph.edge_index.numpy()
    direction = np.where(bit["is_forward"], "forward", "backward")
    weight = graph.edge_weight.numpy() if "edge_weight" in graph else np.ones(len(source), dtype=np.float32)
    return pd.DataFrame({"source": names[source], "target": names[target], "kind": kinds, "direction": direction, "weight": weight})
