"""The linear programme of a metabolic model on HiGHS, kept between solves so that each starts from an optimal basis.

One instance serves one thread; HiGHS gives up the interpreter's lock while it solves, so threads with an instance each work side by side.
Values agree with COBRApy's (GLPK) to 1e-6: both solve the same programme, HiGHS with feasibility tolerances of 1e-9. Huangfu and Hall,
Math. Prog. Comp. 10 (2018) describe the solver; Lewis et al., Mol. Syst. Biol. 6:390 (2010) parsimonious flux balance analysis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables

OPTIMAL, INFEASIBLE = "optimal", "infeasible"
TOLERANCE = 1e-9
"""Primal and dual feasibility tolerance of every solve."""

_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
    "simplex_dual_edge_weight_strategy": 1,  # Devex: steepest edge weights would be computed anew from each basis given
    "simplex_scale_strategy": 4,  # by the largest value: fewest iterations on genome-scale models
}
_DUAL, _PRIMAL = 1, 4  # values of simplex_strategy


class Solved(NamedTuple):
    """What a solve found.

    Attributes:
        value: of the objective; nan unless ``status`` is "optimal".
        status: COBRApy's word: "optimal", "infeasible", "unbounded", or what else HiGHS says.
        fluxes: [E] mmol/gDW/h; None unless optimal.
        prices: [V] shadow prices as COBRApy signs them: what the objective gains for one unit of a metabolite that has to be left over
            (negative for what is worth having); None unless optimal.
    """

    value: float
    status: str
    fluxes: np.ndarray | None
    prices: np.ndarray | None


class _State(NamedTuple):
    """The columns' bounds and costs of a solve."""

    low: np.ndarray
    high: np.ndarray
    cost: np.ndarray


class Start(NamedTuple):
    """Where a solve ended and others may start."""

    basis: Any
    state: _State


