"""Gates of every reaction on several media, growth on each, and which reactions and media are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.errors import Cancelled, InputError
from core.explain.conditions import STILL, Networks, members, observe
from core.metabolic.condition import Condition, Medium, apply_condition
from core.metabolic.programme import FluxProgramme
from core.metabolic.tables import ModelTables, tables_from_model
from core.storage import digest_of

if TYPE_CHECKING:
    import cobra

MOST = 12
"""Media in one matrix."""
METHOD = "Euclidean distance of gates minus their mean over media, average linkage, optimal leaf order"


@dataclass(frozen=True, eq=False)
class Tree:
    """A clustering for drawing: each of n - 1 joins is a bracket of four points.

    ``place`` [n - 1, 4] counts rows (or columns) of the matrix from 0; ``height`` [n - 1, 4] is the distance.
    """

    place: np.ndarray
    height: np.ndarray


@dataclass(frozen=True, eq=False)
class Clustered:
    """The part of a matrix that is shown, rows and columns in the order of their trees.

    ``gates`` [reactions, media]; ``total`` reactions passed the filter, of which ``varying`` change at all; ``rows`` and ``columns`` are
    None where there are fewer than two.
    """

    gates: pd.DataFrame
    total: int
    varying: int
    rows: Tree | None
    columns: Tree | None

    @property
    def sentence(self) -> str:
        """What is shown of what there is."""
        shown = len(self.gates)
        if not self.varying:
            return f"No gate of these {self.total:,} reactions differs between these media."
        most = f"the {shown:,} whose gate varies most over the media" if shown < self.total else "all"
        return f"{most.capitalize()} of {self.total:,} reactions; the gate of {self.varying:,} varies at all. Ordered by {METHOD}."


@dataclass(frozen=True, eq=False)
class MediaMatrix:
    """Gates and growth on several media, by name.

    Attributes:
        gates: [reactions, media] mean gate of each reaction. gate_sd: its standard deviation over seeds, None for a single network.
        growth: one row per medium: predicted, predicted_sd, fba (1/h, nan where not optimal) and status of FBA.
        subsystems: of every reaction.
        manifest: versions, hashes, media.
    """

    gates: pd.DataFrame
    gate_sd: pd.DataFrame | None
    growth: pd.DataFrame
    subsystems: pd.Series
    manifest: dict[str, Any] = field(repr=False)

    @property
    def spread(self) -> pd.Series:
        """Largest minus smallest gate over the media, by reaction."""
        return (self.gates.max(axis=1) - self.gates.min(axis=1)).rename("spread")

    def clustered(self, rows: int = 60, subsystem: str | None = None) -> Clustered:
        """The ``rows`` reactions (of a subsystem) whose gate varies most, clustered; the same input gives the same order.

        Leaves are ordered by Bar-Joseph et al., Bioinformatics 17 (2001).
        """
        gates = self.gates.dropna() if subsystem is None else self.gates[self.subsystems == subsystem].dropna()
        spread = self.spread[gates.index]
        shown = gates.loc[spread.sort_values(ascending=False, kind="stable").index[:rows]]
        pattern = shown.to_numpy() - shown.to_numpy().mean(axis=1, keepdims=True)
        down, row_tree = _ordered(pattern)
        across, column_tree = _ordered(pattern.T)
        return Clustered(shown.iloc[down, across], len(gates), int((spread > STILL).sum()), row_tree, column_tree)


def matrix(
    model: cobra.Model | ModelTables,
    checkpoint: Networks,
    media: Mapping[str, Medium | str | None],
    knockouts: Iterable[str] = (),
    *,
    objective: str | None = None,
    device: str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> MediaMatrix:
    """Gates on each of several media, with the growth the network predicts and the growth FBA finds.

    Args:
        media: name to a medium, at most :data:`MOST`.
        knockouts: gene or reaction ids, the same on every medium.
        on_progress: called with (media done, media in all).

    Raises:
        InputError: no medium or too many, or one of them, a knock-out, the objective or the checkpoint is unknown.
        Cancelled: ``should_stop`` said so.
    """
    if not 0 < len(media) <= MOST:
        raise InputError(f"A matrix holds 1 to {MOST} media and {len(media)} were given; choose fewer or at least one.")
    tables = model if isinstance(model, ModelTables) else tables_from_model(model)
    lost, networks = tuple(knockouts), members(checkpoint)
    programme = FluxProgramme(tables)
    gates, spreads, growth = {}, {}, {}
    keys: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    for done, (name, medium) in enumerate(media.items()):
        if should_stop is not None and should_stop():
            raise Cancelled("The matrix was stopped.")
        if on_progress is not None:
            on_progress(done, len(media))
        seen = observe(tables, networks, Condition(medium, lost, objective), device=device)
        bounds = apply_condition(tables, medium=medium, knockouts=lost, objective=objective)
        solved = programme.maximise(bounds.lower, bounds.upper, bounds.objective)
        gates[name] = seen.found.table["gate"].to_numpy(dtype=float)
        spreads[name] = None if seen.spread is None else seen.spread.gate_sd
        growth[name] = (seen.found.prediction, seen.growth_sd, solved.value, solved.status)
        manifest, keys[name] = seen.found.manifest, seen.found.graph.key
        subsystems = seen.found.table["subsystem"]
    if on_progress is not None:
        on_progress(len(media), len(media))
    index = pd.Index(tables.reactions, name="reaction")
    return MediaMatrix(
        pd.DataFrame(gates, index=index),
        pd.DataFrame(spreads, index=index) if len(networks) > 1 else None,
        pd.DataFrame.from_dict(growth, orient="index", columns=["predicted", "predicted_sd", "fba", "status"]).rename_axis("medium"),
        pd.Series(subsystems.to_numpy(), index=index, name="subsystem"),
        {
            "key": digest_of(conditions=keys, checkpoint=manifest["checkpoint"]["sha256"], seeds=len(networks)),
            **{key: manifest[key] for key in ("gatescope", "versions", "model", "checkpoint", "device")},
            "media": {name: medium if medium is None or isinstance(medium, str) else dict(medium) for name, medium in media.items()},
            "knockouts": sorted(set(lost)),
            "objective": objective,
            "seeds": len(networks),
            "clustering": METHOD,
        },
    )


def _ordered(pattern: np.ndarray) -> tuple[list[int], Tree | None]:
    """The order of the leaves of a clustering of the rows of ``pattern``, and its tree."""
    if len(pattern) < 2:
        return list(range(len(pattern))), None
    from scipy.cluster.hierarchy import dendrogram, linkage

    drawn = dendrogram(linkage(pattern, method="average", optimal_ordering=True), no_plot=True)
    # SciPy draws leaf i at 5 + 10 i.
    return drawn["leaves"], Tree((np.array(drawn["icoord"]) - 5) / 10, np.array(drawn["dcoord"]))
