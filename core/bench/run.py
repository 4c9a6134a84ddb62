"""Runs the benchmark: ours and the peer take turns, so that whatever else the machine does hits both."""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

from core.bench import attributions, knockouts, rna_embed, rna_search, rna_walk
from core.bench.cases import BOUNDS, MODES, ConvPair, Hypergraph, model_hypergraph, random_hypergraph, reading_pair
from core.rna import _forgi

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
    "nt_per_s",
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
    lengths: tuple[int, ...] | None = None,
    library: int = rna_search.VECTORS,
    ginfinity: str | None = None,
) -> pd.DataFrame:
    """Measures everything and returns one row per measurement.

    Args:
        quick: leave out 1.5 million incidences and 10,000 nt, which takes forgi seconds each time; knock-outs and attributions of E. coli core only.
        on_row: called with each row as soon as it is measured.
        hypergraphs: in place of the model's incidences and the random hypergraphs.
        model: the bundled model that is read, whose incidences are used and attributed to, and whose reactions are knocked out.
        ginfinity: Python of an environment that has the ginfinity package, to embed the same RNAs with; left out when None.
        lengths: nt of the RNAs that are taken apart; :data:`core.bench.rna_walk.LENGTHS` when None.
        library: vectors that are searched.

    Returns:
        Columns: task; incidences; gate, attention (None for reading); ours_ms and peer_ms, medians over ``repetitions``; peer;
        ratio = peer_ms / ours_ms; ratio_min and ratio_max, over the single turns; bound, the ratio asked for (nan: none);
        difference, the largest between the two outputs where they have to be equal (nan for reading; for RNA elements the number
        that differ; for a search between cosines; for attributions as a share of the largest; for knock-outs in 1/h); nt_per_s, bases per
        second of ours (nan for metabolic rows and searches).
    """
    import pandas as pd

    rows = []
    if lengths is None:
        lengths = rna_walk.LENGTHS[:-1] if quick else rna_walk.LENGTHS
    for row in chain(
        _rows(quick, hypergraphs, model),
        _rna_rows(lengths),
        _attribution_rows("e_coli_core" if quick else model),
        _search_rows(library),
        _knockout_rows("e_coli_core" if quick else model),
        _embedding_rows(ginfinity),
    ):
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


def _rna_rows(lengths: tuple[int, ...]) -> Iterator[Row]:
    if _forgi.version() is None:
        return  # no peer on this platform
    for case in rna_walk.rna_cases(lengths):
        row = _row(case.task, None, None, None, case.peer, case.ours, case.theirs, case.repetitions)
        yield row | {"difference": case.difference(), "bound": case.bound, "nt_per_s": 1000 * case.nt / row["ours_ms"]}


def _attribution_rows(model: str) -> Iterator[Row]:
    for layers in get_args(attributions.Layers):
        pair = attributions.AttributionPair(model, layers)
        row = _row(pair.task, len(pair.masked), None, None, pair.peer, pair.ours, pair.theirs, attributions.REPETITIONS)
        yield row | {"difference": pair.difference(), "bound": attributions.BOUNDS.get((model, layers), float("nan"))}


def _search_rows(library: int) -> Iterator[Row]:
    for case in rna_search.search_cases(library):
        row = _row(case.task, None, None, None, case.peer, case.ours, case.theirs, case.repetitions)
        yield row | {"difference": case.difference()}


def _knockout_rows(model: str) -> Iterator[Row]:
    """Once each: COBRApy starts its processes anew every time, so there is nothing to warm up."""
    pair = knockouts.KnockOutPair(model)
    row = _row(pair.task, None, None, None, "COBRApy single_reaction_deletion", pair.ours, pair.theirs, 1, warm_up=False)
    yield row | {"difference": pair.difference(), "bound": knockouts.BOUNDS.get(model, float("nan"))}


def _embedding_rows(python: str | None) -> Iterator[Row]:
    if python is None:
        return
    for case in rna_embed.embedding_cases(python):
        row = _row(case.task, None, None, None, case.peer, case.ours, case.theirs, case.repetitions)
        yield row | {"nt_per_s": 1000 * case.nt / row["ours_ms"]}


