"""Secondary structures by ViennaRNA: one best structure, pair probabilities, alternatives, samples.

ViennaRNA keeps some settings for the whole process (temperature, random numbers). Nothing here writes to them but
the random seed, and that under a lock: each call makes its own model details. Energies are kcal/mol (Turner 2004).

Lorenz et al. (2011), ViennaRNA Package 2.0, Algorithms for Molecular Biology 6:26.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core import storage
from core.errors import InputError
from core.rna.ensemble import PairEnsemble
from core.rna.records import RnaRecord, nested_part, parse_pairs

if TYPE_CHECKING:
    import RNA

Method = Literal["mfe", "centroid", "mea"]
METHODS = ("mfe", "centroid", "mea")

MFE_LIMIT = 1500
"""Longest sequence whose structure is computed while a person waits, nt."""
PARTITION_LIMIT = 700
"""Longest sequence whose pair probabilities are computed while a person waits, nt."""
COLDEST, HOTTEST = 0.0, 100.0
"""Bounds of the temperature, °C: outside water is not liquid and the measured energies say nothing."""
MOST_STRUCTURES = 1000
"""Most alternative or sampled structures at once."""

DEIGAN_SLOPE, DEIGAN_INTERCEPT = 1.8, -0.6
"""kcal/mol: reactivity r of a stacked base counts slope x ln(r + 1) + intercept (Deigan et al. 2009, PNAS 106:97)."""

_HAIRPIN = 3  # fewest bases of a hairpin loop in the energy model
_NO_DATA = -999.0  # how ViennaRNA writes a reactivity that was not measured
_ENUMERATED = 100_000  # alternatives looked at before an enumeration is cut
_IMPOSSIBLE = 9e4  # ViennaRNA gives a structure that cannot form 1e5 kcal/mol
FOLD_LOCK = threading.RLock()


@dataclass(frozen=True, eq=False)
class FoldResult:
    """A structure of one RNA of n bases and what the model says about it.

    Attributes:
        structure: dot-bracket, n signs.
        energy: kcal/mol of the structure; with reactivities including their pseudo-energies. nan when the model has none.
        method: how the structure was found, ``given`` when it came with the record.
        temperature: °C.
        ensemble_energy: kcal/mol of all structures together; None without probabilities.
        ensemble_defect: expected share of bases that pair otherwise than in ``structure``, 0 to 1.
        entropy: [n] positional entropy, bits; 0 where one partner, or none, is certain.
        pair_probabilities: [n, n] float32, symmetric, zero diagonal.
        notes: sentences on what the numbers leave out.
    """

    structure: str
    energy: float
    method: str
    temperature: float
    ensemble_energy: float | None = None
    ensemble_defect: float | None = None
    entropy: np.ndarray | None = None
    pair_probabilities: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def ensemble(self) -> PairEnsemble | None:
        """The pair probabilities for a network that reads them; None where they are not known or the structure was chosen for itself (given, an
        alternative, a sample), and counts as certain."""
        if self.pair_probabilities is None or self.method in ("given", "sub", "sample", "window", "windowed"):
            return None
        return PairEnsemble.of_matrix(self.pair_probabilities)

    @cached_property
    def key(self) -> str:
        """sha256 of the structure and every number."""
        arrays = [None if a is None else storage.digest(np.ascontiguousarray(a).tobytes()) for a in (self.entropy, self.pair_probabilities)]
        return storage.digest_of(
            structure=self.structure,
            energy=self.energy,
            method=self.method,
            temperature=self.temperature,
            ensemble=[self.ensemble_energy, self.ensemble_defect],
            arrays=arrays,
        )


def too_long(n: int, method: str = "mfe") -> str | None:
    """Why ``n`` bases are too many to fold while a person waits, with the estimate and the alternatives; None when they are not."""
    limit = MFE_LIMIT if method == "mfe" else PARTITION_LIMIT
    if n <= limit:
        return None
    shorter = "" if method == "mfe" or n > MFE_LIMIT else ", choose the structure of minimum free energy"
    return (
        f"{n:,} bases are too long to fold while you wait (about {estimate(n, method):,.0f} seconds; the limit is {limit:,}): "
        f"give a structure with the sequence{shorter}, or use the windowed fold."
    )


def estimate(n: int, method: str = "mfe") -> float:
    """Seconds a fold of ``n`` bases takes on one ordinary core; every method but ``mfe`` needs the partition function."""
    structure = 5.0 * (n / 1500) ** 2.1
    return structure if method == "mfe" else structure + 1.3 * (n / 500) ** 2.5


def fold(
    record: RnaRecord,
    *,
    temperature: float = 37.0,
    method: Method = "mfe",
    reactivities: Sequence[float] | None = None,
    constraint: str | None = None,
    probabilities: bool = True,
) -> FoldResult:
    """The structure of minimum free energy (``mfe``), the ``centroid`` or the maximum expected accuracy one (``mea``).

    Args:
        record: the RNA; a structure it carries is not used (give it as ``constraint`` to keep its pairs).
        temperature: °C, 0 to 100.
        method: the centroid and the MEA structure follow from the pair probabilities.
        reactivities: one SHAPE value per base, in the order of the sequence; nan or a negative value where none was
            measured. Turned into pseudo-energies after Deigan et al.
        constraint: one sign per base: ``( )`` this pair is made, ``x`` unpaired, ``|`` paired, ``<`` paired to a later
            base, ``>`` to an earlier one, ``.`` free. Pairs a nested fold cannot hold are left free, with a note.
        probabilities: whether to compute pair probabilities, entropy and ensemble figures too (up to
            :data:`PARTITION_LIMIT` bases; beyond, a note says that they are left out).

    Raises:
        InputError: too long, or an argument that does not fit the sequence.
    """
    if method not in METHODS:
        raise InputError(f"There is no folding method {method!r}; choose one of {', '.join(METHODS)}.")
    if sentence := too_long(record.length, method):
        raise InputError(sentence)
    shape = None if reactivities is None else _reactivities(reactivities, record.length)
    signs, notes = ("", ()) if constraint is None else _constraint(constraint, record.length)
    if probabilities and record.length > PARTITION_LIMIT:
        probabilities = False
        notes = (*notes, _left_out(record.length))
    with FOLD_LOCK:
        compound = _compound(record.sequence, model_details(temperature))
        if shape is not None:
            compound.sc_add_SHAPE_deigan([_NO_DATA, *shape], DEIGAN_SLOPE, DEIGAN_INTERCEPT)  # ViennaRNA counts from 1
        if signs:
            compound.hc_add_from_db(signs, _enforced())
        structure, energy = compound.mfe()
        if method != "mfe" or probabilities:
            ensemble = _partition(compound, energy)
        if method != "mfe":
            structure = compound.centroid()[0] if method == "centroid" else compound.MEA()[0]
            energy = compound.eval_structure(structure)
        result = FoldResult(structure, _energy(energy), method, temperature, notes=notes)
        return _with_ensemble(result, compound, ensemble, structure) if probabilities else result


def given_structure(record: RnaRecord, temperature: float = 37.0, probabilities: bool = True) -> FoldResult:
    """The record's own structure, with the energy of its nested part and the ensemble of its sequence.

    The energy model knows neither pseudoknots nor hairpin loops below three bases; ``notes`` says when pairs are left
    out of the energy for that. ``structure`` always is the record's own.

    Raises:
        InputError: the record has no structure, or the temperature is out of bounds.
    """
    if record.structure is None:
        raise InputError(f"{record.id} has no structure of its own; fold it, or give a structure with the sequence.")
    nested = nested_part(record.structure, hairpin=_HAIRPIN)
    notes: tuple[str, ...] = ()
    if left := len(record.pairs) - nested.count("("):
        notes = (f"The energy leaves out {left:,} of {len(record.pairs):,} pairs: pseudoknots and hairpin loops below three bases have none.",)
    if probabilities and record.length > PARTITION_LIMIT:
        probabilities = False
        notes = (*notes, _left_out(record.length))
    with FOLD_LOCK:
        details = model_details(temperature)
        compound = _compound(record.sequence, details) if probabilities else eval_only(record.sequence, details)
        result = FoldResult(record.structure, _energy(compound.eval_structure(nested)), "given", temperature, notes=notes)
        return _with_ensemble(result, compound, _partition(compound), nested) if probabilities else result


def suboptimal(record: RnaRecord, *, delta: float = 3.0, limit: int = 50, temperature: float = 37.0) -> list[tuple[str, float]]:
    """The ``limit`` best structures within ``delta`` kcal/mol of the best one: (dot-bracket, kcal/mol), lowest energy first.

    The band of energies grows step by step until it holds ``limit`` structures, since their number explodes with it.
    Where even its first step holds more than a hundred thousand, they are the best of those met first.

    Raises:
        InputError: too long for the partition function, or an argument out of bounds.
    """
    _check_count(limit)
    if not 0 <= delta <= 20:
        raise InputError(f"An energy band of {delta} kcal/mol is not possible; choose one from 0 to 20.")
    if sentence := too_long(record.length, "subopt"):
        raise InputError(sentence)
    with FOLD_LOCK:
        compound = _compound(record.sequence, model_details(temperature))
        whole = round(delta * 100)  # ViennaRNA counts in 0.01 kcal/mol
        found: list[tuple[float, str]] = []
        for band in [step for step in (0, 30, 60, 100, 150, 200, 300, 500, 1000) if step < whole] + [whole]:
            found, cut = _enumerate(compound, band)
            if cut or len(found) >= limit:
                break
    return [(structure, round(energy, 2)) for energy, structure in sorted(found)[:limit]]


def boltzmann_samples(record: RnaRecord, count: int, *, seed: int, temperature: float = 37.0) -> list[str]:
    """``count`` structures drawn with their Boltzmann probability; the same seed draws the same ones.

    Raises:
        InputError: too long for the partition function, or an argument out of bounds.
    """
    import RNA

    _check_count(count)
    if not 0 <= seed < 2**32:
        raise InputError(f"Seed {seed} is not possible; choose a whole number from 0 to {2**32 - 1:,}.")
    if sentence := too_long(record.length, "sample"):
        raise InputError(sentence)
    with FOLD_LOCK:
        compound = _compound(record.sequence, model_details(temperature))
        _partition(compound, compound.mfe()[1])
        RNA.init_rand(seed)
        return list(compound.pbacktrack(count))


def fold_windowed(record: RnaRecord, window: int = 200, *, temperature: float = 37.0) -> FoldResult:
    """A structure of local pairs for a long RNA: see :func:`core.rna._windowed.local_fold`."""
    from core.rna._windowed import local_fold

    with FOLD_LOCK:
        return local_fold(record, window, model_details(temperature))


def fold_apart(
    record: RnaRecord,
    *,
    on_progress: Callable[[str, int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **arguments: Any,
) -> FoldResult:
    """:func:`fold` in a process of its own when the sequence is long: see :func:`core.rna._apart.run`."""
    from core.rna._apart import run

    return run(record, on_progress, should_stop, arguments)


def model_details(temperature: float) -> RNA.md:
    """ViennaRNA's settings for one call.

    Raises:
        InputError: the temperature is out of bounds.
    """
    import RNA

    if not COLDEST <= temperature <= HOTTEST:
        raise InputError(f"A temperature of {temperature} °C is not possible; choose one from {COLDEST:.0f} to {HOTTEST:.0f} °C.")
    details = RNA.md()
    details.temperature = float(temperature)
    details.uniq_ML = 1  # suboptimal structures and samples need every multiloop counted once
    return details


def eval_only(sequence: str, details: RNA.md) -> RNA.fold_compound:
    """What evaluates the energy of given structures, without the memory a fold takes."""
    import RNA

    return RNA.fold_compound(sequence, details, RNA.OPTION_EVAL_ONLY)


def _compound(sequence: str, details: RNA.md) -> RNA.fold_compound:
    import RNA

    return RNA.fold_compound(sequence, details)


def _enforced() -> int:
    import RNA

    return int(RNA.CONSTRAINT_DB_DEFAULT | RNA.CONSTRAINT_DB_ENFORCE_BP)


def _energy(value: float) -> float:
    """kcal/mol to the 0.01 of the model; ViennaRNA hands on single precision."""
    return round(float(value), 2) if value < _IMPOSSIBLE else math.nan


def _partition(compound: RNA.fold_compound, energy: float | None = None) -> float:
    """Fills the partition function and returns the ensemble's free energy; ``energy`` of the best structure sets its scale."""
    compound.exp_params_rescale(compound.mfe()[1] if energy is None else energy)
    return float(compound.pf()[1])


