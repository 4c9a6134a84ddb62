"""A model card on the page: every figure as it was measured on held-out conditions, baselines beside it."""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui import networks, state
from core.ui.bind import bind
from core.ui.text import duration, plain

if TYPE_CHECKING:
    from core.models import Card

FIGURES = {
    "growth_r2": "growth R²",
    "growth_r2_growing": "growth R², growing only",
    "growth_mae": "growth error, 1/h",
    "flux_r2_median": "flux R², median",
    "flux_r2_median_growing": "flux R², median, growing only",
    "flux_r2_pooled": "flux R², pooled",
}
SHORT = {
    "growth R², growing only": "growing only",
    "growth error, 1/h": "error, 1/h",
    "flux R², median": "flux R²",
    "flux R², median, growing only": "flux, growing",
    "flux R², pooled": "flux, pooled",
    "essential reactions, average precision": "essential, AP",
    "Rfam pair AUC, folded, under 60% identity": "Rfam, distant",
    "Rfam, nearest neighbour of the family": "Rfam, nearest",
}
"""Headings of columns, so that a table fits its place; what each is in full is its help."""
HELD_OUT = {
    "nutrient": "a carbon source never seen in training",
    "gene": "a knock-out never seen in training",
    "both": "both never seen in training",
}
ESSENTIALITY = {"ap_knockout": "its own knock-outs", "ap_flux": "|predicted flux|", "ap_degree": "degree", "share_essential": "chance"}
RFAM_FIGURES = {"distant": "Rfam pair AUC, folded, under 60% identity", "hit_1": "Rfam, nearest neighbour of the family"}
RNA_FIGURES = {
    "folded": "folded",
    "folded_distant": "folded, distant",
    "given": "structures given",
    "given_distant": "given, distant",
    "shuffles": "against shuffles",
}


def draw() -> None:
    """The card of the chosen checkpoint, at first that of the view's metabolic network."""
    from core.models import load_card

    view = state.current()
    kinds = {name: kind for kind in ("metabolic", "rna") for name in networks.choices(kind, controls=True)}
    wanted = view.settings.get("checkpoints.card")
    now = wanted if isinstance(wanted, str) and wanted in kinds else view.checkpoint if view.checkpoint in kinds else next(iter(kinds))
    key = bind("card_checkpoint", now)

    def choose() -> None:
        name = st.session_state[key]
        shown = {} if name not in networks.choices(kinds[name]) else {"rna_net" if kinds[name] == "rna" else "checkpoint": name}
        state.update(settings={"checkpoints.card": name}, **shown)  # a control is read about, not put into the explorer

    name = st.selectbox("Checkpoint", list(kinds), format_func=networks.label, key=key, on_change=choose, help="The network whose card is shown.")
    try:
        card = load_card(networks.source(name, kinds[name]))
    except InputError as error:
        st.error(plain(str(error)))
        return
    try:
        _whole(name, card)
    except (KeyError, TypeError, ValueError, AttributeError):  # a network that came in a session file brought its own card
        st.error("This card lacks figures that cards have, or has others in their place; what there is follows.")
        st.json(card.content, expanded=1)


def _whole(name: str, card: Card) -> None:
    content = card.content
    st.markdown(plain(card.summary))
    if "control" in content:
        st.info(f"A control: {plain(content['control'])}. It is here to be compared with, and is not offered elsewhere.", icon=":material/science:")
    (_rna if card.kind == "rna" else _metabolic)(name, content)
    st.subheader("How it was made")
    st.code(content["training"]["command"], language="bash")
    training = content["training"]
    taught = f"{training['samples']:,} samples" if "samples" in training else f"{training['families']:,} families"
    st.markdown(
        f"{_seeded(training)}, {taught}, {int(training['epochs'])} epochs, {content['parameters']:,} parameters, "
        f"{duration(training['seconds'])} of training. {plain(_sentence(content['data']['splits']))}"
    )
    with st.expander("The whole card"):
        st.json(content, expanded=1)
    st.download_button(
        "Card, JSON",
        json.dumps(content, indent=1),
        f"{name}.json",
        "application/json",
        on_click="ignore",
        icon=":material/download:",
        help="The whole card as the network brought it: settings, data, held-out figures, baselines and limits; not the weights.",
    )


