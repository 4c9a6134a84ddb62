"""Kinetic parameters: what is not measured is masked, a bad file is one sentence, and only a network trained on them reads them."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.__main__ import main
from core.errors import InputError
from core.explain import reaction_importance
from core.explain.network_knockouts import network_knockouts
from core.metabolic import Kinetics, build_hypergraph, load_tables, read_kinetics
from core.metabolic.features import REACTION_FEATURES
from core.metabolic.kinetics import KINETIC_FEATURES, hidden_at_random, reads_kinetics
from core.models import load_checkpoint, predict, save_checkpoint
from core.train.evaluate import quoted
from core.train.kinetics import KineticInputs, step_features
from core.train.metabolic import Run, TrainConfig

BOTH = (
    "Reaction,Metabolite,kcat_forward (1/s),kcat_backward,Km (mM)\n"
    "PFK,,110,,\n"
    "R_PGI,,1e3,0.1,\n"
    "PFK,atp_c,,,0.1\n"
    "PFK,M_f6p_c,,,0.001\n"
    "XYZ,,5,,\n"
    "PFK,glc__D_e,,,2\n"
)


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def given() -> Kinetics:
    return read_kinetics((BOTH.encode(), "k.csv"))


def row(tables, features: np.ndarray, reaction: str) -> list[float]:
    return [float(v) for v in features[tables.reactions.index(reaction)]]


def test_known_values_are_logarithms_and_unknown_ones_are_masked(tables, given):
    features = given.features(tables)
    assert features.shape == (95, len(KINETIC_FEATURES))
    size = int((tables.cols == tables.reactions.index("PFK")).sum())
    assert row(tables, features, "PFK") == pytest.approx([math.log10(110), 1, 0, 0, (math.log10(0.1) + math.log10(0.001)) / 2, 2 / size])
    assert row(tables, features, "PGI") == pytest.approx([3, 1, -1, 1, 0, 0])
    others = np.delete(features, [tables.reactions.index(r) for r in ("PFK", "PGI")], axis=0)
    assert not others.any()


def test_a_kcat_of_one_is_not_an_unknown_one(tables):
    one = read_kinetics((b"reaction,kcat_forward\nPFK,1\n", "k.csv")).features(tables)
    assert row(tables, one, "PFK")[:2] == [0, 1]


def test_coverage_counts_and_names_what_the_model_does_not_have(tables, given):
    covered = given.coverage(tables)
    assert (covered.reactions, covered.incidences, covered.all_incidences) == (2, 2, 360)
    assert covered.unmatched == ("XYZ", "glc__D_e in PFK")
    assert "2 entries of the file are not in this model: XYZ, glc__D_e in PFK." in covered.sentence


def test_two_files_other_separators_and_the_written_file_say_the_same(given):
    first = "\ufeffkcat_forward;reaction;kcat_backward\n110;PFK;\n1000;R_PGI;0.1\n5;XYZ;\n\n".encode()
    second = b"km\tmetabolite\treaction\n0.1\tatp_c\tPFK\n0.001\tM_f6p_c\tPFK\n2\tglc__D_e\tPFK\n"
    assert read_kinetics((first, "a.csv"), (second, "b.csv")).key == given.key
    assert read_kinetics((given.to_csv().encode(), "k.csv")).key == given.key
    assert read_kinetics((BOTH.replace("110", "111").encode(), "k.csv")).key != given.key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reaction,kcat_forward\nPFK,fast\n", r"k.csv, line 2: kcat_forward is 'fast'; give a positive number \(1/s\)"),
        ("reaction,kcat_forward\nPFK,0\n", "line 2: kcat_forward is '0'"),
        ("reaction,metabolite,km\nPFK,atp_c,-1\n", r"line 2: km is '-1'; give a positive number \(mM\)"),
        ("reaction,metabolite,km\nPFK,atp_c,inf\n", "line 2: km is 'inf'"),
        ("reaction,km\nPFK,2\n", "line 2 gives a Km without a metabolite"),
        ("reaction,kcat_forward\n,2\n", "line 2 names no reaction"),
        ("reaction,kcat_forward\nPFK,2\nPFK,3\n", "line 3: kcat_forward of PFK is 3 here and 2 further up"),
        ("name,value\nPFK,2\n", "k.csv has no column 'reaction'"),
        ("", "k.csv has no column 'reaction'"),
        ("reaction,kcat_forward\nPFK,\n", "k.csv holds no kcat and no Km"),
        ("reaction,kcat_forward\n\0\n", "not a text file"),
    ],
)
def test_a_bad_file_is_one_sentence(text, said):
    with pytest.raises(InputError, match=said) as caught:
        read_kinetics((text.encode(), "k.csv"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none.csv cannot be read"):
        read_kinetics(tmp_path / "none.csv")


def test_the_hypergraph_carries_them_behind_the_other_features(tables, given):
    plain, with_them = build_hypergraph(tables), build_hypergraph(tables, kinetics=given)
    assert torch.equal(with_them.u[:, : len(REACTION_FEATURES)], plain.u)
    assert torch.equal(with_them.u[:, len(REACTION_FEATURES) :], torch.from_numpy(given.features(tables)))
    assert with_them.feature_names.reaction == (*plain.feature_names.reaction, *(f.name for f in KINETIC_FEATURES))
    assert with_them.u.shape[1] == len(with_them.feature_names.reaction)
    assert with_them.key != plain.key


def test_a_network_never_trained_on_them_ignores_them(tables, given):
    network, _ = load_checkpoint("core")
    assert not reads_kinetics(network.config.reaction_channels)
    without, found = (reaction_importance(tables, load_checkpoint("core"), methods=(), kinetics=k) for k in (None, given))
    assert found.prediction == without.prediction
    assert np.array_equal(found.incidences["gate"], without.incidences["gate"])
    assert found.manifest["kinetics"]["read_by_network"] is False
    assert found.manifest["kinetics"]["sha256"] == given.key


def test_hiding_takes_value_and_flag_away_together_and_is_seeded(tables, given):
    features = given.features(tables)
    assert np.array_equal(step_features(features, None, 0, 3), features)
    first, again, next_step = (step_features(features, 0.5, 0, step) for step in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, next_step) or not first.any()
    hidden = [hidden_at_random(features, 0.5, np.random.default_rng(seed)) for seed in range(200)]
    flags = np.array([h[tables.reactions.index("PFK"), 1] for h in hidden])
    assert 0.35 < flags.mean() < 0.65
    assert all(h[tables.reactions.index("PFK"), 0] == (pytest.approx(math.log10(110)) if f else 0) for h, f in zip(hidden, flags, strict=True))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny network trained on a file of kinetic parameters; its run and the checkpoint."""
    folder = tmp_path_factory.mktemp("kinetic")
    (folder / "k.csv").write_text(BOTH)
    network = {"hidden": 8, "heads": 1, "layers": 2}
    values = {"samples": 32, "validation": 8, "test": 8, "epochs": 2, "batch": 16, "network": network, "device": "cpu"}
    run = Run(TrainConfig.from_dict({**values, "kinetics": str(folder / "k.csv"), "kinetics_hidden": 0.2}), folder / "run")
    with ThreadPoolExecutor(1) as pool:
        parts = run.samples(pool, lambda *_: None, lambda: False)
    fitted = run.fit(parts["train"], parts["validation"], lambda *_, **__: None, lambda: False)
    _, card = load_checkpoint("core")
    dropped = ("members", "member_of", "weights_sha256", "schema")
    content = {k: v for k, v in card.content.items() if k not in dropped} | {"name": "kinetic", "network": run.config.build().to_dict()}
    return run, fitted, parts, save_checkpoint(fitted, content, folder)


