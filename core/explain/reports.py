"""Reports: what was found of one view, as parts of a document that :func:`core.viz.report.report` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.explain.attribution import METHODS, Attribution, judged
from core.explain.ledger import ledger
from core.explain.masked import Masked
from core.explain.methods_text import methods_of
from core.explain.trial import WORDS
from core.explain.whole_trial import Trial

if TYPE_CHECKING:
    from core.viz.report import Part

HONEST = "This says what the network does, not what the cell needs."


def attribution_report(
    function: Masked,
    found: Attribution,
    level: str,
    manifest: Mapping[str, Any],
    *,
    about: Mapping[str, Any],
    card: Mapping[str, Any],
    trial: Trial | None = None,
    coarse: str | None = None,
    drawn: Sequence[Part] = (),
    words: Mapping[str, str] | None = None,
) -> str:
    """One HTML document of an attribution and, where there was one, its trial.

    Args:
        level: whose groups are ranked. manifest: of :func:`core.explain.manifest.explanation`.
        about: facts of what was asked, by their names. card: of the network.
        coarse: level of the ledger, which attributions that add up have; None for none. drawn: figures of the half. words: what groups are called.
    """
    from core.viz.attribution_plots import signed_bars
    from core.viz.ledger_plot import waterfall
    from core.viz.report import chart, facts, report, table
    from core.viz.report import words as sentences

    values, called = found.at(function, level), dict(words or {})
    order = values.abs().sort_values(ascending=False, kind="stable").index
    rows = values.loc[order].rename(f"attribution{f' ({function.unit})' if function.unit else ''}").rename_axis(level).reset_index()
    rows[level] = rows[level].map(lambda name: called.get(name, name))
    parts = [facts("What was asked", {**about, **_asked(function, found)}), *drawn]
    bars = signed_bars(values, level=level, title=f"The {level}s that carry most", unit=function.unit, prefix="", words=words)
    parts.append(chart(f"The {level}s that carry most", bars))
    if coarse is not None and found.level == function.part and found.completeness is not None:
        page, said = ledger(function, found, coarse), f"Ledger by {coarse}"
        sums = waterfall(page, title=said, target=function.target, unit=function.unit, baseline=function.baseline, prefix="", words=words)
        parts.append(chart(f"Ledger by {coarse}", sums, "All entries add up to the prediction; what the attribution misses is the last one."))
    parts += _tried(trial, function) if trial is not None else [sentences("Is it true of the network?", "This ranking has not been on trial.")]
    parts.append(table(f"Attribution by {level}", rows))
    methods = methods_of(manifest, card=card, trial=trial)
    first = rows.iloc[0] if len(rows) else None
    unit = f" {function.unit}" if function.unit else ""
    most = f": most on {first.iloc[0]} ({first.iloc[1]:+.4g}{unit})" if first is not None else ""
    lead = f"What the network's prediction ({function.target}) relies on, by {_name(found)}{most}. {HONEST}"
    title = f"Gatescope: {function.target}"
    return report(title, lead, parts, methods=methods.paragraphs, references=methods.references, manifest=manifest)


def _name(found: Attribution) -> str:
    return found.method.replace("_", " ")


def _asked(function: Masked, found: Attribution) -> dict[str, Any]:
    end, start = function.ends
    told = {
        "Target": f"{function.target}{f' ({function.unit})' if function.unit else ''}",
        "Prediction": end,
        "Prediction at the baseline": start,
        "Baseline": function.baseline,
        "Method": f"{_name(found)}: {METHODS[found.method]}",
    }
    if found.completeness is not None:
        told["Completeness"] = f"the sum misses {found.completeness['relative']:.2%}: {judged(found.completeness)}"
    if not found.whole:
        told["Stopped"] = f"after {found.done:,} of {found.total:,}"
    return told


def _tried(trial: Trial, function: Masked) -> list[Part]:
    from core.viz.report import Part, chart, table
    from core.viz.report import words as sentences
    from core.viz.trial_plots import curve_plot

    verdicts = trial.table[["ranking", "verdict", "why"]].assign(ranking=lambda t: t["ranking"].map(lambda name: WORDS.get(name, name)))
    said = [trial.sentence(), *([trial.skill.sentence] if trial.skill is not None else [])]
    told = sentences("", *said).html
    parts = [Part("Is it true of the network?", told + table("", verdicts).html)]
    for moved, curves, title in (
        ("masked", trial.rankings.deletion, f"{trial.level.capitalize()}s masked in the order of each ranking"),
        ("added", trial.rankings.insertion, f"{trial.level.capitalize()}s added back to the baseline"),
    ):
        drawing = curve_plot(curves, WORDS, title=title, moved=moved, target=function.target)
        parts.append(chart(title, drawing, "The grey band is 20 random orders."))
    scores = trial.table.drop(columns=["verdict", "why"]).assign(ranking=lambda t: t["ranking"].map(lambda name: WORDS.get(name, name)))
    parts.append(table("Scores of the trial", scores.rename(columns=lambda name: name.replace("_", " "))))
    if trial.stability is not None and int(trial.stability["seeds"].iloc[0]) > 1:
        stable = trial.stability.assign(method=trial.stability["method"].map(lambda name: WORDS.get(name, name)))
        parts.append(
            table("Stability over seeds", stable.rename(columns={"method": "ranking", "spearman": "rank correlation", "jaccard": "shared top"}))
        )
    return parts


def reactions_report(
    table: pd.DataFrame,
    manifest: Mapping[str, Any],
    *,
    about: Mapping[str, Any],
    card: Mapping[str, Any],
    drawn: str | None,
    said: str,
) -> str:
    """One HTML document of gates, attention and messages under a condition.

    Args:
        table: of :func:`core.explain.reaction_importance`, widest mean gate first. manifest: of the view.
        drawn: SVG of the network as shown, None where it shows none; said: what it shows.
    """
    from core.viz.plots import message_vs_gate, ranking_bars
    from core.viz.report import chart, drawing, facts, report
    from core.viz.report import table as rows

    wanted = ("reaction", "name", "subsystem", "gate", "message", "attention", "flux_predicted", "flux_fba", "equation")
    shown = table[[column for column in wanted if column in table]]
    parts = [facts("What was asked", about)]
    if drawn is not None:
        parts.append(drawing("The network", drawn, said))
    parts += [
        chart("Reactions by mean gate", ranking_bars(table, "gate")),
        chart("Message and gate", message_vs_gate(table), "Gate and message are different things; neither proves what the network relies on."),
        rows("Reactions, widest mean gate first", shown, "A gate is a factor inside the network, from 0 (closed) to 1 (open)."),
    ]
    methods = methods_of({**manifest, "half": "metabolic"}, card=card)
    lead = f"What the network lets through from metabolites to reactions. {HONEST}"
    title = f"Gatescope: {about.get('Model', 'model')}"
    return report(title, lead, parts, methods=methods.paragraphs, references=methods.references, manifest=manifest)


def bases_report(
    bases: pd.DataFrame,
    elements: pd.DataFrame,
    manifest: Mapping[str, Any],
    *,
    about: Mapping[str, Any],
    card: Mapping[str, Any],
    drawn: str,
    said: str,
) -> str:
    """One HTML document of an RNA: its structure, its elements and bases and what the network does there.

    Args:
        bases, elements: the tables of the page. drawn: SVG of the structure; said: what it shows.
    """
    from core.viz.report import drawing, facts, report, table

    parts = [facts("What was asked", about), drawing("The structure", drawn, said), table("Elements", elements), table("Bases", bases, most=200)]
    methods = methods_of({**manifest, "half": "rna"}, card=card)
    lead = f"The structure of an RNA, and what the network passes along every edge of its graph. {HONEST}"
    title = f"Gatescope: {about.get('RNA', 'RNA')}"
    return report(title, lead, parts, methods=methods.paragraphs, references=methods.references, manifest=manifest)
