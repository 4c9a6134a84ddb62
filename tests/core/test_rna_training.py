"""Synthetic families and training by contrast: what is kept by a shuffle, the same result after an interruption, the card's figures again."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.explain.pairs import auc
from core.models import load_checkpoint, load_members, save_checkpoint
from core.rna.ensemble import fold_ensemble
from core.rna.fingerprints import FINGERPRINTS, Score
from core.train import rna_card, rna_evaluate, rna_evolution, rna_families, rna_graphs
from core.train.command import rna_summary, save_ensemble
from core.train.rna import RnaRun, RnaTrainConfig, epoch_batches
from core.train.rna_evolution import Column, draw_ancestor, evolve, to_columns, to_structure
from core.train.rna_families import RELATIVES, SHUFFLES, Families, shuffle_dinucleotides
from core.train.rna_graphs import DESIGNED, FamilyGraphs, View, aligned_bases, aligned_elements
from core.train.rna_losses import UNLIKE, contrastive_loss, draw_batch
from core.train.rna_readout import partly_whitened

TINY = RnaTrainConfig.from_dict(
    {
        "families": 8,
        "validation": 4,
        "test": 4,
        "epochs": 2,
        "batch": 4,
        "seed": 3,
        "network": {"hidden": 8, "out": 8, "layers": 2, "dropout": 0.2, "segments": 3},
    }
)


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Blocks of four families, so that a test makes as few as it needs; threads share the setting."""
    patch = pytest.MonkeyPatch()
    patch.setattr(rna_families, "BLOCK", 4)
    yield
    patch.undo()


def quiet(*_: object, **__: float) -> None:
    """Progress nobody watches."""


def splits(run: RnaRun, *names: str):
    with ThreadPoolExecutor(1) as pool:
        return [run.split(name, pool, quiet, lambda: False) for name in names]


def test_a_shuffle_keeps_every_dinucleotide_and_length():
    rng = random.Random(1)
    changed = 0
    for _ in range(300):
        sequence = "".join(rng.choices("ACGU", k=rng.randint(1, 90)))
        shuffled = shuffle_dinucleotides(sequence, rng)
        assert Counter(pairwise(shuffled)) == Counter(pairwise(sequence))
        assert (shuffled[0], shuffled[-1], len(shuffled)) == (sequence[0], sequence[-1], len(sequence))
        changed += shuffled != sequence
    assert changed > 200


def test_every_eulerian_path_of_a_shuffle_is_as_likely():
    """AACAGA has four sequences with its dinucleotides AA AC AG CA GA: each comes in about a quarter of the draws."""
    rng = random.Random(2)
    seen = Counter(shuffle_dinucleotides("AACAGA", rng) for _ in range(6000))
    same = {"AACAGA", "AAGACA", "ACAAGA", "AGAACA", "ACAGAA", "AGACAA"}
    assert set(seen) == same
    assert all(abs(n / 6000 - 1 / 6) < 0.03 for n in seen.values())


def test_families_are_what_they_say():
    rng = random.Random(5)
    for _ in range(6):
        family = rna_families.make_family(rng)
        assert (len(family.sequences), len(family.designed), len(family.origins)) == (RELATIVES + SHUFFLES, RELATIVES, RELATIVES)
        for sequence, (structure, ensemble, drawn) in zip(family.sequences, family.folds, strict=True):
            expected = fold_ensemble(sequence)
            assert structure == expected[0] and np.array_equal(ensemble.probability, expected[1].probability)
            assert all(len(sample) == len(sequence) for sample in drawn)
        for sequence, structure, origins in zip(family.sequences, family.designed, family.origins):
            assert to_structure(to_columns(sequence, structure)) == structure
            kept = [origin for origin in origins if origin >= 0]
            assert len(origins) == len(sequence) and len(set(kept)) == len(kept) > 10
        for i in range(SHUFFLES):
            assert Counter(pairwise(family.sequences[RELATIVES + i])) == Counter(pairwise(family.sequences[i]))


