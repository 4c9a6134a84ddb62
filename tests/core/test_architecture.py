"""The rules of the house, read from the imports of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAYERS = (
    ("core.errors", "core.lazy", "core.storage", "core"),
    ("core.runs", "core.models", "core.metabolic", "core.rna"),
    ("core.viz", "core.explain", "core.train", "core.bench"),
    (
        "core.ui",
        "core.commands",
        "core.compare_command",
        "core.gates_command",
        "core.measure_command",
        "core.trial_command",
        "core.embed_command",
        "core.disrupt_command",
        "core.replay_command",
        "core.stories_command",
        "core.__main__",
    ),
    ("app", "pages"),
)
"""Imports point from a later line to an earlier one, or stay in the same line."""

HEAVY = {"torch", "torch_geometric", "cobra", "forgi", "RNA", "captum", "pyvis", "sklearn", "umap", "numba", "anndata"}


class Import(NamedTuple):
    """One import: the module and line it stands in, what it names, and whether it runs as soon as the module is imported."""

    module: str
    line: int
    target: str
    at_top: bool


def modules() -> dict[str, Path]:
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "core").rglob("*.py")]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imports(module: str, path: Path) -> list[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def walk(node: ast.AST, at_top: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return  # annotations only: never imported
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            at_top = False
        if isinstance(node, ast.Import):
            yield from (Import(module, node.lineno, alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(module, node.lineno, f"{source}.{alias.name}", at_top) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, at_top)

    return list(walk(ast.parse(path.read_text(encoding="utf-8")), True))


ALL = [found for module, path in modules().items() for found in imports(module, path)]


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def layer(name: str) -> int:
    """The line of :data:`LAYERS` a module belongs to, by its longest match."""
    ranks = {package: rank for rank, packages in enumerate(LAYERS) for package in packages if inside(name, package)}
    return ranks[max(ranks, key=len)]


def breaches(found: list[Import]) -> list[str]:
    return [f"{one.module}:{one.line} imports {one.target}" for one in found]


def top(name: str) -> str:
    return name.partition(".")[0]


def test_the_walk_sees_every_module_and_its_imports() -> None:
    assert {"app", "pages.home", "core", "core.storage", "core.ui.guard", "core.runs.jobs"} <= set(modules())
    assert Import("core.ui.guard", 12, "streamlit", True)._replace(line=0) in [one._replace(line=0) for one in ALL]
    assert any(one.module == "core.ui.device" and one.target == "core.models.device.resolve_device" and not one.at_top for one in ALL)


def test_streamlit_is_known_to_the_pages_and_core_ui_only() -> None:
    allowed = ("app", "pages", "core.ui")
    assert breaches([one for one in ALL if top(one.target) == "streamlit" and not any(inside(one.module, place) for place in allowed)]) == []


def test_drawing_packages_are_known_to_core_viz_only() -> None:
    assert breaches([one for one in ALL if top(one.target) in {"plotly", "pyvis"} and not inside(one.module, "core.viz")]) == []


def test_forgi_is_imported_in_one_module() -> None:
    assert breaches([one for one in ALL if top(one.target) == "forgi" and one.module != "core.rna._forgi"]) == []


def test_imports_point_one_way() -> None:
    ours = [one for one in ALL if top(one.target) in {"core", "pages", "app"}]
    assert breaches([one for one in ours if layer(one.target) > layer(one.module)]) == []


def test_no_module_imports_itself_by_a_detour() -> None:
    """Then every module may be the first a process imports, as a page's are when its link is the first a new server is asked for."""
    known = modules()
    packages = [(name, ast.parse(path.read_text(encoding="utf-8"))) for name, path in known.items() if path.name == "__init__.py"]
    homes = {f"{name}.{a.name}": str(n.module) for name, tree in packages for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    needs: dict[str, set[str]] = {name: set() for name in known}
    for one in ALL:
        source = one.target if one.target in known else homes.get(one.target, one.target.rpartition(".")[0])
        if one.at_top and source in known:
            needs[one.module].add(source)
    assert needs["core.explain.flux_references"] >= {"core.storage", "core.metabolic.variability"}
    assert set(TopologicalSorter(needs).static_order()) == set(known)  # raises CycleError


def test_pages_are_imported_by_nobody() -> None:
    assert breaches([one for one in ALL if top(one.target) in {"pages", "app"}]) == []


def test_models_know_neither_half_at_the_top_level() -> None:
    halves = ("core.metabolic", "core.rna")
    assert (
        breaches([one for one in ALL if inside(one.module, "core.models") and one.at_top and any(inside(one.target, half) for half in halves)]) == []
    )


def test_the_halves_do_not_know_each_other() -> None:
    pairs = [("core.metabolic", "core.rna"), ("core.rna", "core.metabolic")]
    assert breaches([one for one in ALL for half, other in pairs if inside(one.module, half) and inside(one.target, other)]) == []


def test_what_every_page_pays_for_imports_nothing_heavy() -> None:
    shared = [one for one in ALL if one.at_top and (one.module == "app" or inside(one.module, "core.ui") or inside(one.module, "pages"))]
    assert breaches([one for one in shared if top(one.target) in HEAVY]) == []


def test_light_modules_stay_light() -> None:
    light = ["core", "core.errors", "core.storage", "core.runs", "core.runs.worker", "core.ui.state", "core.ui.nav", "core.ui.device"]
    code = f"import importlib, sys\nfor name in {light!r}: importlib.import_module(name); print(name, *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines() == light


def test_importing_core_prints_nothing() -> None:
    """core.ui is left out: outside a server Streamlit's own caches announce themselves on standard error."""
    names = [name for name in modules() if inside(name, "core") and not inside(name, "core.ui") and name != "core.__main__"]
    code = f"import importlib\nfor name in {sorted(names)!r}: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("package", ["core.metabolic", "core.models", "core.explain"])
def test_no_submodule_hides_a_public_name_of_its_package(package: str) -> None:
    """``core.metabolic.fba`` was a module instead of the function once anything had imported the module of that name."""
    home = import_module(package)
    for path in Path(str(home.__file__)).parent.glob("*.py"):
        import_module(package if path.stem == "__init__" else f"{package}.{path.stem}")
    assert [name for name in home.__all__ if isinstance(getattr(home, name), ModuleType)] == []