def _with_ensemble(result: FoldResult, compound: RNA.fold_compound, energy: float, nested: str) -> FoldResult:
    n = len(nested)
    upper = np.array(compound.bpp(), dtype=np.float32).reshape(n + 1, n + 1)[1:, 1:]
    upper = np.triu(upper, 1)
    return replace(
        result,
        ensemble_energy=energy,
        ensemble_defect=float(compound.ensemble_defect(nested)),
        entropy=np.maximum(np.array(compound.positional_entropy()[1:], dtype=np.float64), 0.0),
        pair_probabilities=upper + upper.T,
    )


def _enumerate(compound: RNA.fold_compound, band: int) -> tuple[list[tuple[float, str]], bool]:
    """(energy, structure) within ``band`` x 0.01 kcal/mol of the best, and whether the enumeration was cut short."""
    found: list[tuple[float, str]] = []
    with ExitStack() as silence:

        def collect(structure: str | None, energy: float, rows: list[tuple[float, str]]) -> None:
            if structure is None:
                return
            rows.append((float(energy), structure))
            if len(rows) >= _ENUMERATED:
                silence.enter_context(redirect_stderr(StringIO()))  # the wrapper prints what a callback raises
                raise StopIteration

        try:
            compound.subopt_cb(band, collect, found)
        except RuntimeError:
            if len(found) < _ENUMERATED:
                raise
    return found, len(found) >= _ENUMERATED