def test_a_relative_strays_by_its_strength_and_keeps_slow_columns():
    rng = random.Random(9)
    ancestor = draw_ancestor(rng)
    assert ancestor.rates.mean() == pytest.approx(1)
    partner = [i if c.partner is None else c.partner.origin for i, c in enumerate(to_columns(ancestor.sequence, ancestor.structure))]
    assert ancestor.rates == pytest.approx(ancestor.rates[partner])
    changed = np.zeros(len(ancestor.rates))
    for _ in range(300):
        sequence, _, origins = evolve(ancestor, 0.3, rng)
        for base, origin in zip(sequence, origins, strict=True):
            changed[origin] += origin >= 0 and base != ancestor.sequence[origin]
    fast = ancestor.rates > np.median(ancestor.rates)
    assert changed[fast].mean() > 2 * changed[~fast].mean()
    assert rna_evolution._pace(np.ones(4), 0.5) == pytest.approx(np.log(2))


def test_hairpins_come_and_go_and_ends_grow_and_shrink():
    rng = random.Random(3)
    sizes, ends = set(), set()
    for _ in range(200):
        columns = to_columns("G" * 40, "..((((....))))..((((....))))............")
        rna_evolution.change_hairpin(columns, (0.25,) * 4, rng)
        found = to_structure(columns)
        assert found.count("(") == found.count(")")
        sizes.add(found.count("(") - 8)
        columns = to_columns("G" * 40, "((((((((..........))))))))..............")
        rna_evolution.change_end(columns, bool(rng.getrandbits(1)), (0.25,) * 4, rng)
        ends.add(len(columns) - 40)
        assert all(c.partner is None or c.partner.partner is c for c in columns) and to_structure(columns).count("(") == to_structure(columns).count(
            ")"
        )
    assert sizes == {-4, 3, 4, 5, 6} and min(ends) < 0 < max(ends) and 0 not in ends
    assert Column("A").origin == -1


@pytest.mark.parametrize("change", [rna_evolution.change_loop, rna_evolution.change_stem, rna_evolution.move_branch])
def test_a_change_keeps_the_structure_nested_and_pairs_whole(change):
    rng = random.Random(7)
    structure = "..((((...))))..(((.((...))..((....)).)))...."
    before = len(structure)
    shapes = set()
    for _ in range(200):
        columns = to_columns("A" * before, structure)
        change(columns, rng)
        found = to_structure(columns)
        shapes.add(found)
        assert found.count("(") == found.count(")")
        again = to_columns("A" * len(found), found)
        assert to_structure(again) == found
        assert "()" not in found and "(.)" not in found and "(..)" not in found
        if change is rna_evolution.move_branch:
            assert len(found) == before and found.count("(") == structure.count("(")
        if change is rna_evolution.change_stem:
            assert abs(found.count("(") - structure.count("(")) <= 1 and found.count(".") == structure.count(".")
        if change is rna_evolution.change_loop:
            assert found.count("(") == structure.count("(")
    assert len(shapes) > 5


def test_a_seed_and_a_block_make_the_same_families():
    one, again, other = rna_families.family_block(1, 0), rna_families.family_block(1, 0), rna_families.family_block(2, 0)
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["sequences"], other["sequences"])


def test_the_shipped_families_are_those_of_their_seed():
    held_out = rna_families.held_out_families()
    assert len(held_out) == rna_families.HELD_OUT_COUNT and held_out.pairs.sum() == len(held_out.first) == len(held_out.probability)
    for block in (0, 2):
        family = rna_families.make_family(random.Random(rna_families.HELD_OUT_SEED * 1_000_003 + block))
        first = block * 50  # families a block holds where tests have not made it smaller
        assert [s.decode() for s in held_out.sequences[first]] == family.sequences
        assert [s.decode() for s in held_out.folded[first]] == [best for best, _, _ in family.folds]
        np.testing.assert_allclose(held_out.ensemble(first, 3).probability, family.folds[3][1].probability, atol=1e-3)


