"""The command line: the app's work without a browser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import __version__
from core.errors import Cancelled, InputError

if TYPE_CHECKING:
    from core.explain.ginfinity_scores import Opened


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


GINFINITY = (
    "GINFINITY's wheel or the weights file inside it, to measure it too; giving it accepts the licence of its weights, CC BY-NC 4.0 "
    "(non-commercial use, with credit)"
)
NETWORK = "a shipped network or the path of one (default: the shipped one that knows most of the model's reactions)"


def _parser() -> argparse.ArgumentParser:
    from core.rna._library_sources import ARCHIVES

    parser = argparse.ArgumentParser(prog="python -m core", description="Gatescope without a browser.")
    parser.add_argument("--version", action="version", version=f"Gatescope {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    reactions = commands.add_parser("reactions", help="gates, attention and messages of every reaction of a model")
    reactions.add_argument("model", help="toy, e_coli_core, iJO1366, salmonella, or a model file (SBML, JSON, YAML, MATLAB)")
    reactions.add_argument("--medium", help="a named medium, or a JSON or CSV file of exchange reaction and uptake bound (mmol/gDW/h)")
    reactions.add_argument("--knockout", nargs="+", default=[], metavar="ID", help="genes or reactions to knock out")
    reactions.add_argument("--objective", help="a reaction in place of the model's own objective")
    reactions.add_argument("--checkpoint", help=NETWORK)
    reactions.add_argument("--target", default="growth", help="what attributions explain: growth or a reaction id")
    reactions.add_argument("--methods", nargs="+", default=["gate", "message", "attention"], help="also integrated_gradients and occlusion (slower)")
    reactions.add_argument(
        "--kinetics", nargs="+", type=Path, default=[], metavar="FILE", help="CSV of kcat (1/s) by reaction and Km (mM) by reaction and metabolite"
    )
    reactions.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    reactions.add_argument("--out", required=True, type=Path, metavar="DIR")
    reactions.set_defaults(run=_reactions)

    compare = commands.add_parser("compare", help="two media, knock-outs or networks side by side: A, B and A - B, and agreement with FBA")
    compare.add_argument("model", help="as for reactions")
    compare.add_argument("--medium", help="of A: a named medium or a file, as for reactions (default: the model's own)")
    compare.add_argument("--medium-b", help="of B")
    compare.add_argument("--knockout", nargs="+", default=[], metavar="ID", help="genes or reactions to knock out in A")
    compare.add_argument("--knockout-b", nargs="+", default=[], metavar="ID", help="in B")
    compare.add_argument("--objective", help="a reaction in place of the model's own objective, in both")
    compare.add_argument("--checkpoint", help="the network of A (default: the shipped one that knows most of the model's reactions)")
    compare.add_argument("--checkpoint-b", help="the network of B (default: that of A)")
    compare.add_argument("--essentiality", action="store_true", help="also knock out every reaction in both conditions")
    compare.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    compare.add_argument("--out", required=True, type=Path, metavar="DIR")
    compare.set_defaults(run=_compare)

    gates = commands.add_parser("gates", help="the gates of one metabolite over all its reactions, beside controls")
    gates.add_argument("model", help="as for reactions")
    gates.add_argument("--metabolite", default="atp_c", metavar="ID", help="default: atp_c")
    gates.add_argument("--checkpoint", help=NETWORK)
    gates.add_argument("--control", nargs="+", metavar="NAME", help="networks to compare with (default: the shipped controls of the checkpoint)")
    gates.add_argument("--samples", type=int, default=64, metavar="N", help="conditions on which the gates are replaced by their mean; 0: none")
    gates.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    gates.add_argument("--out", required=True, type=Path, metavar="DIR")
    gates.set_defaults(run=_gates)

    stories = commands.add_parser("stories", help="the guided stories: their numbers, and whether the networks agree")
    stories.add_argument("stories", nargs="*", metavar="STORY", help="their keys as in links (default: all)")
    stories.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    stories.add_argument("--out", required=True, type=Path, metavar="DIR")
    stories.set_defaults(run=_stories)

    measured = commands.add_parser("measurements", help="a measurement of genes or reactions beside gates, FBA and the model's structure")
    measured.add_argument("model", help="as for reactions")
    measured.add_argument("file", type=Path, help="CSV or TSV with a column of ids and one of values")
    measured.add_argument("--medium", default="aerobic glucose", help="what it was measured on: a named medium or a file (default: aerobic glucose)")
    measured.add_argument("--checkpoint", nargs="+", default=[], metavar="NAME", help="networks to compare (default: every shipped one)")
    measured.add_argument("--id", metavar="COLUMN", help="the column of ids (default: guessed)")
    measured.add_argument("--value", metavar="COLUMN", help="the column of values (default: guessed)")
    measured.add_argument(
        "--kind", choices=["yes_no", "cutoff", "log_change", "ratio_change", "level"], help="what the values are (default: guessed)"
    )
    measured.add_argument("--essential", metavar="WORD", help="the word that means essential")
    measured.add_argument("--cutoff", type=float, metavar="NUMBER", help="essential is below this number")
    measured.add_argument("--above", action="store_true", help="essential is above the cut-off")
    measured.add_argument("--predict", action="store_true", help="also each network's own knock-out of every gene (slower)")
    measured.add_argument("--draws", type=int, default=1000, help="of the bootstrap (default: 1000)")
    measured.add_argument("--seed", type=int, default=0)
    measured.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    measured.add_argument("--out", required=True, type=Path, metavar="DIR")
    measured.set_defaults(run=_measurements)

    bases = commands.add_parser("rna", help="structure, elements, messages and embeddings of RNAs")
    bases.add_argument("file", type=Path, help="sequences with or without structures: plain, FASTA, Vienna, CT, BPSEQ, Stockholm")
    bases.add_argument("--checkpoint", default="rna", help="a shipped network or the path of one (default: rna)")
    bases.add_argument("--fold", choices=["given", "mfe", "centroid", "mea", "windowed"], help="default: the given structure, else mfe")
    bases.add_argument("--temperature", type=float, default=37.0, metavar="CELSIUS")
    bases.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    bases.add_argument("--out", required=True, type=Path, metavar="DIR")
    bases.set_defaults(run=_rna)

    again = commands.add_parser("replay", help="compute a manifest's numbers again: of the explain pages, or of reactions or rna")
    again.add_argument("manifest", type=Path, help="manifest.json or attribution.json")
    again.add_argument(
        "--tolerance", type=float, default=1e-3, metavar="SHARE", help="of the largest number, that numbers may differ by (default: 1e-3)"
    )
    again.add_argument("--model", type=Path, metavar="FILE", help="the manifest's model, where it is not a bundled one")
    again.add_argument("--checkpoint", type=Path, metavar="FILE", help="the manifest's network, where it is neither shipped nor trained here")
    again.add_argument("--kinetics", nargs="+", type=Path, default=[], metavar="FILE", help="the manifest's kinetic parameters")
    again.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    again.set_defaults(run=_replay)

    library = commands.add_parser("library", help="the reference library of RNAs")
    steps = library.add_subparsers(required=True, metavar="STEP")
    rebuild = steps.add_parser(
        "rebuild",
        help="extract and check every RNA again",
        description="Writes assets/rna/library.json and its table in assets/rna/README.md from these archives, all of them in one folder:",
        epilog="\n".join(f"  {archive.fetch}" for archive in ARCHIVES.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rebuild.add_argument("--sources", required=True, type=Path, metavar="DIR", help="the folder with the archives")
    rebuild.add_argument(
        "--check", nargs="+", type=Path, default=[], metavar="FILE", help="TSV of known family members (default: keep the checks of unchanged RNAs)"
    )
    rebuild.set_defaults(run=_library_rebuild)
    embed = steps.add_parser("embed", help="store the vectors a network gives the library")
    embed.add_argument("--checkpoint", default="rna", help="a shipped RNA network (default: rna)")
    embed.set_defaults(run=_library_embed)
    relatives = steps.add_parser("relatives", help="make the held-out synthetic families again by which a trial asks what a network knows")
    relatives.set_defaults(run=_library_relatives)

    many = commands.add_parser("embed", help="vectors of many RNAs, or of their elements, as npz, CSV and AnnData")
    many.add_argument("file", type=Path, help="as for rna, or a table (CSV, TSV) with columns id and sequence, whose further columns come along")
    many.add_argument("--level", default="rna", choices=["rna", "element"])
    many.add_argument(
        "--checkpoint", default="rna", help="a shipped RNA network, the path of one, or ginfinity where the app keeps its weights (default: rna)"
    )
    many.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    many.add_argument("--scheduler", metavar="ADDRESS", help="fold on the workers of a Dask scheduler")
    many.add_argument("--out", required=True, type=Path, metavar="DIR")
    many.set_defaults(run=_embed)

    board = commands.add_parser("scoreboard", help="how well embeddings tell relatives from strangers, beside what needs no training")
    board.add_argument("file", type=Path, help="CSV or TSV with columns family and sequence; optional id, structure, aligned_sequence, group")
    board.add_argument("--checkpoint", nargs="+", default=["rna"], metavar="NAME", help="RNA networks (default: rna)")
    board.add_argument("--ginfinity", type=Path, metavar="WHEEL", help=GINFINITY)
    board.add_argument("--half", choices=["tuning", "reporting"], help="of the families, as the cards split them (default: all)")
    board.add_argument("--scheduler", metavar="ADDRESS", help="fold on the workers of a Dask scheduler")
    board.add_argument("--out", required=True, type=Path, metavar="DIR")
    board.set_defaults(run=_scoreboard)

    trial = commands.add_parser("trial", help="is an explanation true of the network? every ranking put on trial")
    halves = trial.add_subparsers(required=True, metavar="KIND")
    tried = halves.add_parser("metabolic", help="rankings of reactions, under one medium or several")
    tried.add_argument("model", help="toy, e_coli_core, iJO1366, salmonella, or a model file (SBML, JSON, YAML, MATLAB)")
    tried.add_argument("--medium", nargs="+", metavar="NAME", help="named media (default: the model's own)")
    tried.add_argument("--knockout", nargs="+", default=[], metavar="ID")
    tried.add_argument("--target", default="growth", metavar="REACTION", help="growth, or the reaction whose flux is explained")
    tried.add_argument("--checkpoint", nargs="+", metavar="NAME", help="metabolic networks (default: the shipped one that fits the model)")
    tried.add_argument("--no-fba", action="store_true", help="leave out how well the rankings agree with FBA's knock-outs")
    tried.set_defaults(run=_trial_metabolic)
    heard = halves.add_parser("rna", help="rankings of bases")
    heard.add_argument("file", help="FASTA, Vienna dot-bracket, CT, BPSEQ, Stockholm or plain text")
    heard.add_argument("--checkpoint", nargs="+", default=["rna"], metavar="NAME", help="RNA networks (default: rna)")
    heard.add_argument("--limit", type=int, default=20, metavar="N", help="RNAs at most (default: 20)")
    heard.set_defaults(run=_trial_rna)
    for one in (tried, heard):
        one.add_argument("--seed", type=int, default=0, help="of random orders, subsets and weights")
        one.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
        one.add_argument("--out", required=True, type=Path, metavar="DIR")

    disrupt = commands.add_parser("disrupt", help="elements of RNAs masked (faithfulness) and disrupted and folded again (plausibility)")
    disrupt.add_argument("source", metavar="FILE", help="as for rna, or the word library: the shipped reference library")
    disrupt.add_argument("--checkpoint", default="rna", help="a shipped RNA network or the path of one (default: rna)")
    disrupt.add_argument("--limit", type=int, default=50, metavar="N", help="RNAs at most (default: 50); of the library one of each family first")
    disrupt.add_argument("--longest", type=int, default=200, metavar="NT", help="leave longer RNAs out (default: 200)")
    disrupt.add_argument("--draws", type=int, metavar="N", help="random segments beside each element (default: 5)")
    disrupt.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    disrupt.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    disrupt.add_argument("--scheduler", metavar="ADDRESS", help="fold on the workers of a Dask scheduler")
    disrupt.add_argument("--out", required=True, type=Path, metavar="DIR")
    disrupt.set_defaults(run=_disrupt)

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
    _members(metabolic)
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
    _members(rna)
    rna.add_argument("--data", type=Path, metavar="FILE", help="Rfam seed members (TSV) to evaluate on")
    rna.add_argument("--ginfinity", type=Path, metavar="WHEEL", help=GINFINITY)
    rna.add_argument("--scheduler", metavar="ADDRESS", help="fold on the workers of a Dask scheduler")
    rna.add_argument("--out", required=True, type=Path, metavar="DIR")
    rna.set_defaults(run=_train_rna)

    ablation = kinds.add_parser("ablation", help="does gating help? networks that differ in one choice, over several seeds")
    ablation.add_argument("--variants", nargs="+", metavar="NAME", help="some of them (default: all; a wrong name lists them)")
    ablation.add_argument("--seeds", type=int, default=5, help="at most so many seeds a variant (default: 5)")
    ablation.add_argument("--processes", type=int, default=2, help="trainings side by side, one thread each (default: 2)")
    ablation.add_argument("--quick", action="store_true", help="a small version of about a minute: fewer variants, seeds, samples and steps")
    ablation.add_argument("--out", required=True, type=Path, metavar="DIR")
    ablation.set_defaults(run=_train_ablation)

    evaluate = commands.add_parser("evaluate", help="compute a model card's figures again")
    evaluate.add_argument("checkpoint")
    evaluate.add_argument("--no-baselines", action="store_true", help="leave the baselines out (they need the training samples)")
    evaluate.add_argument("--data", type=Path, metavar="FILE", help="Rfam seed members (TSV) for an RNA network")
    evaluate.add_argument("--ginfinity", type=Path, metavar="WHEEL", help=f"for an RNA network: {GINFINITY}")
    evaluate.add_argument("--scheduler", metavar="ADDRESS", help="solve on the workers of a Dask scheduler")
    evaluate.add_argument("--out", required=True, type=Path, metavar="DIR")
    evaluate.set_defaults(run=_evaluate)

    bench = commands.add_parser("bench", help="speed as ratios against named peers")
    bench.add_argument("--quick", action="store_true", help="leave out the largest sizes")
    bench.add_argument("--ginfinity", metavar="PYTHON", help="the Python of an environment with the ginfinity package: embed the same RNAs with both")
    bench.set_defaults(run=_bench)
    return parser


def _network(chosen: argparse.Namespace) -> str:
    """The network asked for, or the shipped one that fits the model."""
    from core.commands import tables_with_objective
    from core.models import network_for

    given = getattr(chosen, "objective", None)
    return str(chosen.checkpoint or network_for(tables_with_objective(chosen.model, given).reactions))


def _note(text: str) -> None:
    """Tells what the reader should know, apart from what the command prints."""
    print(f"note: {text}", file=sys.stderr)


def _wrote(written: list[Path]) -> int:
    for path in written:
        print(path)
    return 0


def _reactions(chosen: argparse.Namespace) -> int:
    from core.commands import export_reactions

    written = export_reactions(
        chosen.model,
        _network(chosen),
        chosen.out,
        medium=chosen.medium,
        knockouts=chosen.knockout,
        objective=chosen.objective,
        target=chosen.target,
        methods=chosen.methods,
        device=chosen.device,
        kinetics=chosen.kinetics,
        on_notice=_note,
    )
    return _wrote(written)


def _compare(chosen: argparse.Namespace) -> int:
    from core.compare_command import export_comparison

    written = export_comparison(
        chosen.model,
        (first := _network(chosen), chosen.checkpoint_b or first),
        (chosen.medium, chosen.medium_b),
        chosen.out,
        knockouts=(chosen.knockout, chosen.knockout_b),
        objective=chosen.objective,
        essentiality=chosen.essentiality,
        device=chosen.device,
        on_notice=_note,
    )
    return _wrote(written)


def _stories(chosen: argparse.Namespace) -> int:
    from core.commands import progress_bar
    from core.stories_command import tell_stories

    with progress_bar() as told:
        found, written = tell_stories(chosen.stories, chosen.out, device=chosen.device, on_notice=_note, on_progress=told)
    for key, one in found.items():
        print(f"{key}: {one.words}; {one.reason}.")
    return _wrote(written)


def _gates(chosen: argparse.Namespace) -> int:
    from core.gates_command import export_gates

    if chosen.samples < 0:
        raise InputError(f"--samples is {chosen.samples}; give the number of conditions, or 0 to leave the replacement out.")
    test, written = export_gates(
        chosen.model,
        _network(chosen),
        chosen.out,
        metabolite=chosen.metabolite,
        controls=chosen.control,
        samples=chosen.samples,
        device=chosen.device,
        on_notice=_note,
    )
    print(test.verdict)
    return _wrote(written)


def _measurements(chosen: argparse.Namespace) -> int:
    from core.commands import progress_bar
    from core.measure_command import export_measurements

    with progress_bar() as told:
        written = export_measurements(
            chosen.model,
            chosen.file,
            chosen.out,
            medium=chosen.medium,
            checkpoints=chosen.checkpoint,
            ids=chosen.id,
            values=chosen.value,
            kind=chosen.kind,
            essential=chosen.essential,
            cutoff=chosen.cutoff,
            above=chosen.above,
            predict=chosen.predict,
            draws=chosen.draws,
            seed=chosen.seed,
            device=chosen.device,
            on_notice=_note,
            on_progress=told,
        )
    return _wrote(written)


def _rna(chosen: argparse.Namespace) -> int:
    from core.commands import export_rna

    written = export_rna(
        chosen.file,
        chosen.checkpoint,
        chosen.out,
        method=chosen.fold,
        temperature=chosen.temperature,
        device=chosen.device,
        on_notice=_note,
    )
    return _wrote(written)


def _replay(chosen: argparse.Namespace) -> int:
    from core.commands import progress_bar
    from core.replay_command import replay_manifest, report

    if not 0 <= chosen.tolerance < 1:
        raise InputError(f"--tolerance is {chosen.tolerance:g}; give a share from 0 to 1, like 1e-3.")
    given = {name: getattr(chosen, name) for name in ("model", "checkpoint", "kinetics", "device")}
    with progress_bar() as told:
        figures = replay_manifest(chosen.manifest, **given, on_notice=_note, on_progress=told)
    text, code = report(figures, chosen.tolerance)
    print(text)
    return code


def _trial_metabolic(chosen: argparse.Namespace) -> int:
    from core.commands import progress_bar
    from core.metabolic import load_tables
    from core.models import network_for
    from core.trial_command import try_reactions

    names = chosen.checkpoint or [network_for(load_tables(chosen.model).reactions)]
    given = {"knockouts": chosen.knockout, "target": chosen.target, "fba": not chosen.no_fba, "seed": chosen.seed, "device": chosen.device}
    with progress_bar() as told:
        said, written = try_reactions(chosen.model, names, chosen.out, media=chosen.medium or [None], **given, on_notice=_note, on_progress=told)
    print("\n".join(said))
    return _wrote(written)


def _trial_rna(chosen: argparse.Namespace) -> int:
    from core.commands import progress_bar
    from core.trial_command import try_bases

    if chosen.limit < 1:
        raise InputError(f"--limit is {chosen.limit}; give the number of RNAs, at least 1.")
    given = {"limit": chosen.limit, "seed": chosen.seed, "device": chosen.device}
    with progress_bar() as told:
        said, written = try_bases(chosen.file, chosen.checkpoint, chosen.out, **given, on_notice=_note, on_progress=told)
    print("\n".join(said))
    return _wrote(written)


def _library_rebuild(chosen: argparse.Namespace) -> int:
    from core.rna.library_build import rebuild

    written = rebuild(chosen.sources, chosen.check)
    return _wrote(written) or _library_embed(argparse.Namespace(checkpoint="rna"))


def _library_relatives(chosen: argparse.Namespace) -> int:
    from core.train.command import make_held_out_families

    return _wrote([make_held_out_families()])


def _library_embed(chosen: argparse.Namespace) -> int:
    from core.explain.reference import ship_reference

    return _wrote([ship_reference(chosen.checkpoint)])


def _embed(chosen: argparse.Namespace) -> int:
    from core.embed_command import export_embeddings

    return _wrote(
        export_embeddings(chosen.file, chosen.checkpoint, chosen.level, chosen.out, device=chosen.device, scheduler=chosen.scheduler, on_notice=_note)
    )


def _scoreboard(chosen: argparse.Namespace) -> int:
    from core.embed_command import export_scoreboard

    given = {"half": chosen.half, "ginfinity": _ginfinity(chosen), "scheduler": chosen.scheduler}
    return _wrote(export_scoreboard(chosen.file, chosen.checkpoint, chosen.out, **given, on_notice=print))


def _disrupt(chosen: argparse.Namespace) -> int:
    from core.disrupt_command import export_disruption

    given = {name: getattr(chosen, name) for name in ("limit", "longest", "draws", "seed", "device", "scheduler")}
    sentences, written = export_disruption(chosen.source, chosen.checkpoint, chosen.out, **given, on_notice=_note)
    for text in sentences:
        print(text)
    return _wrote(written)


def _ginfinity(chosen: argparse.Namespace) -> Opened | None:
    """GINFINITY's network, where its file is given; what its licence asks is told."""
    if chosen.ginfinity is None:
        return None
    from core.rna.ginfinity import LICENCE, open_ginfinity

    opened = open_ginfinity(chosen.ginfinity, accept_licence=True)
    _note(f"{LICENCE.credit}. {LICENCE.statement}")
    return opened


