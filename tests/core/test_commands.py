"""The command line: the files it writes hold core's own numbers; bad input is one line and exit code 2."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.explain import reaction_importance
from core.metabolic import blocked_reactions, fba, load_model, load_tables
from tests.core.hostile import hostile_files, sbml


def test_reactions_writes_what_core_computes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["reactions", "e_coli_core", "--medium", "anaerobic glucose", "--knockout", "PPC", "b0720", "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "escher-fluxes.json",
        "escher-gates.json",
        "escher-metabolites.json",
        "hypergraph.hif.json",
        "incidences.csv",
        "manifest.json",
        "network.graphml",
        "network.html",
        "reactions.csv",
    ]
    condition = {"medium": "anaerobic glucose", "knockouts": ["PPC", "b0720"]}
    expected = reaction_importance(load_tables("e_coli_core"), "core", methods=("gate", "message", "attention"), **condition)
    table = pd.read_csv(out / "reactions.csv").set_index("reaction")
    assert list(table.index) == list(expected.table["reaction"])
    assert np.allclose(table["gate"], expected.table["gate"])
    assert np.allclose(table["attention"], expected.table["attention"])
    solved = fba(load_model("e_coli_core"), parsimonious=True, **condition)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["fba"]["status"] == solved.status
    if solved.status == "optimal":
        assert np.allclose(table["flux_fba"], solved.fluxes.loc[table.index], atol=1e-6)
        assert manifest["fba"]["growth"] == pytest.approx(solved.growth)
    assert set(table.index[table["blocked"]]) == blocked_reactions(load_tables("e_coli_core"), **condition)
    assert table.loc["CS", "upper"] == 0
    assert manifest["key"] == expected.manifest["key"]
    assert manifest["condition"]["knockouts"] == ["PPC", "b0720"]
    incidences = pd.read_csv(out / "incidences.csv")
    assert np.allclose(incidences["message"], expected.incidences["message"])
    assert not re.search(r"""(src|href)=["']https?:""", (out / "network.html").read_text())


def test_a_medium_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("exchange,uptake\nEX_glc__D_e,5\nEX_o2_e,15\nEX_nh4_e,100\nEX_pi_e,100\n")
    (tmp_path / "m.json").write_text(json.dumps({"EX_glc__D_e": 5, "EX_o2_e": 15, "EX_nh4_e": 100, "EX_pi_e": 100}))
    growths = []
    for name in ("m.csv", "m.json"):
        assert main(["reactions", "e_coli_core", "--medium", str(tmp_path / name), "--out", str(tmp_path / name[:3])]) == 0
        growths.append(json.loads((tmp_path / name[:3] / "manifest.json").read_text())["fba"]["growth"])
    model = load_model("e_coli_core")
    model.medium = {"EX_glc__D_e": 5, "EX_o2_e": 15, "EX_nh4_e": 100, "EX_pi_e": 100}
    assert growths == pytest.approx([model.slim_optimize()] * 2, abs=1e-6)


def test_a_model_without_objective_takes_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.xml"
    path.write_text(sbml(objective=None))
    assert main(["reactions", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "BIOMASS" in capsys.readouterr().err
    assert main(["reactions", str(path), "--objective", "BIOMASS", "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["fba"]["growth"] == pytest.approx(10)


def test_every_bad_file_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, case in hostile_files(tmp_path).items():
        assert main(["reactions", str(case.path), "--out", str(tmp_path / "out")]) == 2, name
        said = capsys.readouterr()
        assert said.out == "", name
        assert said.err.startswith("gatescope: "), name
        assert said.err.count("\n") == 1, name
        assert case.expected_fragment in said.err, name
        assert "Traceback" not in said.err, name
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["reactions", "nosuch"], "choose one of toy, e_coli_core"),
        (["reactions", "e_coli_core", "--medium", "soup"], "no medium called 'soup'"),
        (["reactions", "e_coli_core", "--medium", "soup.csv"], "soup.csv cannot be read"),
        (["reactions", "e_coli_core", "--knockout", "XYZ"], "no gene or reaction 'XYZ'"),
        (["reactions", "e_coli_core", "--objective", "XYZ"], "no reaction 'XYZ'"),
        (["reactions", "e_coli_core", "--checkpoint", "XYZ"], "no checkpoint 'XYZ'"),
        (["reactions", "e_coli_core", "--target", "XYZ"], "target 'XYZ'"),
        (["evaluate", "XYZ"], "no checkpoint 'XYZ'"),
        (["train", "metabolic", "--config", "none.json"], "none.json cannot be read"),
        (["train", "metabolic", "--samples", "3"], "as many samples as a batch"),
    ],
)
def test_names_that_do_not_exist_are_one_line(arguments: list[str], fragment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert fragment in said
    assert said.count("\n") == 1