def test_missing_families_end_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rna_families.held_out_families.cache_clear()
    for content in (None, b"no archive"):
        if content is not None:
            (tmp_path / "relatives.npz").write_bytes(content)
        monkeypatch.setattr(rna_families, "HELD_OUT", tmp_path / "relatives.npz")
        with pytest.raises(InputError, match=r"relatives\.npz cannot be read; restore assets/rna/relatives\.npz"):
            rna_families.held_out_families()


@pytest.fixture(scope="module")
def made() -> Families:
    return Families.join([rna_families.family_block(1, block) for block in (0, 1)], 7)


def test_blocks_joined_give_each_sequence_its_own_pairs(made: Families):
    assert len(made) == 7 and len(made.pairs) == 7 * (RELATIVES + SHUFFLES) and made.pairs.sum() == len(made.first)
    for family, member in ((0, 0), (3, 4), (6, 2)):
        expected = fold_ensemble(made.sequences[family, member].decode())[1]
        found = made.ensemble(family, member)
        assert np.array_equal(found.first, expected.first) and found.probability == pytest.approx(expected.probability, abs=1e-3)


def test_batches_are_of_like_length():
    rng = np.random.default_rng(0)
    lengths = rng.integers(40, 200, 320)
    batches = epoch_batches(lengths, 32, rng)
    assert sorted(batches.ravel()) == sorted(set(batches.ravel())) and batches.shape == (10, 32)
    assert np.mean([lengths[b].std() for b in batches]) < lengths.std() / 3


def test_a_batch_holds_relatives_shuffles_and_what_is_aligned_between_them(made: Families):
    graphs = FamilyGraphs(made, encoding="forgi", sequence_weight=0.5, ensemble=True)
    chosen, kinds_seen = np.arange(7), set()
    for seed in range(20):
        drawn = draw_batch(graphs, chosen, given=0.3, mixed=0.3, shuffles=0.5, rng=np.random.default_rng(seed))
        first, second, shuffled = drawn.views[:7], drawn.views[7:14], drawn.views[14:]
        assert [v.family for v in first] == [v.family for v in second] == list(chosen) and all(a.member != b.member for a, b in zip(first, second))
        assert drawn.shuffles == len(shuffled) == 4 and all(v.member == RELATIVES for v in shuffled)
        kinds_seen.add((all(v.structure == DESIGNED for v in first), all(v.structure == DESIGNED for v in second)))
        batch = graphs.assemble(drawn.views)
        for one, other in drawn.bases:
            places = [int(node - batch.starts[batch.batch[node]]) for node in (one, other)]
            views = [drawn.views[batch.batch[node]] for node in (one, other)]
            origins = [made.origins[v.family, v.member, place] for v, place in zip(views, places)]
            assert views[0].family == views[1].family and origins[0] == origins[1] >= 0
        for (one, other), kind in zip(drawn.elements, drawn.kinds, strict=True):
            assert batch.x[one, 8] == batch.x[other, 8] == 0 and batch.x[one, 9 + kind] == batch.x[other, 9 + kind] == 1
    assert kinds_seen == {(True, True), (False, True), (False, False)}


def test_partners_dealt_out_are_the_same_ones_but_nobodys_own(made: Families):
    graphs = FamilyGraphs(made, encoding="forgi", sequence_weight=0.5, ensemble=True)
    drawn = draw_batch(graphs, np.arange(7), given=0.0, mixed=0.0, shuffles=0.0, rng=np.random.default_rng(0))
    assert drawn.partners.tolist() == list(range(7))
    rng, own = np.random.default_rng(1), []
    for _ in range(300):
        dealt = drawn.dealt_out(rng)
        assert sorted(dealt.partners) == list(range(7)) and dealt.views == drawn.views
        assert (dealt.bases[:, 0] == drawn.bases[:, 0]).all() and sorted(dealt.bases[:, 1]) == sorted(drawn.bases[:, 1])
        for kind in np.unique(drawn.kinds):
            rows = drawn.kinds == kind
            assert sorted(dealt.elements[rows, 1]) == sorted(drawn.elements[rows, 1])
        own.append([(dealt.partners == drawn.partners).sum(), (dealt.bases[:, 1] == drawn.bases[:, 1]).sum()])
    assert np.mean(own, axis=0) == pytest.approx([1, 1], abs=0.25)  # as many stay in their place as chance leaves there


