"""What the idea of a gated network leads one to expect, asked of the shipped networks: each a number, and whether the network agrees.

An expectation holds where it holds over the seeds of an ensemble: by more than two standard deviations. What cannot be told is said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.atp import gates_over_reactions
from core.explain.conditions import SURE, Networks, Seen, observe
from core.explain.gate_statistics import CENTRAL, PERIPHERAL
from core.metabolic.condition import Condition
from core.metabolic.flux_balance import FLOWING, fba
from core.metabolic.tables import ModelTables

AGREES, AGREES_NOT, UNTOLD = "the network agrees", "the network does not agree", "cannot be told"
HARDLY = 0.1
"""A predicted flux that moves by less than this share of what FBA's moves has not moved."""


@dataclass(frozen=True, eq=False)
class Finding:
    """``numbers`` by what they are, the ``outcome`` (:data:`AGREES`, :data:`AGREES_NOT` or :data:`UNTOLD`) with its ``reason``, and a ``table``."""

    numbers: dict[str, float]
    outcome: str
    reason: str
    table: pd.DataFrame = field(repr=False)


def over_seeds(values: Sequence[float] | np.ndarray, than: float) -> str:
    """Whether values of an ensemble's seeds lie above a number by :data:`SURE` standard deviations, below it by as many, or neither.

    A single value is compared as it is.
    """
    found = np.asarray(values, dtype=float)
    room = SURE * float(found.std(ddof=1)) if len(found) > 1 else 0.0
    return AGREES if found.mean() - room > than else AGREES_NOT if found.mean() + room < than else UNTOLD


def atp_gates(tables: ModelTables, networks: Networks, reaction: str, *, metabolite: str = "atp_c", device: str = "cpu") -> Finding:
    """Is the metabolite's gate in a central reaction wider than in peripheral ones that use as much of it?

    The number is the share of peripheral reactions with the same coefficient whose gate is narrower: .5 is no difference.

    Raises:
        InputError: the reaction does not use the metabolite, or the model has no peripheral reaction that does.
    """
    seen = observe(tables, networks, Condition(), device=device)
    rows = gates_over_reactions(seen.found, metabolite)
    mine = rows["reaction"] == reaction
    if not mine.any():
        raise InputError(f"{reaction!r} does not use {metabolite} in {tables.id}; choose a reaction that does.")
    others = (rows["role"] == PERIPHERAL) & (rows["coefficient"] == rows.loc[mine, "coefficient"].iloc[0]) & ~mine
    if not others.any():
        raise InputError(f"{tables.id} has no peripheral reaction that uses as much {metabolite} as {reaction}.")
    gates = _incidence_gates(seen)[:, tables.rows == tables.metabolite_index()[metabolite]]
    shares = [float((one[others] < one[mine][0]).mean()) for one in gates]
    own = float(rows.loc[mine, "gate"].iloc[0])
    numbers = {
        "gate": own,
        "gate, mean over seeds": float(gates[:, mine].mean()),
        "gate, sd over seeds": _sd(gates[:, mine][:, 0]),
        "median gate of peripheral reactions": float(rows.loc[others, "gate"].median()),
        "peripheral reactions": int(others.sum()),
        "share narrower": shares[0],
        "share narrower, mean over seeds": float(np.mean(shares)),
        "share narrower, sd over seeds": _sd(shares),
    }
    outcome = over_seeds(shares, 0.5)
    spread = f"{np.mean(shares):.0%} ± {_sd(shares):.0%} over {len(shares)} seeds" if len(shares) > 1 else f"{shares[0]:.0%}"
    reason = f"its {metabolite} gate is wider than that of {spread} of the {int(others.sum())} peripheral ones that use as much (no difference: 50%)"
    table = rows[mine | others].sort_values("gate", ascending=False, ignore_index=True)
    return Finding(numbers, outcome, reason, table[["reaction", "name", "coefficient", "subsystem", "role", "gate"]])


def control_point(tables: ModelTables, networks: Networks, reaction: str, *, device: str = "cpu") -> Finding:
    """Is a reaction a point of control? What its knock-out does to growth by FBA and by the network, and where its gate stands among all.

    Whatever comes out, labels of flux balance hold no regulation, so that it cannot be told.
    """
    whole, lost = observe(tables, networks, Condition(), device=device), observe(tables, networks, Condition(knockouts=(reaction,)), device=device)
    truth = [fba(tables, knockouts=closed).growth for closed in ((), (reaction,))]
    gates = whole.found.table.set_index("reaction")["gate"]
    numbers = {
        "growth, FBA": truth[0],
        "growth without it, FBA": truth[1],
        "growth, network": whole.found.prediction,
        "growth without it, network": lost.found.prediction,
        "gate": float(gates[reaction]),
        "reactions with a wider gate": int((gates > gates[reaction]).sum()),
        "reactions": int(gates.notna().sum()),
    }
    kept, wider = truth[1] / truth[0], numbers["reactions with a wider gate"]
    reason = (
        f"FBA keeps {kept:.0%} of growth without {reaction}, the network {lost.found.prediction / whole.found.prediction:.0%}; {wider} of "
        f"{numbers['reactions']} reactions have a wider gate. Labels of flux balance hold no regulation: they cannot show a point of control, nor "
        "deny one"
    )
    return Finding(numbers, UNTOLD, reason, whole.found.table[["reaction", "name", "gate", "flux_predicted"]].sort_values("gate", ascending=False))


