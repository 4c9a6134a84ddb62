"""Folding says what ViennaRNA says, and stops when asked to."""

from __future__ import annotations

import math
import os
import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import RNA

from core.errors import Cancelled, InputError
from core.rna import (
    MFE_LIMIT,
    PARTITION_LIMIT,
    RnaRecord,
    _process,
    boltzmann_samples,
    fold,
    fold_apart,
    fold_windowed,
    given_structure,
    suboptimal,
    too_long,
)
from core.rna._windowed import most_accurate

PHE = RnaRecord("tRNA-Phe", "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA")
TAR = RnaRecord("HIV-1 TAR", "GGCAGAUCUGAGCCUGGGAGCUCUCUGCC")
CLOVERLEAF = "(((((((..((((........)))).((((.........)))).....(((((.......))))))))))))...."


def random_record(n: int, seed: int = 0) -> RnaRecord:
    return RnaRecord("random", "".join(random.Random(seed).choices("ACGU", k=n)))


def compound(sequence: str, temperature: float = 37.0) -> RNA.fold_compound:
    details = RNA.md()
    details.temperature, details.uniq_ML = temperature, 1
    return RNA.fold_compound(sequence, details)


@pytest.mark.parametrize("record", [PHE, TAR], ids=lambda record: record.id)
@pytest.mark.parametrize("temperature", [37.0, 20.0, 65.0])
@pytest.mark.parametrize("method", ["mfe", "centroid", "mea"])
def test_numbers_are_those_of_viennarna(record: RnaRecord, temperature: float, method: str) -> None:
    ours = fold(record, temperature=temperature, method=method)  # type: ignore[arg-type]
    theirs = compound(record.sequence, temperature)
    best, energy = theirs.mfe()
    theirs.exp_params_rescale(energy)
    ensemble = theirs.pf()[1]
    structure = {"mfe": best, "centroid": theirs.centroid()[0], "mea": theirs.MEA()[0]}[method]
    assert (ours.structure, ours.method, ours.temperature) == (structure, method, temperature)
    assert ours.energy == pytest.approx(theirs.eval_structure(structure), abs=0.006)
    assert ours.ensemble_energy == pytest.approx(ensemble)
    assert ours.ensemble_defect == pytest.approx(theirs.ensemble_defect(structure))
    assert ours.entropy == pytest.approx(np.array(theirs.positional_entropy()[1:]), abs=1e-9)
    n = record.length
    upper = np.array(theirs.bpp())[1:, 1:]
    assert ours.pair_probabilities is not None
    assert ours.pair_probabilities.shape == (n, n) and ours.pair_probabilities.dtype == np.float32
    assert np.allclose(ours.pair_probabilities, upper + upper.T, atol=1e-6)
    assert (np.diag(ours.pair_probabilities) == 0).all()


def test_nothing_leaks_into_the_process() -> None:
    before = RNA.fold(PHE.sequence)
    fold(PHE, temperature=70.0)
    fold_windowed(PHE, 30, temperature=70.0)
    assert RNA.cvar.temperature == 37.0
    assert RNA.fold(PHE.sequence) == before
    assert fold(PHE).energy == pytest.approx(before[1], abs=0.006)


def test_without_probabilities() -> None:
    result = fold(PHE, probabilities=False)
    assert result.structure == fold(PHE).structure
    assert (result.ensemble_energy, result.ensemble_defect, result.entropy, result.pair_probabilities) == (None, None, None, None)


def test_reactivities_count_from_the_first_base() -> None:
    """ViennaRNA's list is 1-based: without the extra first value everything shifts by one base and nothing says so."""
    values = [0.05 if sign in "()" else 2.0 for sign in CLOVERLEAF]
    direct = compound(PHE.sequence)
    direct.sc_add_SHAPE_deigan([-999.0, *values], 1.8, -0.6)
    structure, energy = direct.mfe()
    ours = fold(PHE, reactivities=values)
    assert (ours.structure, ours.energy) == (structure, pytest.approx(energy, abs=0.006))
    shifted = compound(PHE.sequence)
    shifted.sc_add_SHAPE_deigan(values, 1.8, -0.6)
    assert abs(shifted.mfe()[1] - energy) > 0.1
    assert fold(PHE, reactivities=[math.nan] * PHE.length).energy == fold(PHE).energy