def test_a_network_trained_on_them_reads_them_and_runs_without(tables, given, trained):
    _, network, _, path = trained
    assert reads_kinetics(network.config.reaction_channels)
    without, found = predict(tables, path), predict(tables, path, kinetics=given)
    assert not np.allclose(without.fluxes, found.fluxes, atol=1e-6)
    # A file that covers nothing of the model is the same as no file: the mask is zero.
    assert np.array_equal(predict(tables, path, kinetics=Kinetics({"XYZ": 3.0})).fluxes, without.fluxes)
    importance = reaction_importance(tables, path, methods=(), kinetics=given)
    assert importance.prediction == pytest.approx(found.growth)
    assert importance.manifest["kinetics"]["read_by_network"] is True


def test_its_knockouts_are_its_predictions_with_its_parameters(tables, given, trained):
    opened = trained[1].eval(), load_checkpoint("core")[1]
    left = {}
    for name, kinetics in (("with", given), ("without", None)):
        left[name] = network_knockouts(tables, opened, ["PGI"], level="reaction", kinetics=kinetics)["PGI"]
        whole, lost = (predict(tables, opened, knockouts=closed, kinetics=kinetics).growth for closed in ([], ["PGI"]))
        assert left[name] == pytest.approx(lost / whole, abs=1e-5)
    assert abs(left["with"] - left["without"]) > 1e-3


def test_its_figures_are_those_with_its_parameters(tables, given, trained):
    run, network, parts, _ = trained
    figures = quoted(run.config, tables, [network], parts, with_baselines=False)["test"]
    bound = quoted(
        TrainConfig.from_dict({"network": run.config.network}), tables, [KineticInputs(network, given.features(tables))], parts, with_baselines=False
    )
    assert figures["growth_mae"] == pytest.approx(bound["test"]["growth_mae"], rel=1e-6)


def test_settings_are_checked(tmp_path):
    with pytest.raises(InputError, match="kinetics_hidden is a share"):
        TrainConfig.from_dict({"kinetics_hidden": 0.5})
    assert TrainConfig().build().reaction_channels == len(REACTION_FEATURES)
    with pytest.raises(InputError, match="cannot be read"):
        Run(TrainConfig.from_dict({"kinetics": str(tmp_path / "no.csv")}), tmp_path / "run")


def test_the_command_says_what_is_covered_and_that_they_are_ignored(tmp_path: Path, capsys):
    (tmp_path / "k.csv").write_text(BOTH)
    arguments = ["reactions", "e_coli_core", "--device", "cpu", "--kinetics", str(tmp_path / "k.csv"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    said = capsys.readouterr().err
    assert "kcat is known for 2 of 95 reactions and Km for 2 of 360 incidences" in said
    assert "The network core was never trained on kinetic parameters and ignores them" in said
    kinetics = json.loads((tmp_path / "out" / "manifest.json").read_text())["kinetics"]
    assert kinetics["unmatched"] == ["XYZ", "glc__D_e in PFK"]
    (tmp_path / "bad.csv").write_text("reaction,kcat_forward\nPFK,fast\n")
    assert main(["reactions", "e_coli_core", "--kinetics", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