def _seeded(training: dict[str, Any]) -> str:
    first, count = int(training["seed"]), int(training.get("members", 1))
    return f"Seed {first}" if count == 1 else f"Seeds {first} to {first + count - 1}"


def _figures(name: str, content: dict[str, Any], titles: dict[str, str]) -> None:
    """The network's held-out figures above those of its baselines."""
    st.subheader("Held out, beside its baselines")
    rows = {f"{name} (this network)": content["test"], **content["baselines"]}
    _table(rows, titles, "Held-out figures of the network and its baselines")


def _table(rows: dict[str, dict[str, Any]], titles: dict[str, str], alt: str) -> None:
    """One row per network or set of conditions, one column per figure that is known of any."""
    table = pd.DataFrame({label: {title: figures.get(figure) for figure, title in titles.items()} for label, figures in rows.items()}).T
    number = st.column_config.NumberColumn
    columns = {title: number(SHORT.get(title, title), format="%.3f", help=title if title in SHORT else None) for title in titles.values()}
    st.dataframe(table.dropna(axis="columns", how="all"), column_config=columns, placeholder="–", alt=alt)


def _metabolic(name: str, content: dict[str, Any]) -> None:
    test = content["test"]
    best = content["baselines"].get("gradient boosting on the bounds", {})
    columns = st.columns(4)
    columns[0].metric("Growth R², held out", _figure(test["growth_r2"]))
    columns[1].metric("Gradient boosting, same samples", _figure(best["growth_r2"]) if best else "not measured")
    columns[2].metric("Flux R², median", _figure(test["flux_r2_median"]))
    columns[3].metric("Gate", plain(str(content["network"]["gate"])), help=plain(f"Attention: {content['network']['attention'] or 'none'}"))
    _figures(name, content, FIGURES)
    st.caption(
        f"{test['samples']:,} conditions of {plain(content['data']['distribution'])}, none seen in training or selection; "
        f"the baselines had the network's own {content['training']['samples']:,} training samples. Truth: {plain(content['data']['truth'])}."
    )
    _seeds(content)
    _relatives(name, content)
    _harder(name, content)
    st.subheader("By kind of condition")
    kinds = pd.DataFrame(test["by_condition"]).T[["samples", "growth_r2", "growth_mae"]]
    st.dataframe(kinds, column_config=_numbers(), placeholder="–", alt="Held-out figures by kind of condition")
    st.subheader("Where it fails")
    said, worst = st.columns([3, 2], gap="large")
    with said:
        st.markdown("\n".join(f"- {plain(text)}" for text in [*content["limits"], *_beaten(content, FIGURES)]))
        if test.get("growth_called_where_none") is not None:
            st.markdown(f"- Of held-out conditions without growth, it calls growth above 0.05 /h in {test['growth_called_where_none']:.1%}.")
        if test.get("imbalance") is not None:
            st.markdown(
                f"- Its fluxes miss steady state by {test['imbalance']:.1%} of the turnover (sum of |S v| over sum of |S| |v|, growing conditions)."
            )
    with worst:
        reactions = pd.DataFrame({"reaction": list(test["worst_reactions"]), "flux R²": list(test["worst_reactions"].values())})
        st.dataframe(reactions, hide_index=True, column_config=_numbers(), height=250, alt="The ten worst predicted reactions")


def _seeds(content: dict[str, Any]) -> None:
    """How far the seeds of an ensemble agree, and whether their spread tells where they are wrong."""
    found = content.get("ensemble")
    if not found:
        return
    st.subheader(f"{int(found['seeds'])} seeds")
    first = content["training"]["seed"]
    rows = {f"seed {first + i}": figures for i, figures in enumerate(found["each"])} | {"mean of the seeds": found["mean"]}
    _table(rows, {figure: FIGURES[figure] for figure in found["each"][0]}, "Held-out figures of every seed and of their mean")
    st.caption(
        "The app shows the first seed with the standard deviation over all of them. On the held-out conditions "
        f"{found['shown_within_two_deviations']:.0%} of the growth rates lie within two of these of what is shown, and "
        f"{found['within_two_deviations']:.0%} of the seeds' mean (.001 /h allowed); Spearman between spread and error "
        f"{_figure(found['error_against_spread'], 2)}."
    )