class FluxProgramme:
    """max c v subject to S v = 0 and lower <= v <= upper, solved again and again under other bounds and objectives.

    Args:
        tables: the model.
        split: write v = v+ - v- with both parts at least 0, as :meth:`parsimonious` needs.
    """

    def __init__(self, tables: ModelTables, *, split: bool = False) -> None:
        import highspy
        from scipy.sparse import csc_matrix, hstack, vstack

        self._metabolites, self._reactions, _ = tables.shape
        self._split = split
        self._columns = np.arange(self._reactions * (2 if split else 1), dtype=np.int32)
        matrix = csc_matrix((tables.stoich, (tables.rows, tables.cols)), shape=tables.shape[:2])
        matrix = hstack([matrix, -matrix]) if split else matrix
        # One row more, free until an objective is held there.
        self._objective_row = self._metabolites
        matrix = vstack([matrix, csc_matrix(self._doubled(tables.objective)[None])]).tocsc()
        self._held = np.array(tables.objective, dtype=float)
        nothing = np.zeros(len(self._columns))
        programme = highspy.HighsLp()
        programme.num_col_, programme.num_row_ = len(self._columns), self._metabolites + 1
        programme.col_cost_, programme.col_lower_, programme.col_upper_ = nothing, nothing, nothing
        programme.row_lower_ = np.r_[np.zeros(self._metabolites), -np.inf]
        programme.row_upper_ = np.r_[np.zeros(self._metabolites), np.inf]
        programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        programme.a_matrix_.start_, programme.a_matrix_.index_, programme.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        programme.sense_ = highspy.ObjSense.kMaximize
        self._highs: Any = _silent_solver()
        for option, value in _OPTIONS.items():
            self._highs.setOptionValue(option, value)
        self._highs.passModel(programme)
        self._optimal, self._infeasible = highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible
        self._state = _State(nothing, nothing, nothing)
        self._solved_before = False

    def maximise(self, lower: np.ndarray, upper: np.ndarray, objective: np.ndarray, *, start: Start | None = None) -> Solved:
        """Flux balance analysis under [E] bounds (mmol/gDW/h) and [E] objective coefficients; to minimise, negate both objective and value.

        Args:
            start: where to start, from :meth:`end`; the end of the last solve when None. From the same start the same programme always gives
                the same numbers, whatever was solved in between.
        """
        if np.any(lower > upper):
            return Solved(np.nan, INFEASIBLE, None, None)
        return self._solve(_State(*self._column_bounds(lower, upper), self._doubled(objective)), start)

    def parsimonious(self, lower: np.ndarray, upper: np.ndarray, objective: np.ndarray) -> Solved:
        """The flux distribution of least total |flux| among the optimal ones; ``value`` and ``prices`` are the objective's.

        Raises:
            ValueError: the programme was not built with ``split``.
        """
        if not self._split:
            raise ValueError("parsimonious solves need a programme built with split=True")
        best = self.maximise(lower, upper, objective)
        if best.status != OPTIMAL:
            return best
        self.hold(objective, best.value - TOLERANCE * max(1.0, abs(best.value)))
        least = self._solve(self._state._replace(cost=-np.ones(len(self._columns))), None)
        self.hold(objective, -np.inf)
        return Solved(best.value, OPTIMAL, least.fluxes, best.prices) if least.status == OPTIMAL else least

    def hold(self, objective: np.ndarray, at_least: float) -> None:
        """From now on only flux distributions whose [E] objective reaches ``at_least``; minus infinity lifts this."""
        now = self._doubled(objective)
        for column in np.flatnonzero(now != self._doubled(self._held)).tolist():
            self._highs.changeCoeff(self._objective_row, column, float(now[column]))
        self._held = np.array(objective, dtype=float)
        self._highs.changeRowBounds(self._objective_row, at_least, np.inf)

    def end(self) -> Start:
        """Where the last solve ended."""
        return Start(self._highs.getBasis(), self._state)

    def _doubled(self, values: np.ndarray) -> np.ndarray:
        return np.r_[values, -values] if self._split else np.array(values, dtype=float)

    def _column_bounds(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._split:
            return np.r_[np.maximum(lower, 0.0), np.maximum(-upper, 0.0)], np.r_[np.maximum(upper, 0.0), np.maximum(-lower, 0.0)]
        return np.array(lower, dtype=float), np.array(upper, dtype=float)

    def _solve(self, wanted: _State, start: Start | None) -> Solved:
        """Only what differs from the last solve is sent to HiGHS, so that its basis stays good."""
        before = self._state
        bounds = self._columns[(before.low != wanted.low) | (before.high != wanted.high)]
        if len(bounds):
            self._highs.changeColsBounds(len(bounds), bounds, wanted.low[bounds], wanted.high[bounds])
        costs = self._columns[before.cost != wanted.cost]
        if len(costs):
            self._highs.changeColsCost(len(costs), costs, wanted.cost[costs])
        if start is not None:
            self._highs.setBasis(start.basis)
            before = start.state
        self._state = wanted
        # An optimum stays feasible under another objective, where the primal method goes on from it, and dual feasible under other bounds.
        same_bounds = np.array_equal(before.low, wanted.low) and np.array_equal(before.high, wanted.high)
        self._highs.setOptionValue("simplex_strategy", _PRIMAL if same_bounds and self._solved_before else _DUAL)
        self._solved_before = True
        return self._run()

    def _run(self) -> Solved:
        self._highs.run()
        status = self._highs.getModelStatus()
        if status not in (self._optimal, self._infeasible):
            # A warm basis can lead the simplex method astray, and presolve cannot tell unbounded from infeasible; a plain start settles it.
            self._highs.clearSolver()
            self._highs.setOptionValue("presolve", "off")
            self._highs.run()
            self._highs.setOptionValue("presolve", "choose")
            status = self._highs.getModelStatus()
        if status != self._optimal:
            return Solved(np.nan, INFEASIBLE if status == self._infeasible else str(self._highs.modelStatusToString(status)).lower(), None, None)
        solution = self._highs.getSolution()
        values = np.array(solution.col_value)
        fluxes = values[: self._reactions] - values[self._reactions :] if self._split else values
        return Solved(float(self._highs.getInfo().objective_function_value), OPTIMAL, fluxes, np.array(solution.row_dual)[: self._metabolites])


def _silent_solver() -> Any:
    """A HiGHS that prints nothing: its Python class enables callbacks as it is made, and the first to do so in a process prints a banner."""
    import highspy

    class Silent(highspy.Highs):
        def enableCallbacks(self) -> None:  # noqa: N802 - HiGHS's name
            self.silent()

    return Silent()