def _row(
    task: str,
    incidences: int | None,
    gate: str | None,
    attention: str | None,
    peer: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    repetitions: int,
    *,
    warm_up: bool = True,
) -> Row:
    mine, other = _take_turns(ours, theirs, repetitions, warm_up)
    single = [b / a for a, b in zip(mine, other, strict=True)]
    ours_ms, peer_ms = statistics.median(mine), statistics.median(other)
    nan = float("nan")
    values = (task, incidences, gate, attention, ours_ms, peer, peer_ms, peer_ms / ours_ms, min(single), max(single), nan, nan, repetitions, nan)
    return dict(zip(COLUMNS, values, strict=True))


def _take_turns(ours: Callable[[], object], theirs: Callable[[], object], repetitions: int, warm_up: bool) -> tuple[list[float], list[float]]:
    """Milliseconds of each, turn by turn; ``warm_up`` takes one turn before that does not count."""
    mine: list[float] = []
    other: list[float] = []
    for turn in range(0 if warm_up else 1, repetitions + 1):
        for run, times in ((ours, mine), (theirs, other)):
            began = time.perf_counter()
            run()
            took = 1000 * (time.perf_counter() - began)
            if turn:
                times.append(took)
    return mine, other


def format_table(table: pd.DataFrame) -> str:
    """The table as aligned plain text."""
    header = f"{'task':<52}{'incidences':>11}{'ours ms':>10}{'peer ms':>10}{'ratio':>8}{'min-max':>14}{'bound':>8}{'nt/s':>12}  peer"
    return "\n".join([header, "-" * len(header), *(format_row({str(k): v for k, v in row.items()}) for row in table.to_dict("records"))])


def format_row(row: Row) -> str:
    """One line of :func:`format_table`."""
    count = "" if row["incidences"] is None or row["incidences"] != row["incidences"] else f"{int(row['incidences']):,}"
    bound = "" if row["bound"] != row["bound"] else f">= {row['bound']:g}"
    spread = f"{row['ratio_min']:.1f}-{row['ratio_max']:.1f}"
    times = f"{row['ours_ms']:>10.2f}{row['peer_ms']:>10.2f}{row['ratio']:>7.1f}x{spread:>14}{bound:>8}"
    speed = "" if row["nt_per_s"] != row["nt_per_s"] else f"{row['nt_per_s']:,.0f}"
    return f"{row['task']:<52}{count:>11}{times}{speed:>12}  {row['peer']}"


def conditions() -> str:
    """What the numbers were measured on, in two lines."""
    import torch

    versions = ", ".join(
        f"{name} {version(name)}"
        for name in ("torch", "torch_geometric", "captum", "cobra", "highspy", "forgi", "numpy", "scikit-learn")
        if name != "forgi" or _forgi.version()
    )
    return (
        f"Device: CPU, {platform.machine()}, {torch.get_num_threads()} threads; Python {platform.python_version()}, {versions}.\n"
        "Convolutions: forward and backward, 64 channels, float32. Medians; ours and the peer take turns; ratio = peer / ours.\n"
        "PyG's layer has neither signs nor gates; with equal coefficients and open gates both give the same numbers (checked)."
    )


def main(quick: bool = False, ginfinity: str | None = None) -> int:
    """Prints the conditions, progress and the table. Exit code 1 when ours and a peer disagree, 0 otherwise."""
    print(conditions(), flush=True)

    def announce(row: Row) -> None:
        print(f"measured: {row['task']}" + (f", {row['incidences']:,} incidences" if row["incidences"] else ""), file=sys.stderr, flush=True)

    table = run_bench(quick, announce, ginfinity=ginfinity)
    print(format_table(table), flush=True)
    worst = table["difference"].max()
    print(f"Largest difference from PyG, forgi, scikit-learn and COBRApy where both must agree: {worst:.1e}.")
    return 0 if worst < 1e-3 else 1