def _harder(name: str, content: dict[str, Any]) -> None:
    """What was kept back from training: nutrients, genes, another organism; and which reactions growth needs."""
    rows = {"new mixtures of what it knows": content["test"]} | _kept_back(content)
    if "ensemble" in content:
        rows |= {f"{kept}, mean of the seeds": figures for kept, figures in _kept_back(content["ensemble"]).items()}
    if len(rows) > 1:
        st.subheader("Harder than the test")
        _table(rows, FIGURES, "Figures on nutrients, genes and organisms kept back from training")
        for model, figures in content.get("transfer", {}).items():
            best = {peer: f"{one['growth_r2']:.3f}" for peer, one in figures.get("baselines", {}).items() if one["growth_r2"] is not None}
            st.caption(
                f"{plain(model)} is a sister species: {figures['common_reactions']:,} of its reactions ({figures['share_common']:.0%}) "
                f"are in the model {plain(name)} was trained on. Growth R² there: "
                + ", ".join(f"{plain(peer)} {value}" for peer, value in best.items())
            )
    known = {"the model it was trained on": content.get("essentiality")}
    known |= {model: figures.get("essentiality") for model, figures in content.get("transfer", {}).items()}
    rows = {model: figures for model, figures in known.items() if figures}
    if rows:
        st.subheader("Does it know what growth needs?")
        _table(rows, ESSENTIALITY, "Average precision for essential reactions")
        st.caption(
            "Average precision in naming the gene-associated reactions without which flux balance analysis leaves under 1% of the growth, "
            "on the model's own medium."
        )