def test_a_constraint_is_kept() -> None:
    assert fold(PHE, constraint=CLOVERLEAF).structure.count("(") >= CLOVERLEAF.count("(")
    for i, sign in enumerate(CLOVERLEAF):
        assert sign == "." or fold(PHE, constraint=CLOVERLEAF, probabilities=False).structure[i] == sign
    open_ = fold(PHE, constraint="x" * PHE.length)
    assert (open_.structure, open_.energy) == ("." * PHE.length, 0.0)
    odd = fold(RnaRecord("x", "AAAAAAAAAAA"), constraint="(((.....)))")
    assert odd.structure == "(((.....)))" and odd.notes == ()
    knot = fold(RnaRecord("x", "GGGGAAAACCCCAA"), constraint="(((([[..))))]]")
    assert knot.structure == "((((....)))).." and knot.notes[0].startswith("2 pairs")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"temperature": 500.0}, "500.0 °C"),
        ({"temperature": math.nan}, "nan °C"),
        ({"method": "best"}, "'best'"),
        ({"reactivities": [1.0]}, "1 reactivities for 76 bases"),
        ({"reactivities": [math.inf] * 76}, "base 1 is infinite"),
        ({"constraint": "..."}, "3 signs for 76 bases"),
        ({"constraint": "?" * 76}, "position 1 of the constraint"),
        ({"constraint": "(" * 76}, "of the constraint is never closed"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fold(PHE, **arguments)


def test_too_long_says_how_long_and_what_else() -> None:
    assert too_long(MFE_LIMIT) is None and too_long(PARTITION_LIMIT, "mea") is None
    sentence = too_long(3000)
    assert sentence is not None
    assert all(word in sentence for word in ("3,000", "seconds", "give a structure", "windowed"))
    with pytest.raises(InputError, match="1,501 bases"):
        fold(random_record(MFE_LIMIT + 1))
    with pytest.raises(InputError, match="minimum free energy"):
        fold(random_record(PARTITION_LIMIT + 1), method="mea")
    middling = fold(random_record(PARTITION_LIMIT + 1))
    assert middling.pair_probabilities is None and "left out" in middling.notes[0]


def test_the_given_structure() -> None:
    result = given_structure(RnaRecord("phe", PHE.sequence, CLOVERLEAF))
    theirs = compound(PHE.sequence)
    assert (result.structure, result.method, result.notes) == (CLOVERLEAF, "given", ())
    assert result.energy == pytest.approx(theirs.eval_structure(CLOVERLEAF), abs=0.006)
    theirs.exp_params_rescale(theirs.mfe()[1])
    theirs.pf()
    assert result.ensemble_defect == pytest.approx(theirs.ensemble_defect(CLOVERLEAF))
    assert np.array_equal(result.pair_probabilities, fold(PHE).pair_probabilities)
    with pytest.raises(InputError, match="no structure"):
        given_structure(PHE)


def test_pseudoknots_and_sharp_hairpins_stay_but_have_no_energy() -> None:
    record = RnaRecord("x", "GGGGAAAACCCCGAACUUUU", "((((AA..))))(..)aa..")
    result = given_structure(record)
    assert result.structure == record.structure
    assert result.energy == pytest.approx(compound(record.sequence).eval_structure("((((....))))........"), abs=0.006)
    assert result.notes[0].startswith("The energy leaves out 3 of 7 pairs")


def test_suboptimal_structures() -> None:
    theirs = sorted((round(one.energy, 2), one.structure) for one in compound(PHE.sequence).subopt(300))
    ours = suboptimal(PHE, delta=3.0, limit=1000)
    assert sorted((energy, structure) for structure, energy in ours) == theirs
    assert suboptimal(PHE, limit=7) == [(structure, energy) for energy, structure in theirs[:7]]
    assert suboptimal(PHE, delta=0.0) == [(fold(PHE).structure, fold(PHE).energy)]
    with pytest.raises(InputError, match="-1"):
        suboptimal(PHE, delta=-1)


def test_an_explosion_of_alternatives_is_cut(capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert len(suboptimal(RnaRecord("x", "AU" * 60), delta=10.0, limit=1000)) == 1000
    assert time.monotonic() - began < 10
    assert capfd.readouterr().err == ""


def test_samples_follow_the_seed() -> None:
    assert boltzmann_samples(PHE, 20, seed=3) == boltzmann_samples(PHE, 20, seed=3) != boltzmann_samples(PHE, 20, seed=4)
    theirs = compound(PHE.sequence)
    theirs.exp_params_rescale(theirs.mfe()[1])
    theirs.pf()
    RNA.init_rand(3)
    assert boltzmann_samples(PHE, 20, seed=3)[:1] == boltzmann_samples(PHE, 1, seed=3)
    RNA.init_rand(3)
    assert list(theirs.pbacktrack(20)) == boltzmann_samples(PHE, 20, seed=3)
    samples = boltzmann_samples(TAR, 1000, seed=0)
    probability = fold(TAR).pair_probabilities
    assert probability is not None
    paired = np.array([[sign != "." for sign in sample] for sample in samples]).mean(0)
    assert np.abs(paired - probability.sum(1)).max() < 0.06
    with pytest.raises(InputError, match="Seed -1"):
        boltzmann_samples(PHE, 1, seed=-1)


def test_one_base() -> None:
    for method in ("mfe", "centroid", "mea"):
        result = fold(RnaRecord("x", "N"), method=method)  # type: ignore[arg-type]
        assert (result.structure, result.energy, result.ensemble_defect) == (".", 0.0, 0.0)
    assert suboptimal(RnaRecord("x", "A")) == [(".", 0.0)]
    assert fold_windowed(RnaRecord("x", "A")).structure == "."


def test_one_window_is_the_whole_ensemble() -> None:
    whole, local = fold(PHE), fold_windowed(PHE, 100)
    assert local.pair_probabilities is not None and whole.pair_probabilities is not None
    assert np.abs(local.pair_probabilities - whole.pair_probabilities).max() < 2e-3
    assert local.ensemble_defect == pytest.approx(compound_defect(local.structure), abs=0.01)
    assert local.entropy == pytest.approx(whole.entropy, abs=0.05)
    assert "windows of 76 nt" in local.method


def compound_defect(structure: str) -> float:
    theirs = compound(PHE.sequence)
    theirs.pf()
    return theirs.ensemble_defect(structure)


def test_a_windowed_fold_has_local_pairs_only() -> None:
    record = random_record(2000)
    began = time.monotonic()
    result = fold_windowed(record, 100)
    assert time.monotonic() - began < 10
    left, right = np.nonzero(np.triu(result.pair_probabilities))
    assert 0 < (right - left).max() <= 75
    theirs = {(pair.i - 1, pair.j - 1): pair.p for pair in RNA.pfl_fold(record.sequence, 100, 75, 0.01)}
    assert result.pair_probabilities is not None
    assert max(abs(result.pair_probabilities[pair] - p) for pair, p in theirs.items()) < 1e-5
    assert result.energy == pytest.approx(compound(record.sequence).eval_structure(result.structure), abs=0.01)
    assert result.energy < -100 and result.ensemble_energy is None
    with pytest.raises(InputError, match="window of 5"):
        fold_windowed(record, 5)


def test_the_most_accurate_pairs_are_found() -> None:
    """Against a plain recursion over all stretches."""
    rng = random.Random(4)
    for _ in range(60):
        n = rng.randint(4, 14)
        candidates = sorted({(i, j) for i, j in ((rng.randrange(n), rng.randrange(n)) for _ in range(12)) if j - i > 3})
        weights = {pair: rng.random() / 4 for pair in candidates}
        alone = [1 - sum(p for pair, p in weights.items() if base in pair) for base in range(n)]
        alone = [min(max(value, 0), 1) for value in alone]

        def best(a: int, b: int, alone: list[float] = alone, weights: dict = weights) -> float:
            if a > b:
                return 0.0
            options = [2 * p + best(a + 1, j - 1) + best(j + 1, b) for (i, j), p in weights.items() if i == a and j <= b]
            return max([alone[a] + best(a + 1, b), *options])

        i, j = (np.array([pair[side] for pair in candidates], dtype=int) for side in (0, 1))
        chosen = most_accurate((i, j, np.array([weights[pair] for pair in candidates])), n, n)
        bases = {base for pair in chosen for base in pair}
        total = 2 * sum(weights[pair] for pair in chosen) + sum(alone[base] for base in range(n) if base not in bases)
        assert total == pytest.approx(best(0, n - 1))


def test_apart_gives_the_same() -> None:
    record = random_record(301)
    steps: list[tuple[str, int, int]] = []
    apart = fold_apart(record, on_progress=lambda *step: steps.append(step), method="centroid", reactivities=np.full(301, np.nan))
    assert apart.key == fold(record, method="centroid").key
    assert steps[-1] == ("folding", 100, 100) and [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert fold_apart(PHE).key == fold(PHE).key
    with pytest.raises(InputError, match="3 signs for 301"):
        fold_apart(record, constraint="...")


def test_cancel_kills_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    popen = _process.subprocess.Popen
    monkeypatch.setattr(_process.subprocess, "Popen", lambda *args, **rest: started.append(popen(*args, **rest)) or started[-1])
    stop = threading.Event()
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.monotonic())
        stop.set()

    threading.Timer(0.8, cancel).start()
    with pytest.raises(Cancelled):
        fold_apart(random_record(PARTITION_LIMIT), should_stop=stop.is_set)
    assert time.monotonic() - asked[0] < 1
    assert started[0].poll() is not None and not Path(f"/proc/{started[0].pid}").exists()
    with pytest.raises(Cancelled):
        fold_apart(PHE, should_stop=lambda: True)


def test_a_process_that_dies_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = _process.subprocess.Popen

    def dying(*args: object, **rest: object) -> object:
        process = popen(*args, **rest)  # type: ignore[call-overload]
        os.kill(process.pid, 9)
        return process

    monkeypatch.setattr(_process.subprocess, "Popen", dying)
    with pytest.raises(InputError, match="memory"):
        fold_apart(random_record(301))


def test_folds_of_two_threads_do_not_mix() -> None:
    expected = {temperature: fold(PHE, temperature=temperature).key for temperature in (25.0, 37.0, 50.0)}
    found: list[tuple[float, str]] = []

    def work(temperature: float) -> None:
        for _ in range(5):
            found.append((temperature, fold(PHE, temperature=temperature).key))

    threads = [threading.Thread(target=work, args=(temperature,)) for temperature in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 15 and all(expected[temperature] == key for temperature, key in found)
