"""What the idea of a gated network leads one to expect, asked of the shipped networks: each a number, and whether the network agrees.

The rules of agreement are in :mod:`core.explain.outcomes`. What cannot be told is said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.atp import gates_over_reactions
from core.explain.conditions import Networks, Seen, observe
from core.explain.gate_statistics import PERIPHERAL
from core.explain.outcomes import (
    AGREES,
    AGREES_NOT,
    CLEAR,
    ENOUGH,
    FEWEST,
    RARE,
    UNTOLD,
    Finding,
    Stop,
    all_of,
    alone,
    go_on,
    judged,
    over_seeds,
    place,
    sd,
    shifted,
    side,
    spread,
    stands_out,
)
from core.metabolic.condition import Condition, own_medium
from core.metabolic.flux_balance import FLOWING, fba
from core.metabolic.tables import ModelTables

FBA = "FBA"


def atp_gates(
    tables: ModelTables,
    networks: Networks,
    reaction: str,
    *,
    control: Networks | None = None,
    metabolite: str = "atp_c",
    device: str = "cpu",
    should_stop: Stop | None = None,
) -> Finding:
    """Does the metabolite's gate in one reaction stand out from those in peripheral reactions that use as much of it, to either side?

    The number is the share of those whose gate is narrower. Without an effect it can be anything from 0 to 1, and the same in all seeds, since
    they read the same features: only a rare place counts, and only one that a network of shuffled labels does not give too.

    Args:
        control: a network whose training taught it nothing.

    Raises:
        InputError: the reaction does not use the metabolite, or the model has no peripheral reaction that does.
        Cancelled: ``should_stop`` said so.
    """
    go_on(should_stop)
    seen = observe(tables, networks, Condition(), device=device)
    rows = gates_over_reactions(seen.found, metabolite)
    mine = (rows["reaction"] == reaction).to_numpy()
    if not mine.any():
        raise InputError(f"{reaction!r} does not use {metabolite} in {tables.id}; choose a reaction that does.")
    others = ((rows["role"] == PERIPHERAL) & (rows["coefficient"] == rows["coefficient"][mine].iloc[0])).to_numpy() & ~mine
    if not others.any():
        raise InputError(f"{tables.id} has no peripheral reaction that uses as much {metabolite} as {reaction}.")
    go_on(should_stop)
    of_metabolite = tables.rows == tables.metabolite_index()[metabolite]
    gates = _incidence_gates(seen)[:, of_metabolite]
    count, shares = int(others.sum()), [place(float(one[mine][0]), one[others]) for one in gates]
    sides, untaught = [side(float(one[mine][0]), one[others]) for one in gates], None
    numbers: dict[str, float] = {
        "gate": float(rows["gate"][mine].iloc[0]),
        "gate, mean over seeds": float(gates[:, mine].mean()),
        "gate, sd over seeds": sd(gates[:, mine][:, 0]),
        "median gate of peripheral reactions": float(rows["gate"][others].median()),
        "peripheral reactions": count,
        "share narrower": shares[0],
        "share narrower, mean over seeds": float(np.mean(shares)),
        "share narrower, sd over seeds": sd(shares),
        "seeds in which it stands out": sum(map(abs, sides)),
    }
    rows["gate, mean over seeds"] = gates.mean(0)
    beside = ""
    if control is not None:
        other = _incidence_gates(observe(tables, control, Condition(), device=device))[0, of_metabolite]
        rows["gate, shuffled labels"] = other
        numbers["share narrower, shuffled labels"] = place(float(other[mine][0]), other[others])
        untaught = side(float(other[mine][0]), other[others])
        beside = f", and of {numbers['share narrower, shuffled labels']:.0%} of them in a network taught shuffled labels"
    reason = f"its {metabolite} gate is wider than that of {spread(shares, '.0%')} of the {count} peripheral ones that use as much{beside}; "
    reason += _rarity(sides, count, untaught) + alone(len(gates))
    table = rows[mine | others].sort_values("gate", ascending=False, ignore_index=True)
    columns = ["reaction", "name", "coefficient", "subsystem", "role", "gate", "gate, mean over seeds"]
    columns += [] if control is None else ["gate, shuffled labels"]
    return Finding(numbers, stands_out(sides, count, untaught or 0), reason, table[columns], (Condition(),))


def _rarity(sides: Sequence[int], others: int, untaught: int | None) -> str:
    """Whether gates on these sides of the others are rare ones; ``untaught`` is the side in the control, None without one."""
    if others < FEWEST:
        return f"with fewer than {FEWEST} to compare with, not even the widest gate of all would be a rare one"
    beside = "" if untaught is None else ", and with shuffled labels too" if untaught else ", and not with shuffled labels"
    return (
        f"it stands out where at most {RARE:.0%} of the gates are as wide, or as narrow, in every seed and not with shuffled labels as well: it does "
        f"so in {sum(map(abs, sides))} of {len(sides)} networks{beside}"
    )


def control_point(tables: ModelTables, networks: Networks, reaction: str, *, device: str = "cpu", should_stop: Stop | None = None) -> Finding:
    """Is a reaction a point of control? What its knock-out does to growth by FBA and by the network, and where its gate stands among all.

    Whatever comes out, labels of flux balance hold no regulation, so that it cannot be told.

    Raises:
        Cancelled: ``should_stop`` said so.
    """
    conditions = (Condition(), Condition(knockouts=(reaction,)))
    whole, lost = _observed(tables, networks, conditions, device, should_stop)
    truth = [fba(tables, knockouts=one.knockouts).growth for one in conditions]
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
    table = whole.found.table[["reaction", "name", "gate", "flux_predicted"]].sort_values("gate", ascending=False)
    return Finding(numbers, UNTOLD, reason, table, conditions)


def change(
    tables: ModelTables,
    networks: Networks,
    before: Condition,
    after: Condition,
    reactions: Sequence[str],
    *,
    device: str = "cpu",
    should_stop: Stop | None = None,
) -> Finding:
    """Do predicted fluxes of reactions go where FBA's go from one condition to another?

    The network agrees with FBA where over the seeds it moves every reaction whose flux FBA changes the same way, by :data:`ENOUGH` of FBA's change
    or more, and none that FBA leaves still by more than :data:`CLEAR` of FBA's largest change.

    Raises:
        InputError: an unknown reaction.
        Cancelled: ``should_stop`` said so.
    """
    moves = _moves(tables, networks, before, after, reactions, device, should_stop)
    moved, wanted = moves.after - moves.before, moves.truth[1] - moves.truth[0]
    told, strayed = judged(moved, wanted)
    growth, predicted = moves.growth, moves.grown[:, 0]
    numbers = {
        "growth before, FBA": growth[0],
        "growth after, FBA": growth[1],
        "growth before, network": predicted[0],
        "growth after, network": predicted[1],
        "reactions that FBA moves": len(told),
        "moved the same way": told.count(AGREES),
        "hardly moved, or the other way": told.count(AGREES_NOT),
        "moved in some seeds only": told.count(UNTOLD),
        "reactions that FBA leaves still": len(strayed),
        "moved where FBA leaves still": strayed.count(AGREES_NOT),
    }
    movers = [reaction for reaction, w in zip(reactions, wanted, strict=True) if abs(w) > FLOWING]
    unsure = [reaction for reaction, one in zip(movers, told, strict=True) if one == UNTOLD]
    between = f"; of {', '.join(unsure)} its seeds do not tell" if unsure and len(moved) > 1 else ""
    still = (
        f"; of {len(strayed)} that FBA leaves still it moves {strayed.count(AGREES_NOT)} (by more than {CLEAR:.0%} of FBA's largest change)"
        if strayed
        else ""
    )
    reason = (
        f"of {len(told)} reactions whose flux FBA changes, the network over its seeds moves {told.count(AGREES)} the same way by at least "
        f"{ENOUGH:.0%} as much, which is nearer to FBA's change than to none, and {told.count(AGREES_NOT)} by less or the other way{between}{still}; "
        f"growth goes from {growth[0]:.3f} to {growth[1]:.3f} by FBA, from {predicted[0]:.3f} to {predicted[1]:.3f} by the network"
    )
    outcome = all_of([*told, *strayed]) if told else UNTOLD
    return Finding(numbers, outcome, reason + alone(len(moved)), moves.table, (before, after), FBA)


def two_ways(
    tables: ModelTables,
    networks: Networks,
    before: Condition,
    after: Condition,
    first: str,
    second: str,
    product: str,
    *,
    also: Sequence[str] = (),
    device: str = "cpu",
    should_stop: Stop | None = None,
) -> Finding:
    """Two ways to one metabolite: does the second take over from one condition to another, by FBA and by the network?

    The number is the share of the second in what both make, in turns of the reactions (GLUSy makes two glutamates, one of which GLNS used up); a
    way that runs to use the metabolite up makes none. Where neither shifts, that is agreement only of a network that hears the difference between
    the conditions at all: whose growth changes by :data:`ENOUGH` of FBA's change.

    Args:
        product: the metabolite. also: reactions that are listed beside.

    Raises:
        InputError: an unknown reaction, or one without the metabolite.
        Cancelled: ``should_stop`` said so.
    """
    moves = _moves(tables, networks, before, after, (first, second, *also), device, should_stop)
    signs = [np.sign(_coefficient(tables, reaction, product)) for reaction in (first, second)]
    truth = [share_of_second(one[None, :2] * signs)[0] for one in moves.truth]
    found = [share_of_second(one[:, :2] * signs) for one in (moves.before, moves.after)]
    shift, wanted = found[1] - found[0], float(truth[1] - truth[0])
    still = abs(wanted) <= CLEAR
    grown = moves.grown[1] - moves.grown[0]
    outcome = shifted(shift, wanted, grown, float(moves.growth[1] - moves.growth[0]))
    numbers: dict[str, float] = {}
    for when, true, seen in zip(("before", "after"), truth, found, strict=True):
        numbers[f"share of {second} {when}, {FBA}"] = float(true)
        numbers[f"share of {second} {when}, network"] = float(seen[0])
        numbers[f"share of {second} {when}, network, mean over seeds"] = float(seen.mean())
    numbers["shift, network, mean over seeds"], numbers["shift, network, sd over seeds"] = float(shift.mean()), sd(shift)
    numbers["change of growth, FBA"] = float(moves.growth[1] - moves.growth[0])
    numbers["change of growth, network, mean over seeds"] = float(grown.mean())
    rule = f"a shift of less than {CLEAR:.0%} of all" if still else f"at least {ENOUGH:.0%} of FBA's shift, which is nearer to it than to none,"
    name = tables.metabolite_names[tables.metabolite_index()[product]]
    reason = (
        f"of the {name} that {first} and {second} make, {second} makes {truth[0]:.0%} before and {truth[1]:.0%} after by FBA, "
        f"{spread(found[0], '.0%')} before and {spread(found[1], '.0%')} after by the network; {rule} in the network is agreement with FBA, "
        f"if it hears the change of conditions by at least {ENOUGH:.0%} of FBA's change of growth: that is {numbers['change of growth, FBA']:.3f} by "
        f"FBA and {spread(grown, '.3f')} by the network"
    )
    return Finding(numbers, outcome, reason + alone(len(shift)), moves.table, (before, after), FBA)


def share_of_second(made: np.ndarray) -> np.ndarray:
    """[S] share of the second way in what both make; nan where neither makes anything.

    Args:
        made: [S, 2] fluxes of both ways, positive where they make it (mmol/gDW/h).
    """
    kept = np.maximum(made, 0.0)
    total = kept.sum(1)
    return np.where(total > FLOWING, kept[:, 1] / np.maximum(total, FLOWING), np.nan)


def rescue(
    tables: ModelTables,
    networks: Networks,
    lost: str,
    fed: str,
    bound: float = 10.0,
    *,
    device: str = "cpu",
    should_stop: Stop | None = None,
) -> Finding:
    """A knock-out that stops growth, and a nutrient that gives it back: does the network say so? Both by :data:`ENOUGH` of what FBA says.

    Args:
        lost: reaction or gene. fed: exchange reaction that is opened. bound: of its uptake, mmol/gDW/h.

    Raises:
        InputError: an unknown reaction or gene.
        Cancelled: ``should_stop`` said so.
    """
    rich = {**own_medium(tables), fed: bound}
    conditions = {"as it is": Condition(), f"without {lost}": Condition(knockouts=(lost,)), f"without {lost}, with {fed}": Condition(rich, (lost,))}
    seen = _observed(tables, networks, tuple(conditions.values()), device, should_stop)
    truth = np.nan_to_num([fba(tables, medium=c.medium, knockouts=c.knockouts).growth for c in conditions.values()])
    growth = np.stack([_growths(one) for one in seen])
    moved, wanted = np.diff(growth, axis=0), np.diff(truth)
    table = pd.DataFrame(
        {
            "condition": list(conditions),
            "growth, FBA": truth,
            "growth, network": growth[:, 0],
            "growth, network, sd over seeds": [sd(one) for one in growth],
            "change from the row above, FBA": [np.nan, *wanted],
            "change, network, mean over seeds": [np.nan, *moved.mean(1)],
            "network / FBA": [np.nan, *_ratio(moved.mean(1), wanted)],
        }
    )
    said = {FBA: truth, "network": growth[:, 0]}
    numbers = {f"growth {name}, {who}": float(v) for who, values in said.items() for name, v in zip(conditions, values, strict=True)}
    by = {who: ", ".join(f"{v:.3f}" for v in values) for who, values in said.items()}
    reason = (
        f"growth is {by[FBA]} by FBA and {by['network']} by the network: as it is, without {lost}, and without it but with {fed}; at least "
        f"{ENOUGH:.0%} of each change, over the seeds, is agreement with FBA: that is nearer to the change than to none"
    )
    told = [over_seeds(one * np.sign(w), ENOUGH * abs(w)) if abs(w) > FLOWING else UNTOLD for one, w in zip(moved, wanted, strict=True)]
    return Finding(numbers, all_of(told), reason + alone(growth.shape[1]), table, tuple(conditions.values()), FBA)


class _Moves(NamedTuple):
    """Under two conditions: fluxes (mmol/gDW/h) of each seed [S, R] and by FBA [2, R]; ``growth`` (1/h) by FBA [2], ``grown`` of each seed [2, S]."""

    before: np.ndarray
    after: np.ndarray
    truth: np.ndarray
    growth: np.ndarray
    grown: np.ndarray
    table: pd.DataFrame


def _moves(
    tables: ModelTables, networks: Networks, before: Condition, after: Condition, reactions: Sequence[str], device: str, should_stop: Stop | None
) -> _Moves:
    index = tables.reaction_index()
    if unknown := [r for r in reactions if r not in index]:
        raise InputError(f"{tables.id} has no reaction {unknown[0]!r}.")
    places = [index[r] for r in reactions]
    a, b = _observed(tables, networks, (before, after), device, should_stop)
    solved = [fba(tables, medium=c.medium, knockouts=c.knockouts, objective=c.objective, parsimonious=True) for c in (before, after)]
    fluxes = [_fluxes(seen)[:, places] for seen in (a, b)]
    truth = np.array([[float(one.fluxes.get(r, np.nan)) for r in reactions] for one in solved])
    moved = fluxes[1] - fluxes[0]
    table = pd.DataFrame(
        {
            "reaction": list(reactions),
            "name": [tables.reaction_names[p] for p in places],
            "flux before, FBA": truth[0],
            "flux after, FBA": truth[1],
            "flux before, network": fluxes[0][0],
            "flux after, network": fluxes[1][0],
            "change, FBA": truth[1] - truth[0],
            "change, network, mean over seeds": moved.mean(0),
            "change, network, sd over seeds": [sd(one) for one in moved.T],
            "network / FBA": _ratio(moved.mean(0), truth[1] - truth[0]),
            "gate before": a.found.table["gate"].to_numpy(dtype=float)[places],
            "gate after": b.found.table["gate"].to_numpy(dtype=float)[places],
        }
    )
    growth = np.array([one.growth for one in solved], dtype=float)
    return _Moves(fluxes[0], fluxes[1], truth, growth, np.stack([_growths(a), _growths(b)]), table)


def _observed(tables: ModelTables, networks: Networks, conditions: Sequence[Condition], device: str, should_stop: Stop | None) -> tuple[Seen, ...]:
    """What the networks do under each condition; between them it can be stopped."""
    seen = []
    for condition in conditions:
        go_on(should_stop)
        seen.append(observe(tables, networks, condition, device=device))
    go_on(should_stop)
    return tuple(seen)


def _coefficient(tables: ModelTables, reaction: str, metabolite: str) -> float:
    mine = (tables.rows == tables.metabolite_index()[metabolite]) & (tables.cols == tables.reaction_index()[reaction])
    if not mine.any():
        raise InputError(f"{reaction} neither makes nor uses {metabolite} in {tables.id}.")
    return float(tables.stoich[mine][0])


def _ratio(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """[R] nan where nothing is wanted."""
    return np.where(np.abs(wanted) > FLOWING, found / np.where(np.abs(wanted) > FLOWING, wanted, 1.0), np.nan)


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