def _reactivities(values: Sequence[float], n: int) -> list[float]:
    """One finite value per base, negative where there is none."""
    if len(values) != n:
        raise InputError(f"There are {len(values):,} reactivities for {n:,} bases; give one for each base, nan where none was measured.")
    numbers = [float(value) for value in values]
    for place, value in enumerate(numbers):
        if math.isinf(value):
            raise InputError(f"The reactivity of base {place + 1} is infinite; give a number, or nan where none was measured.")
    return [_NO_DATA if math.isnan(value) or value < 0 else value for value in numbers]


def _constraint(signs: str, n: int) -> tuple[str, tuple[str, ...]]:
    """The constraint as ViennaRNA can enforce it, and a note when pairs had to be left free."""
    if len(signs) != n:
        raise InputError(f"The constraint has {len(signs):,} signs for {n:,} bases; give one sign for each base, a dot where anything may happen.")
    pseudoknots = any(sign in "[]{}" or (sign.isalpha() and sign != "x") for sign in signs)
    free = "x|" if pseudoknots else "x|<>"  # a dot-bracket string with pseudoknots means pairs by its angles too
    paired = "".join("." if sign in free else sign for sign in signs)
    try:
        kept, asked = nested_part(paired, hairpin=_HAIRPIN), len(parse_pairs(paired))
    except InputError as error:
        raise InputError(str(error).replace("of the structure", "of the constraint")) from None
    merged = "".join(sign if sign in free else pair for sign, pair in zip(signs, kept))
    if dropped := asked - kept.count("("):
        return merged, (f"{dropped:,} pairs of the constraint are left free: pseudoknots and hairpin loops below three bases cannot be folded.",)
    return merged, ()


def _left_out(n: int) -> str:
    return (
        f"Pair probabilities are left out: for {n:,} bases they take about {estimate(n, 'pf'):,.0f} seconds; the limit is {PARTITION_LIMIT:,} bases."
    )


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_STRUCTURES:
        raise InputError(f"{count:,} structures are not possible; ask for 1 to {MOST_STRUCTURES:,}.")