def test_elements_are_the_same_when_they_share_most_of_their_columns(made: Families):
    graphs = FamilyGraphs(made, encoding="forgi", sequence_weight=0.5, ensemble=True)
    one = graphs.parts(View(0, 0, DESIGNED))
    own = np.arange(len(one.letter))
    with_bases = np.unique(one.element_of_base)
    assert aligned_elements(one, one, own, own).tolist() == [[e, e] for e in with_bases]
    first, second = aligned_bases(made, 0, 0, 1)
    assert (made.origins[0, 0, first] == made.origins[0, 1, second]).all() and len(first) > 10
    assert len(aligned_elements(one, graphs.parts(View(0, 1, DESIGNED)), first[:0], second[:0])) == 0


def test_the_loss_by_hand():
    e = torch.eye(3)
    # cosines: own relative 1, every other 0; two ways the same
    expected = -np.log(np.e**2 / (np.e**2 + 3))
    assert contrastive_loss(3 * e[:2], e[:2], 0.5, others=e[[2, 2]]).item() == pytest.approx(expected, rel=1e-6)
    assert contrastive_loss(3 * e[:2], e[:2], 0.5).item() == pytest.approx(-np.log(np.e**2 / (np.e**2 + 1)), rel=1e-6)
    apart = torch.tensor([[False, True], [True, False]])
    assert contrastive_loss(e[:2], e[[0, 0]], 0.5, unlike=apart).item() == pytest.approx((0 - UNLIKE / 0.5 * 0) / 1, abs=1e-6)


def test_an_interrupted_run_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path):
    whole = RnaRun(TINY, tmp_path / "whole")
    train, validation = splits(whole, "train", "validation")
    unbroken = whole.fit(train, validation, quiet, lambda: False).state_dict()
    calls = iter([False, False, True])
    broken = RnaRun(TINY, tmp_path / "broken")
    with pytest.raises(Cancelled, match="step 3 of 4"):
        broken.fit(train, validation, quiet, lambda: next(calls))
    resumed = RnaRun(TINY, tmp_path / "broken").fit(train, validation, quiet, lambda: False).state_dict()
    for name, value in unbroken.items():
        assert torch.equal(value, resumed[name]), name
    histories = [
        [json.loads(line) | {"seconds": 0} for line in (tmp_path / f / "history.jsonl").read_text().splitlines()] for f in ("whole", "broken")
    ]
    assert histories[0] == histories[1]
    with pytest.raises(InputError, match="another seed"):
        RnaRun(replace(TINY, seed=4), tmp_path / "whole")


def test_a_partly_whitened_map_turns_centres_and_evens_out():
    rng = np.random.default_rng(0)
    reads = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) + 3
    weight, bias = partly_whitened(reads, 6, power=1.0, pooled=2, share=0.5)
    assert np.cov((reads @ weight.T + bias).T) == pytest.approx(np.eye(6), abs=1e-9)
    assert (reads @ weight.T + bias).mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-9)
    weight, bias = partly_whitened(reads, 6, power=0.0, pooled=0, share=0.5)
    assert weight @ weight.T == pytest.approx(np.eye(6), abs=1e-9)  # turned, not stretched
    turned = (reads @ weight.T + bias).var(axis=0)
    assert (np.diff(turned) <= 0).all()
    half, centre = partly_whitened(reads, 8, power=0.5, pooled=0, share=0.5)
    assert (reads @ half.T + centre).var(axis=0) == pytest.approx([*np.sqrt(turned * 399 / 400), 0, 0], rel=1e-6)  # two have nothing
    scaled, _ = partly_whitened(reads, 6, power=0.0, pooled=2, share=0.1)
    assert np.trace(np.cov((reads[:, :2] @ scaled[:, :2].T).T)) == pytest.approx(0.1 * reads[:, 2:].var(axis=0, ddof=1).sum())