def _members(parser: argparse.ArgumentParser) -> None:
    """The choices of an ensemble."""
    parser.add_argument("--members", type=int, metavar="N", help="seeds of the ensemble (default: 1)")
    parser.add_argument(
        "--member", type=int, metavar="K", help="train the K-th seed alone, counted from 0; the command without it puts them together"
    )


def _train_metabolic(chosen: argparse.Namespace) -> int:
    from core.train.command import read_config, train_metabolic

    given = {name: getattr(chosen, name) for name in ("model", "samples", "validation", "test", "epochs", "seed", "members", "device")}
    values = read_config(chosen.config, given, {"gate": chosen.gate})
    said = [f"--config {_below(chosen.config, chosen.out)}"] if chosen.config else []
    said += [f"--{name} {value}" for name, value in (given | {"gate": chosen.gate}).items() if value is not None]
    command = " ".join(["python -m core train metabolic", *said, f"--name {chosen.name}", "--out DIR"])
    train_metabolic(values, chosen.out, name=chosen.name, command=command, member=chosen.member, scheduler=chosen.scheduler)
    return 0


def _below(path: str, folder: Path) -> str:
    """A path for others to read: one inside the run's folder, which they call DIR, is told from there."""
    return str(Path("DIR") / Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def _train_rna(chosen: argparse.Namespace) -> int:
    from core.train.command import read_config, train_rna

    given = {name: getattr(chosen, name) for name in ("families", "validation", "test", "epochs", "seed", "members", "encoding", "device")}
    said = [f"--config {_below(chosen.config, chosen.out)}"] if chosen.config else []
    said += [f"--{name} {value}" for name, value in given.items() if value is not None]
    said += ["--ginfinity WHEEL"] if chosen.ginfinity else []
    command = " ".join(["python -m core train rna", *said, f"--name {chosen.name}", "--out DIR"])
    values, opened = read_config(chosen.config, given, {}), _ginfinity(chosen)
    given = {"member": chosen.member, "scheduler": chosen.scheduler, "rfam": chosen.data, "ginfinity": opened}
    train_rna(values, chosen.out, name=chosen.name, command=command, **given)
    return 0


def _train_ablation(chosen: argparse.Namespace) -> int:
    from core.train.ablation import train_ablation

    train_ablation(chosen.out, names=chosen.variants, seeds=chosen.seeds, processes=chosen.processes, quick=chosen.quick)
    return 0


def _evaluate(chosen: argparse.Namespace) -> int:
    from core.train.command import evaluate_checkpoint

    given = {"with_baselines": not chosen.no_baselines, "scheduler": chosen.scheduler, "rfam": chosen.data, "ginfinity": _ginfinity(chosen)}
    return evaluate_checkpoint(chosen.checkpoint, chosen.out, **given)


def _bench(chosen: argparse.Namespace) -> int:
    from core.bench import main as bench

    return bench(quick=chosen.quick, ginfinity=chosen.ginfinity)


if __name__ == "__main__":
    sys.exit(main())