def change(tables: ModelTables, networks: Networks, before: Condition, after: Condition, reactions: Sequence[str], *, device: str = "cpu") -> Finding:
    """Do predicted fluxes of reactions go where FBA's go from one condition to another?

    The outcome counts the reactions whose flux FBA changes: the network agrees where it moves every one of them the same way over the seeds, by
    :data:`HARDLY` of FBA's change or more.
    """
    a, b = (observe(tables, networks, condition, device=device) for condition in (before, after))
    solved = [fba(tables, medium=c.medium, knockouts=c.knockouts, objective=c.objective, parsimonious=True) for c in (before, after)]
    index = tables.reaction_index()
    if unknown := [r for r in reactions if r not in index]:
        raise InputError(f"{tables.id} has no reaction {unknown[0]!r}.")
    places = [index[r] for r in reactions]
    fluxes = [_fluxes(seen)[:, places] for seen in (a, b)]
    gates = [seen.found.table["gate"].to_numpy(dtype=float)[places] for seen in (a, b)]
    moved = fluxes[1] - fluxes[0]
    truth = np.array([[float(one.fluxes.get(r, np.nan)) for r in reactions] for one in solved])
    wanted = truth[1] - truth[0]
    table = pd.DataFrame(
        {
            "reaction": list(reactions),
            "name": [tables.reaction_names[p] for p in places],
            "flux before, FBA": truth[0],
            "flux after, FBA": truth[1],
            "flux before, network": fluxes[0][0],
            "flux after, network": fluxes[1][0],
            "change, network, mean over seeds": moved.mean(0),
            "change, network, sd over seeds": [_sd(one) for one in moved.T],
            "gate before": gates[0],
            "gate after": gates[1],
        }
    )
    told = [over_seeds(one * np.sign(w), HARDLY * abs(w)) for one, w in zip(moved.T, wanted, strict=True) if abs(w) > FLOWING]
    numbers = {
        "growth before, FBA": solved[0].growth,
        "growth after, FBA": solved[1].growth,
        "growth before, network": a.found.prediction,
        "growth after, network": b.found.prediction,
        "reactions that FBA moves": len(told),
        "moved the same way": told.count(AGREES),
        "hardly moved, or the other way": told.count(AGREES_NOT),
    }
    outcome = UNTOLD if not told else AGREES if told.count(AGREES) == len(told) else AGREES_NOT if AGREES_NOT in told else UNTOLD
    reason = (
        f"of {len(told)} reactions whose flux FBA changes, the network moves {told.count(AGREES)} the same way over its seeds and "
        f"{told.count(AGREES_NOT)} hardly or the other way; growth goes from {solved[0].growth:.3f} to {solved[1].growth:.3f} by FBA, from "
        f"{a.found.prediction:.3f} to {b.found.prediction:.3f} by the network"
    )
    return Finding(numbers, outcome, reason, table)


def rescue(tables: ModelTables, networks: Networks, lost: str, fed: str, bound: float = 10.0, *, device: str = "cpu") -> Finding:
    """A knock-out that stops growth, and a nutrient that gives it back: does the network say so?

    Args:
        lost: reaction or gene. fed: exchange reaction that is opened. bound: of its uptake, mmol/gDW/h.
    """
    from core.metabolic.condition import own_medium

    rich = {**own_medium(tables), fed: bound}
    conditions = {"as it is": Condition(), f"without {lost}": Condition(knockouts=(lost,)), f"without {lost}, with {fed}": Condition(rich, (lost,))}
    seen = [observe(tables, networks, one, device=device) for one in conditions.values()]
    truth = [fba(tables, medium=c.medium, knockouts=c.knockouts).growth for c in conditions.values()]
    growth = np.stack([_growths(one) for one in seen])
    table = pd.DataFrame(
        {
            "condition": list(conditions),
            "growth, FBA": np.nan_to_num(truth),
            "growth, network": growth[:, 0],
            "growth, network, sd over seeds": [_sd(one) for one in growth],
        }
    )
    back = over_seeds(growth[2] - growth[1], 0.5 * (float(np.nan_to_num(truth[2])) - float(np.nan_to_num(truth[1]))))
    down = over_seeds(growth[0] - growth[1], 0.5 * (truth[0] - float(np.nan_to_num(truth[1]))))
    outcome = AGREES if back == down == AGREES else AGREES_NOT if AGREES_NOT in (back, down) else UNTOLD
    said = {"FBA": np.nan_to_num(truth), "network": growth[:, 0]}
    numbers = {f"growth {name}, {who}": float(v) for who, values in said.items() for name, v in zip(conditions, values, strict=True)}
    by = {who: ", ".join(f"{v:.3f}" for v in values) for who, values in said.items()}
    reason = (
        f"growth is {by['FBA']} by FBA and {by['network']} by the network: as it is, without {lost}, and without it but with {fed}; at least half of "
        "each change would be agreement"
    )
    return Finding(numbers, outcome, reason, table)


def central_reactions(tables: ModelTables) -> list[str]:
    """Ids of the reactions of central carbon and energy metabolism."""
    from core.explain.atp import role_of

    return [r for r, s in zip(tables.reactions, tables.subsystems, strict=True) if role_of(s) == CENTRAL]


def _incidence_gates(seen: Seen) -> np.ndarray:
    """[S, K]."""
    if seen.spread is not None:
        return seen.spread.incidence_gate
    return seen.found.incidences["gate"].to_numpy(dtype=float)[None]


def _fluxes(seen: Seen) -> np.ndarray:
    """[S, E]."""
    return seen.spread.flux if seen.spread is not None else seen.found.table["flux_predicted"].to_numpy(dtype=float)[None]


def _growths(seen: Seen) -> np.ndarray:
    """[S]."""
    return seen.spread.growth if seen.spread is not None else np.array([seen.found.prediction])


def _sd(values: Sequence[float] | np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