def test_the_read_out_of_a_network_is_fitted_on_its_training_families(tmp_path: Path):
    run = RnaRun(TINY, tmp_path)
    train, validation = splits(run, "train", "validation")
    network = run.fit(train, validation, quiet, lambda: False)
    trained = run.best().state_dict()
    views = [View(f, member, structure) for f in range(8) for member, structure in ((0, 0), (1, 0), (2, DESIGNED))]
    read = rna_graphs.read_parts(network, [train.parts(view) for view in views])
    assert read.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-4)
    covariance = np.cov(read.T)
    assert covariance == pytest.approx(np.diag(np.diag(covariance)), abs=1e-3 * covariance.max())
    kept = {name for name, value in network.state_dict().items() if torch.equal(value, trained[name])}
    assert set(trained) - kept == {"lin_out.weight", "lin_out.bias"}


def test_settings_are_checked():
    with pytest.raises(InputError, match="no training setting 'epoch'"):
        RnaTrainConfig.from_dict({"epoch": 3})
    with pytest.raises(InputError, match="'members' is '5'"):
        RnaTrainConfig.from_dict({"members": "5"})
    with pytest.raises(InputError, match="'network' is None"):
        RnaTrainConfig.from_dict({"network": None})
    with pytest.raises(InputError, match="cannot be built"):
        RnaTrainConfig.from_dict({"network": {"pooling": "max"}})
    with pytest.raises(InputError, match="cannot be built"):
        RnaTrainConfig.from_dict({"encoding": "shapes"})
    with pytest.raises(InputError, match="families for one batch"):
        RnaTrainConfig.from_dict({"families": 3})
    with pytest.raises(InputError, match="read-out is fitted"):
        RnaTrainConfig.from_dict({"readout_power": 1.5})
    with pytest.raises(InputError, match="their sum"):
        RnaTrainConfig.from_dict({"given": 0.7, "mixed": 0.7})
    assert RnaTrainConfig.from_dict({"encoding": "standard"}).build().edge_features == 4


