"""What a test of one metabolite's gates found, in sentences: a difference only where its interval says so, and a null result as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from core.explain.conditions import SURE

if TYPE_CHECKING:
    from core.explain.atp import MetaboliteGateTest

SIGNIFICANT = 0.05
FEW = 5
"""With fewer reactions on a side, no difference could be found."""


def verdict(test: MetaboliteGateTest) -> str:
    """The spread, the controls, central against peripheral and the replacement, a sentence or two each."""
    subject = test.networks.iloc[0]
    sentences = [_spread(test, subject)]
    if subject["gate"] == "incidence":
        sentences += [_against(test, row) for _, row in test.comparisons.iterrows() if row["kind"] in ("untrained", "control")]
        sentences += [*_central(test, subject), _seeds(test, subject)]
    if test.replacement is not None:
        sentences.append(test.replacement.sentence)
    return " ".join(s for s in sentences if s)


def _spread(test: MetaboliteGateTest, subject: pd.Series) -> str:
    over = f"its {subject['reactions']} reactions" if subject["reactions"] != 1 else "its only reaction"
    if subject["gate"] == "none":
        return f"The network {test.subject} has no gates: every gate of {test.metabolite} is 1."
    if subject["gate"] == "metabolite":
        return (
            f"The network {test.subject} has one gate per metabolite: {test.metabolite} has the same gate in {over} by construction, spread "
            f"{subject['spread']:.3f}."
        )
    if subject["reactions"] < 2:
        return f"On {test.model}, {test.metabolite} has a single reaction; there is nothing to compare."
    conditions = "one condition" if len(test.conditions) == 1 else f"{len(test.conditions)} conditions"
    return (
        f"On {test.model} the network {test.subject} gives {test.metabolite} gates that differ over {over} with a standard deviation of "
        f"{subject['spread']:.3f} ({_range(subject, 'spread')}), averaged over {conditions}; "
        "a network with one gate per metabolite has 0 by construction."
    )


def _against(test: MetaboliteGateTest, row: pd.Series) -> str:
    if pd.isna(row["spread_difference_low"]) or test.networks.iloc[0]["reactions"] < 2:
        return ""
    own = test.networks.iloc[0]["spread"]
    other = own - row["spread_difference"]
    name = f"{row['networks']} untrained networks" if row["kind"] == "untrained" else f"{row['against']} (shuffled labels)"
    low, high = row["spread_difference_low"], row["spread_difference_high"]
    if low > 0:
        return f"That is more than {name} show ({other:.3f})."
    if high < 0:
        return f"That is less than {name} show ({other:.3f}), so the spread is no sign of knowledge."
    return f"That cannot be told from what {name} show ({other:.3f}), so the spread alone is no sign of knowledge."


def _central(test: MetaboliteGateTest, subject: pd.Series) -> list[str]:
    what = f"reactions that use one {test.metabolite} as written"
    if pd.isna(subject["auroc"]):
        return [f"Central and peripheral {what} cannot be compared: the model has {subject['central']} and {subject['peripheral']} of them."]
    counts = f"{subject['central']} central against {subject['peripheral']} peripheral"
    figure = f"AUROC {subject['auroc']:.2f} ({_range(subject, 'auroc')}, Mann-Whitney p {subject['auroc_p']:.2g})"
    if (subject["auroc_low"] > 0.5 or subject["auroc_high"] < 0.5) and subject["auroc_p"] < SIGNIFICANT:
        wider = "wider" if subject["auroc"] > 0.5 else "narrower"
        found = [f"Central {what} have {wider} gates than peripheral ones: {figure}, {counts}."]
        weak = [n for n in (_unlearned(row, subject) for _, row in test.comparisons.iterrows()) if n]
        if weak:
            found.append(f"That cannot be told from {' or '.join(weak)}, so it is no sign of training.")
        return found
    few = "; these are too few to tell" if min(subject["central"], subject["peripheral"]) < FEW else ""
    return [f"Central {what} cannot be told from peripheral ones by their gates: {figure}, {counts}{few}."]


def _seeds(test: MetaboliteGateTest, subject: pd.Series) -> str:
    """What the networks of an ensemble say together: the intervals over reactions know nothing of training's own randomness."""
    rows = test.networks[test.networks["kind"].isin(["shown", "another seed"])]
    if len(rows) < 2 or subject["reactions"] < 2:
        return ""
    spread = f"the spread is {rows['spread'].mean():.3f} ± {rows['spread'].std(ddof=1):.3f}"
    mean, sd = rows["auroc"].mean(), rows["auroc"].std(ddof=1)
    if pd.isna(mean):
        return f"Over {len(rows)} seeds {spread}."
    apart = abs(mean - 0.5) > SURE * sd
    rest = "" if apart else ", which is not clear of .5: another training may say otherwise"
    return f"Over {len(rows)} seeds {spread} and the AUROC {mean:.2f} ± {sd:.2f}{rest}."


def _unlearned(row: pd.Series, subject: pd.Series) -> str:
    """The control that separates central from peripheral as well as the subject does, with its AUROC; "" when it does not."""
    if row["kind"] not in ("untrained", "control") or pd.isna(row["auroc_difference_low"]):
        return ""
    beats = row["auroc_difference_low"] > 0 if subject["auroc"] > 0.5 else row["auroc_difference_high"] < 0
    name = "untrained networks" if row["kind"] == "untrained" else f"{row['against']} with shuffled labels"
    return "" if beats else f"what {name} show ({subject['auroc'] - row['auroc_difference']:.2f})"


def _range(row: pd.Series, what: str) -> str:
    places = 2 if what == "auroc" else 3
    return f"95% interval {row[f'{what}_low']:.{places}f} to {row[f'{what}_high']:.{places}f}"
