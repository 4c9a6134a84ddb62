"""The command line: the app's work without a browser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core import __version__
from core.errors import Cancelled, InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 when done, 2 with one line on standard error when the input cannot be used, 130 when stopped."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen) or 0)
    except InputError as error:
        print(f"gatescope: {error}", file=sys.stderr)
        return 2
    except (Cancelled, KeyboardInterrupt) as stopped:
        print(f"gatescope: {stopped or 'stopped'}", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="Gatescope without a browser.")
    parser.add_argument("--version", action="version", version=f"Gatescope {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    reactions = commands.add_parser("reactions", help="gates, attention and messages of every reaction of a model")
    reactions.add_argument("model", help="toy, e_coli_core, iJO1366, salmonella, or a model file (SBML, JSON, YAML, MATLAB)")
    reactions.add_argument("--medium", help="a named medium, or a JSON or CSV file of exchange reaction and uptake bound (mmol/gDW/h)")
    reactions.add_argument("--knockout", nargs="+", default=[], metavar="ID", help="genes or reactions to knock out")
    reactions.add_argument("--objective", help="a reaction in place of the model's own objective")
    reactions.add_argument("--checkpoint", default="core", help="a shipped network or the path of one (default: core)")
    reactions.add_argument("--target", default="growth", help="what attributions explain: growth or a reaction id")
    reactions.add_argument("--methods", nargs="+", default=["gate", "message", "attention"], help="also integrated_gradients and occlusion (slower)")
    reactions.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    reactions.add_argument("--out", required=True, type=Path, metavar="DIR")
    reactions.set_defaults(run=_reactions)

    bases = commands.add_parser("rna", help="structure, elements, messages and embeddings of RNAs")
    bases.add_argument("file", type=Path, help="sequences with or without structures: plain, FASTA, Vienna, CT, BPSEQ, Stockholm")
    bases.add_argument("--checkpoint", default="rna", help="a shipped network or the path of one (default: rna)")
    bases.add_argument("--fold", choices=["given", "mfe", "centroid", "mea", "windowed"], help="default: the given structure, else mfe")
    bases.add_argument("--temperature", type=float, default=37.0, metavar="CELSIUS")
    bases.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    bases.add_argument("--out", required=True, type=Path, metavar="DIR")
    bases.set_defaults(run=_rna)

    train = commands.add_parser("train", help="train a network; the same command resumes a run")
    kinds = train.add_subparsers(required=True, metavar="KIND")
    metabolic = kinds.add_parser("metabolic", help="a gated stoichiometric network on flux balance analysis")
    metabolic.add_argument("--config", help="a JSON file of training settings")
    metabolic.add_argument("--model", help="the model to train on (default: e_coli_core)")
    for name in ("samples", "validation", "test", "epochs", "seed"):
        metabolic.add_argument(f"--{name}", type=int)
    metabolic.add_argument("--gate", choices=["none", "metabolite", "incidence"])
    metabolic.add_argument("--device", choices=["auto", "cuda", "mps", "cpu"])
    metabolic.add_argument("--name", default="checkpoint", help="name of the checkpoint")
    metabolic.add_argument("--scheduler", metavar="ADDRESS", help="solve on the workers of a Dask scheduler")
    metabolic.add_argument("--out", required=True, type=Path, metavar="DIR")
    metabolic.set_defaults(run=_train_metabolic)

    rna = kinds.add_parser("rna", help="a GINE network by contrast on synthetic families folded by ViennaRNA")
    rna.add_argument("--config", help="a JSON file of training settings")
    for name in ("families", "validation", "test", "epochs", "seed"):
        rna.add_argument(f"--{name}", type=int)
    rna.add_argument("--encoding", choices=["forgi", "standard"])
    rna.add_argument("--device", choices=["auto", "cuda", "mps", "cpu"])
    rna.add_argument("--name", default="checkpoint", help="name of the checkpoint")
    rna.add_argument("--data", type=Path, metavar="FILE", help="Rfam seed members (TSV) to evaluate on")
    rna.add_argument("--scheduler", metavar="ADDRESS", help="fold on the workers of a Dask scheduler")
    rna.add_argument("--out", required=True, type=Path, metavar="DIR")
    rna.set_defaults(run=_train_rna)

    evaluate = commands.add_parser("evaluate", help="compute a model card's figures again")
    evaluate.add_argument("checkpoint")
    evaluate.add_argument("--no-baselines", action="store_true", help="leave the baselines out (they need the training samples)")
    evaluate.add_argument("--data", type=Path, metavar="FILE", help="Rfam seed members (TSV) for an RNA network")
    evaluate.add_argument("--scheduler", metavar="ADDRESS", help="solve on the workers of a Dask scheduler")
    evaluate.add_argument("--out", required=True, type=Path, metavar="DIR")
    evaluate.set_defaults(run=_evaluate)

    bench = commands.add_parser("bench", help="speed as ratios against named peers")
    bench.add_argument("--quick", action="store_true", help="leave out the largest sizes")
    bench.add_argument("--ginfinity", metavar="PYTHON", help="the Python of an environment with the ginfinity package: embed the same RNAs with both")
    bench.set_defaults(run=_bench)
    return parser


def _reactions(chosen: argparse.Namespace) -> int:
    from core.commands import export_reactions

    written = export_reactions(
        chosen.model,
        chosen.checkpoint,
        chosen.out,
        medium=chosen.medium,
        knockouts=chosen.knockout,
        objective=chosen.objective,
        target=chosen.target,
        methods=chosen.methods,
        device=chosen.device,
        on_notice=lambda text: print(f"note: {text}", file=sys.stderr),
    )
    for path in written:
        print(path)
    return 0


def _rna(chosen: argparse.Namespace) -> int:
    from core.commands import export_rna

    written = export_rna(
        chosen.file,
        chosen.checkpoint,
        chosen.out,
        method=chosen.fold,
        temperature=chosen.temperature,
        device=chosen.device,
        on_notice=lambda text: print(f"note: {text}", file=sys.stderr),
    )
    for path in written:
        print(path)
    return 0


def _train_metabolic(chosen: argparse.Namespace) -> int:
    from core.train.command import read_config, train_metabolic

    given = {name: getattr(chosen, name) for name in ("model", "samples", "validation", "test", "epochs", "seed", "device")}
    train_metabolic(read_config(chosen.config, given, {"gate": chosen.gate}), chosen.out, name=chosen.name, scheduler=chosen.scheduler)
    return 0


def _train_rna(chosen: argparse.Namespace) -> int:
    from core.train.command import read_config, train_rna

    given = {name: getattr(chosen, name) for name in ("families", "validation", "test", "epochs", "seed", "encoding", "device")}
    train_rna(read_config(chosen.config, given, {}), chosen.out, name=chosen.name, scheduler=chosen.scheduler, rfam=chosen.data)
    return 0


def _evaluate(chosen: argparse.Namespace) -> int:
    from core.train.command import evaluate_checkpoint

    return evaluate_checkpoint(chosen.checkpoint, chosen.out, with_baselines=not chosen.no_baselines, scheduler=chosen.scheduler, rfam=chosen.data)


def _bench(chosen: argparse.Namespace) -> int:
    from core.bench import main as bench

    return bench(quick=chosen.quick, ginfinity=chosen.ginfinity)


if __name__ == "__main__":
    sys.exit(main())