def rfam_file(folder: Path) -> Path:
    """Four small made-up families in the columns of the Rfam file; members are alike in 40% of their columns."""
    rng = random.Random(3)
    lines = ["family\tname\taccession\tsequence\tstructure\taligned_sequence"]
    structure = "((((((....))))))" * 3
    for family in range(4):
        ancestor = rng.choices("ACGU", k=len(structure))
        for member in range(3):
            sequence = "".join(base if rng.random() < 0.5 else rng.choice("ACGU") for base in ancestor)
            lines.append(f"RF{family}\tmade{family}\tX{family}.{member}\t{sequence}\t{structure}\t{sequence}")
    path = folder / "rfam.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_card_is_reproduced_by_evaluate(tmp_path: Path):
    run = RnaRun(TINY, tmp_path / "run")
    train, validation, test = splits(run, "train", "validation", "test")
    network = run.fit(train, validation, quiet, lambda: False)
    selected = rna_evaluate.synthetic_figures(network, validation)
    rfam = rfam_file(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        card = rna_card.build_card("tiny", TINY, [network], test, selected, seconds=1.0, command="python -m core train rna", executor=pool, rfam=rfam)
        loaded, read = load_checkpoint(save_checkpoint(network, card, tmp_path))
        again = rna_card.evaluate([loaded], read, tmp_path / "again", executor=pool, rfam=rfam)
        without = rna_card.evaluate([loaded], read, tmp_path / "again", executor=pool, rfam=tmp_path / "absent.tsv")
        read.content["test"]["folded"] += 0.01
        read.content["rfam"]["scores"][0]["all"] -= 0.01
        told = rna_card.evaluate([loaded], read, tmp_path / "again", executor=pool, rfam=rfam)
    assert again["differences"] == {} == without["differences"]
    assert set(card["baselines"]) == set(FINGERPRINTS) and all(set(own) == set(rna_evaluate.FIGURES) for own in card["baselines"].values())
    rows = {(row["score"], row["structures"]): row for row in card["rfam"]["scores"]}
    assert {"tiny", "tiny + 4-mers", "tiny + 4-mers by place", *FINGERPRINTS} == {score for score, _ in rows} and card["rfam"]["families"] == 2
    assert rows["length", "folded"]["all"] == 0.5 and rows["element counts", "family"]["all"] == 0.5
    assert {(row["level"], row["structures"]) for row in card["rfam"]["motifs"]} == {
        (a, b) for a in ("element", "base") for b in ("folded", "family")
    }
    assert "absent.tsv was not there" in without["rfam"]["skipped"]
    assert list(told["differences"]) == ["test/folded", "rfam/folded/length/all"]
    assert "Rfam: 6 members of 2 families" in rna_summary(card) and "structures: family" in rna_summary(card)
    assert "Rfam was left out" in rna_summary({**card, **without})


def test_an_ensemble_learns_from_the_same_families(tmp_path: Path):
    first, second = replace(TINY, members=2).each_member()
    assert (first.seed, second.seed, first.drawn_from, second.drawn_from) == (TINY.seed, TINY.seed + 1, TINY.seed, TINY.seed)
    runs = [RnaRun(first, tmp_path), RnaRun(second, tmp_path / f"seed-{second.seed}", data=tmp_path)]
    train, validation, test = splits(runs[1], "train", "validation", "test")
    assert not list((tmp_path / f"seed-{second.seed}").glob("families-*")) and (tmp_path / f"families-{TINY.seed}").is_dir()
    np.testing.assert_array_equal(train.families.sequences, splits(RnaRun(TINY, tmp_path / "alone"), "train")[0].families.sequences)
    networks = [run.fit(train, validation, quiet, lambda: False) for run in runs]
    rfam = rfam_file(tmp_path)
    given: dict[str, Any] = {"seconds": 2.0, "command": "python -m core train rna"}
    with ThreadPoolExecutor(1) as pool:
        card = rna_card.build_card("tiny", replace(TINY, members=2), networks, test, {}, **given, executor=pool, rfam=rfam)
        path = save_ensemble(networks, card, [first.seed, second.seed], tmp_path)
        (shown, read), (other, about) = load_members(path, kind="rna")
        again = rna_card.evaluate([shown, other], read, tmp_path, executor=pool, rfam=rfam)
        swapped = rna_card.evaluate([shown, shown], read, tmp_path, executor=pool, rfam=rfam)
    assert (about.name, about.content["member_of"], about.content["training"]["data_seed"]) == (f"tiny.seed{second.seed}", "tiny", TINY.seed)
    assert again["differences"] == {} and all(figure.startswith(f"seed {second.seed}/") for figure in swapped["differences"])
    assert len(swapped["differences"]) >= 3
    (told,) = card["ensemble"]["others"]
    expected = rna_evaluate.synthetic_figures(networks[1], test)
    assert told["test"] == {name: pytest.approx(value, abs=5e-5, nan_ok=True) for name, value in expected.items() if not np.isnan(value)} | {
        name: None for name, value in expected.items() if np.isnan(value)
    }
    assert {row["structures"] for row in told["rfam"]} == {"folded", "family"} and {row["score"] for row in card["rfam"]["scores"]} == {
        "tiny",
        "tiny + 4-mers",
        "tiny + 4-mers by place",
        *FINGERPRINTS,
    }
    assert f"seed {second.seed}" in rna_summary(card)


def test_a_networks_figures_are_those_of_its_vectors(made: Families):
    """The figures of fingerprints and of a network come from one function; a score that knows the families has 1 everywhere."""
    truth = Score(np.repeat(np.eye(7), RELATIVES + SHUFFLES, axis=0)), Score(np.repeat(np.eye(7), RELATIVES, axis=0))
    found = rna_evaluate._figures(*truth, made)
    assert found["folded"] == found["given"] == 1 and found["shuffles"] == 0.5
    pairs = rna_evaluate.synthetic_pairs(made)
    lengths = np.char.str_len(made.sequences[:, :RELATIVES]).ravel()
    difference = [-np.abs(np.log(lengths[pairs.a]) - np.log(lengths[other])) for other in (pairs.b, pairs.other)]
    assert rna_evaluate.fingerprint_figures(made)["length"]["folded"] == pytest.approx(auc(*difference))
