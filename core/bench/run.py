"""Runs the benchmark: ours and the peer take turns, so that whatever else the machine does hits both."""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from core.bench.cases import BOUNDS, MODES, ConvPair, Hypergraph, model_hypergraph, random_hypergraph, reading_pair

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "task",
    "incidences",
    "gate",
    "attention",
    "ours_ms",
    "peer",
    "peer_ms",
    "ratio",
    "ratio_min",
    "ratio_max",
    "bound",
    "difference",
    "repetitions",
)
SIZES = (150_000, 1_500_000)
REPETITIONS = ((50_000, 31), (500_000, 9), (sys.maxsize, 3))
"""Up to so many incidences, so many repetitions."""

Row = dict[str, Any]


def run_bench(
    quick: bool = False,
    on_row: Callable[[Row], None] | None = None,
    *,
    hypergraphs: list[Hypergraph] | None = None,
    model: str = "iJO1366",
) -> pd.DataFrame:
    """Measures everything and returns one row per measurement.

    Args:
        quick: leave out 1.5 million incidences.
        on_row: called with each row as soon as it is measured.
        hypergraphs: in place of the model's incidences and the random hypergraphs.
        model: the bundled model that is read and whose incidences are used.

    Returns:
        Columns: task; incidences; gate, attention (None for reading); ours_ms and peer_ms, medians over ``repetitions``; peer;
        ratio = peer_ms / ours_ms; ratio_min and ratio_max, over the single turns; bound, the ratio asked for (nan: none);
        difference, the largest between the two outputs where they have to be equal (nan for reading).
    """
    import pandas as pd

    rows = []
    for row in _rows(quick, hypergraphs, model):
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(quick: bool, hypergraphs: list[Hypergraph] | None, model: str) -> Iterator[Row]:
    cached, parsed = reading_pair(model)
    yield _row(f"read {model} again", None, None, None, "COBRApy from SBML", cached, parsed, repetitions=3)
    given = hypergraphs if hypergraphs is not None else [model_hypergraph(model)]
    sizes = () if hypergraphs is not None else SIZES[:1] if quick else SIZES
    for make in [*(lambda g=g: g for g in given), *(lambda n=n: random_hypergraph(n) for n in sizes)]:  # type: ignore[misc]
        yield from _conv_rows(make())


def _conv_rows(hypergraph: Hypergraph) -> Iterator[Row]:
    count = hypergraph.incidences
    repetitions = next(times for most, times in REPETITIONS if count <= most)
    for mode in MODES:
        pair = ConvPair(hypergraph, mode)
        peer = "PyG HypergraphConv" + (" with attention" if mode.attention else "")
        row = _row(f"conv, {mode.label}", count, mode.gate, mode.attention, peer, pair.ours, pair.theirs, repetitions)
        yield row | {"difference": pair.difference(), "bound": BOUNDS.get((count, mode.gate, mode.attention), float("nan"))}


def _row(
    task: str,
    incidences: int | None,
    gate: str | None,
    attention: str | None,
    peer: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    repetitions: int,
) -> Row:
    mine, other = _take_turns(ours, theirs, repetitions)
    single = [b / a for a, b in zip(mine, other, strict=True)]
    ours_ms, peer_ms = statistics.median(mine), statistics.median(other)
    nan = float("nan")
    values = (task, incidences, gate, attention, ours_ms, peer, peer_ms, peer_ms / ours_ms, min(single), max(single), nan, nan, repetitions)
    return dict(zip(COLUMNS, values, strict=True))


def _take_turns(ours: Callable[[], object], theirs: Callable[[], object], repetitions: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each, turn by turn, after one turn that does not count."""
    mine: list[float] = []
    other: list[float] = []
    for turn in range(repetitions + 1):
        for run, times in ((ours, mine), (theirs, other)):
            began = time.perf_counter()
            run()
            took = 1000 * (time.perf_counter() - began)
            if turn:
                times.append(took)
    return mine, other


def format_table(table: pd.DataFrame) -> str:
    """The table as aligned plain text."""
    header = f"{'task':<52}{'incidences':>11}{'ours ms':>10}{'peer ms':>10}{'ratio':>8}{'min-max':>14}{'bound':>8}  peer"
    return "\n".join([header, "-" * len(header), *(format_row({str(k): v for k, v in row.items()}) for row in table.to_dict("records"))])


def format_row(row: Row) -> str:
    """One line of :func:`format_table`."""
    count = "" if row["incidences"] is None or row["incidences"] != row["incidences"] else f"{int(row['incidences']):,}"
    bound = "" if row["bound"] != row["bound"] else f">= {row['bound']:g}"
    spread = f"{row['ratio_min']:.1f}-{row['ratio_max']:.1f}"
    times = f"{row['ours_ms']:>10.2f}{row['peer_ms']:>10.2f}{row['ratio']:>7.1f}x{spread:>14}{bound:>8}"
    return f"{row['task']:<52}{count:>11}{times}  {row['peer']}"


def conditions() -> str:
    """What the numbers were measured on, in two lines."""
    import torch

    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torch_geometric", "cobra"))
    return (
        f"Device: CPU, {platform.machine()}, {torch.get_num_threads()} threads; Python {platform.python_version()}, {versions}.\n"
        "Convolutions: forward and backward, 64 channels, float32. Medians; ours and the peer take turns; ratio = peer / ours.\n"
        "PyG's layer has neither signs nor gates; with equal coefficients and open gates both give the same numbers (checked)."
    )


def main(quick: bool = False) -> int:
    """Prints the conditions, progress and the table. Exit code 1 when the two layers disagree, 0 otherwise."""
    print(conditions(), flush=True)

    def announce(row: Row) -> None:
        print(f"measured: {row['task']}" + (f", {row['incidences']:,} incidences" if row["incidences"] else ""), file=sys.stderr, flush=True)

    table = run_bench(quick, announce)
    print(format_table(table), flush=True)
    worst = table["difference"].max()
    print(f"Largest difference from PyG where both must agree: {worst:.1e}.")
    return 0 if worst < 1e-3 else 1