def _kept_back(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    held_out = {HELD_OUT[split]: row for split, row in figures.get("held_out", {}).items()}
    return held_out | {f"{model}, another organism": row for model, row in figures.get("transfer", {}).items()}


def _relatives(name: str, content: dict[str, Any]) -> None:
    """The shipped networks that differ from this one in what the comparison is about, on the same conditions, and which of them is better."""
    from core.models import list_checkpoints, load_card

    asked = ("model", "distribution", "split", "test", "seed")
    others = {n: load_card(n).content for n in list_checkpoints(kind="metabolic", controls=True) if n != name}
    same = {n: c for n, c in others.items() if all(c["training"][a] == content["training"][a] for a in asked)}
    if not same:
        return
    st.subheader("Networks beside it")
    rows = {f"{n} ({_what(c)})": _beside(c) for n, c in ({name: content} | same).items()}
    _table(rows, FIGURES | {"ap_knockout": "essential reactions, average precision"}, "Networks trained on the same conditions")
    rivals = {n: c for n, c in same.items() if "control" not in c}
    better = [n for n, c in rivals.items() if _better(content, c)]
    seeded = " by more than the seeds differ" if any("ensemble" in c for c in rivals.values()) and "ensemble" in content else ""
    who = plain(" and ".join(better)) if better else "None"
    st.caption(f"The same test conditions, and the same seed. {who} predicts growth better than {plain(name)}{seeded}.")


def _better(content: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether another network predicts growth better: of two ensembles, by more than two standard errors of the difference of their means."""
    ours, theirs = (_growth_of_seeds(one) for one in (content, other))
    if min(len(ours), len(theirs)) < 2:
        return bool(ours and theirs and theirs[0] > ours[0])
    error = math.sqrt(statistics.variance(ours) / len(ours) + statistics.variance(theirs) / len(theirs))
    return statistics.mean(theirs) - statistics.mean(ours) > 2 * error


def _growth_of_seeds(content: dict[str, Any]) -> list[float]:
    """Growth R² of every seed, the shown one first; that of the network where it was trained once."""
    found = [one["growth_r2"] for one in content.get("ensemble", {}).get("each", [content["test"]])]
    return [float(value) for value in found if value is not None]


def _what(content: dict[str, Any]) -> str:
    gate = content["network"]["gate"]
    return str(content.get("control") or ("no gates" if gate == "none" else f"one gate per {gate}"))


def _beside(content: dict[str, Any]) -> dict[str, Any]:
    return content["test"] | {"ap_knockout": content["essentiality"]["ap_knockout"]}


def _rna(name: str, content: dict[str, Any]) -> None:
    from core.explain.scoreboard import verdict

    test = content["test"]
    scores = pd.DataFrame((content.get("rfam") or {}).get("scores", []))
    columns = st.columns(4)
    best = max(content["baselines"], key=lambda b: content["baselines"][b].get("folded") or 0.0)
    columns[0].metric("Pair AUC, held-out families", _figure(test["folded"]), help="Synthetic families, structures folded by ViennaRNA.")
    columns[1].metric("Best untrained score", _figure(content["baselines"][best]["folded"]), help=plain(best))
    real = scores if scores.empty else scores[scores["structures"] == "folded"]
    figures = {str(row["score"]): float(row["distant"]) for row in real.to_dict("records") if row["kind"] in ("untrained", "network")}
    rival = max((score for score in figures if score != name), key=lambda score: figures[score], default=None)
    columns[2].metric("Pair AUC, Rfam under 60% identity", _figure(figures[name]) if name in figures else "not measured")
    columns[3].metric("Best untrained score", "not measured" if rival is None else _figure(figures[rival]), help=rival and plain(rival))
    if len(real):
        st.markdown(plain(verdict(scores, name)))
    _figures(name, content, RNA_FIGURES)
    truth, distribution = plain(content["data"]["truth"]), plain(content["data"]["distribution"])
    st.caption(
        "Pair AUC: the probability that two of one family lie nearer than two of different families; .5 is chance. Pairs are of like length; distant "
        f"ones agree in under 60% of their columns. {test['families']:,} families of {distribution}, none seen in training or selection: {truth}. "
        "Against shuffles: the strangers are dinucleotide shuffles of the relatives. Real families are on the page RNA: scoreboard."
    )
    _rna_seeds(content)
    st.subheader("Where it fails")
    failures = [*content["limits"], *_beaten(content, RNA_FIGURES)]
    st.markdown("\n".join(f"- {plain(text)}" for text in failures))


def _rna_seeds(content: dict[str, Any]) -> None:
    """How far the seeds of an ensemble agree, on made-up families and on Rfam's."""
    found = content.get("ensemble")
    if not found:
        return
    st.subheader(f"{int(found['seeds'])} seeds")
    own = [row for row in (content.get("rfam") or {}).get("scores", []) if row["score"] == content["name"]]
    every = [{"seed": content["training"]["seed"], "test": content["test"], "rfam": own}, *found["others"]]
    titles = {f"rfam_{figure}": title for figure, title in RFAM_FIGURES.items()} | RNA_FIGURES
    rows = {}
    for one in every:
        folded: dict[str, Any] = next((row for row in one["rfam"] if row["structures"] == "folded"), {})
        rows[f"seed {one['seed']}"] = one["test"] | {f"rfam_{figure}": folded.get(figure) for figure in RFAM_FIGURES}
    known = pd.DataFrame(rows).T[list(titles)].astype(float)
    _table(rows | {"mean": known.mean().to_dict(), "sd": known.std(ddof=1).to_dict()}, titles, "Held-out figures of every seed")
    st.caption("All were trained on the same families. The app shows the first; a trial of explanations asks the others how stable its rankings are.")


def _beaten(content: dict[str, Any], titles: dict[str, str]) -> list[str]:
    """What baselines are better on, a sentence for each that is."""
    found = []
    for baseline, figures in content["baselines"].items():
        known = {f: title for f, title in titles.items() if content["test"].get(f) is not None and figures.get(f) is not None}
        lost = [title for f, title in known.items() if (figures[f] > content["test"][f]) != (f == "growth_mae")]
        if lost:
            found.append(_sentence(f"{baseline} is better on: {'; '.join(lost)}"))
    return found


def _figure(value: float | None, places: int = 3) -> str:
    """A figure, or a dash for one that is not defined."""
    return "–" if value is None else f"{value:.{places}f}"


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _numbers() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "growth_r2": number("growth R²", format="%.3f"),
        "growth_mae": number("growth error, 1/h", format="%.3f"),
        "flux R²": number(format="%.3f"),
    }
