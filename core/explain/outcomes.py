"""What is found of an expectation, and the rules by which networks agree with it.

An outcome is that of the seeds of an ensemble together: a single network cannot tell what another training would say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.errors import Cancelled
from core.explain.conditions import SURE
from core.metabolic.condition import Condition
from core.metabolic.flux_balance import FLOWING

AGREES, AGREES_NOT, UNTOLD = "the network agrees", "the network does not agree", "cannot be told"
ENOUGH = 0.5
"""Share of a change by FBA from which a predicted one counts: from half on it is nearer to that change than to none."""
CLEAR = 0.1
"""Where FBA changes nothing, a predicted change above this share (of FBA's largest change elsewhere, or of all that is made) is one too many."""
RARE = 0.05
"""One among others stands out where at most this share of all, itself counted, is as large as it is."""
FEWEST = round(1 / RARE) - 1
"""With fewer others not even the largest of all stands out."""

Stop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Finding:
    """What came out.

    Attributes:
        numbers: by what they are. outcome: :data:`AGREES`, :data:`AGREES_NOT` or :data:`UNTOLD`, with its ``reason``. table: what the numbers are of.
        conditions: under which a metabolic network was asked, in order. judge: what it agrees with or not, where that is no mere expectation.
    """

    numbers: dict[str, float]
    outcome: str
    reason: str
    table: pd.DataFrame = field(repr=False)
    conditions: tuple[Condition, ...] = ()
    judge: str = ""

    @property
    def words(self) -> str:
        """The outcome, and with what the network agrees."""
        return f"{self.outcome} with {self.judge}" if self.judge and self.outcome != UNTOLD else self.outcome


def over_seeds(values: Sequence[float] | np.ndarray, than: float) -> str:
    """Whether values of an ensemble's seeds lie above a number by :data:`SURE` standard deviations, below it by as many, or neither.

    A single value, and one that is not known, cannot tell.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < 2:
        return UNTOLD
    room = SURE * float(found.std(ddof=1))
    return AGREES if found.mean() - room > than else AGREES_NOT if found.mean() + room < than else UNTOLD


def stays(values: Sequence[float] | np.ndarray, within: float) -> str:
    """Whether changes in an ensemble's seeds are smaller than ``within`` in size, larger, or neither; as :func:`over_seeds`."""
    found = np.asarray(values, dtype=float)
    if len(found) < 2:
        return UNTOLD
    room, size = SURE * float(found.std(ddof=1)), abs(float(found.mean()))
    return AGREES if size + room < within else AGREES_NOT if size - room > within else UNTOLD


def judged(moved: np.ndarray, wanted: np.ndarray) -> tuple[list[str], list[str]]:
    """Outcomes of the reactions that FBA moves, and of those that it leaves still.

    Args:
        moved: [S, R] change of predicted flux in each seed, mmol/gDW/h. wanted: [R] by FBA; nan where it is not known.
    """
    size = np.abs(wanted)
    told = [over_seeds(one * np.sign(w), ENOUGH * abs(w)) for one, w in zip(moved.T, wanted, strict=True) if abs(w) > FLOWING]
    strayed = [stays(one, CLEAR * float(np.nanmax(size))) for one, w in zip(moved.T, wanted, strict=True) if abs(w) <= FLOWING] if told else []
    return told, strayed


def shifted(shift: np.ndarray, wanted: float, grown: np.ndarray, expected: float) -> str:
    """Whether a share shifts in the network as by FBA. One that stays is agreement only where growth tells that the change was heard.

    Args:
        shift, grown: [S] change of the share and of growth (1/h) in each seed. wanted, expected: the same by FBA; nan where it is not known.
    """
    if not np.isfinite(wanted):
        return UNTOLD
    if abs(wanted) > CLEAR:
        return over_seeds(shift * np.sign(wanted), ENOUGH * abs(wanted))
    stayed = stays(shift, CLEAR)
    hears = over_seeds(grown * np.sign(expected), ENOUGH * abs(expected))
    return UNTOLD if stayed == AGREES and hears != AGREES else stayed


def side(own: float, others: np.ndarray) -> int:
    """1 where a value stands out from others by its size, -1 by its smallness, 0 where it does not: at most :data:`RARE` are as large (small)."""
    count = len(others) + 1
    if (1 + int((others >= own).sum())) / count <= RARE:
        return 1
    return -1 if (1 + int((others <= own).sum())) / count <= RARE else 0


def stands_out(sides: Sequence[int], others: int, control: int = 0) -> str:
    """Whether something stands out in every seed to the same side, in none, or neither.

    Args:
        sides: of each seed, by :func:`side`. others: how many it is compared with; fewer than :data:`FEWEST` cannot tell.
        control: the side in a network that learned nothing. Where that stands out alike, nothing can be told.
    """
    if len(sides) < 2 or others < FEWEST:
        return UNTOLD
    if not any(sides):
        return AGREES_NOT
    return AGREES if len(set(sides)) == 1 and control != sides[0] else UNTOLD


def place(own: float, others: np.ndarray) -> float:
    """Share of others that are smaller, equal ones counted by half; nan without others."""
    return float(((others < own) + 0.5 * (others == own)).mean()) if len(others) else float("nan")


def all_of(outcomes: Sequence[str]) -> str:
    """Of several expectations held together: all must hold, and one that does not is enough."""
    told = set(outcomes)
    return AGREES if told == {AGREES} else AGREES_NOT if AGREES_NOT in told else UNTOLD


def sd(values: Sequence[float] | np.ndarray) -> float:
    """Standard deviation over seeds (ddof 1), nan of one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def spread(values: Sequence[float] | np.ndarray, form: str) -> str:
    """Mean and deviation over seeds in words, such as "62% ± 8% (5 seeds)"; of a single value the value."""
    if len(values) < 2:
        return format(float(values[0]), form)
    return f"{format(float(np.mean(values)), form)} ± {format(sd(values), form)} ({len(values)} seeds)"


def alone(networks: int) -> str:
    """What a reason says besides where there is no other seed to ask."""
    return "" if networks > 1 else "; it is one network alone, and another training may say otherwise"


def go_on(should_stop: Stop | None) -> None:
    """Raises Cancelled when it is time to stop."""
    if should_stop is not None and should_stop():
        raise Cancelled("The networks were not asked to the end.")
