"""What of an RNA is explained: the list of targets, the choice of a motif, and what the view's choice stands for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.bind import bind
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.rna_targets import TargetRecipe
    from core.rna import Elements, RnaRecord

TARGET, ELEMENT, MOTIF_OF, MOTIF = "rnaexplain.target", "rnaexplain.element", "rnaexplain.motif_of", "rnaexplain.motif"
ITSELF, LENGTH, MOTIFS, FAMILY, RECORD = "itself", "length", "motif", "family:", "record:"
MOST = 200
"""Records of the text that are listed."""


def choose(view: ViewState, given: Given) -> str:
    """The list of targets; returns the id of the chosen one."""
    offered = _offered(given)
    now = str(view.settings.get(TARGET) or ITSELF)
    key = bind("rnaexplain_target", now if now in offered else ITSELF)

    def take() -> None:
        chosen = st.session_state[key]
        picked = (view.selection or "").removeprefix("elem:") if (view.selection or "").startswith("elem:") else None
        state.update(settings={TARGET: None if chosen == ITSELF else chosen, **({ELEMENT: picked} if chosen == MOTIFS and picked else {})})

    st.selectbox(
        "Explain",
        list(offered),
        format_func=offered.__getitem__,
        key=key,
        on_change=take,
        help="A number the network says of this RNA: how alike its embedding is (cosine) to that of another RNA or of a family, how alike one of its "
        "elements is to a motif of another RNA, or how long its embedding is.",
    )
    return str(st.session_state[key])


def choose_motif(view: ViewState, given: Given, own: Elements) -> None:
    """An element of this RNA, another RNA, and one of its elements."""
    first, second, third = st.columns(3, vertical_alignment="bottom")
    with first:
        _list("Element", _named(own), ELEMENT, _element(view, own), "The selected one, unless another is chosen.")
    others = _others(given)
    now = _motif_of(view, others)
    with second:
        _list(
            "Against a motif of", {id: name for id, (name, _) in others.items()}, MOTIF_OF, now, "An RNA of the library, or of the text that is open."
        )
    of = data.elements(str(others[now][1].structure))
    with third:
        _list("Motif", _named(of), MOTIF, _motif(view, of), "The other RNA's element whose vector this one's is compared with.")


def recipe(target: str, view: ViewState, given: Given, record: RnaRecord) -> TargetRecipe:
    """What the view's choice stands for.

    Args:
        record: the RNA with its structure.
    """
    from core.explain.rna_targets import TargetRecipe

    examples = data.examples()
    if target == LENGTH:
        return TargetRecipe("length")
    if target.startswith(FAMILY):
        name = target.removeprefix(FAMILY)
        members = [e.record for e in examples.values() if e.family == name and e.record.sequence != record.sequence]
        return TargetRecipe("rnas", f"the family {name}", tuple(members))
    if target.startswith(data.EXAMPLE):
        other = examples[target.removeprefix(data.EXAMPLE)]
        return TargetRecipe("rnas", other.title, (other.record,))
    if target.startswith(RECORD):
        mine = data.record(given.source, int(target.removeprefix(RECORD)))
        return TargetRecipe("rnas", mine.id, (mine,))
    if target == MOTIFS:
        own, others = data.elements(str(record.structure)), _others(given)
        name, of_motif = others[_motif_of(view, others)]
        of = data.elements(str(of_motif.structure))
        element, motif = _element(view, own), _motif(view, of)
        return TargetRecipe("motif", f"{_named(of)[motif]} of {name}", (of_motif,), element, motif)
    return TargetRecipe("itself")


def _offered(given: Given) -> dict[str, str]:
    """What can be explained, by id."""
    examples = data.examples()
    families = [name for name, count in Counter(example.family for example in examples.values()).items() if count > 1]
    mine = [(i, one) for i, one in enumerate(data.reading(given.source).records) if i != given.record][:MOST]
    return {
        ITSELF: "likeness to itself",
        LENGTH: "length of the embedding",
        MOTIFS: "likeness of an element to a motif",
        **{f"{RECORD}{i}": f"likeness to {one.id}, {i + 1} of this text" for i, one in mine},
        **{f"{FAMILY}{name}": f"likeness to the family {name}" for name in sorted(families)},
        **{f"{data.EXAMPLE}{name}": f"likeness to {example.title}" for name, example in examples.items()},
    }


def _others(given: Given) -> dict[str, tuple[str, RnaRecord]]:
    """RNAs with a structure whose motifs can be chosen: name and record by id."""
    records = [(i, one) for i, one in enumerate(data.reading(given.source).records) if one.structure is not None and i != given.record][:MOST]
    library = {f"{data.EXAMPLE}{name}": (example.title, example.record) for name, example in data.examples().items()}
    return {f"{RECORD}{i}": (one.id, one) for i, one in records} | library


def _motif_of(view: ViewState, others: dict[str, tuple[str, RnaRecord]]) -> str:
    wanted = str(view.settings.get(MOTIF_OF) or "")
    return wanted if wanted in others else next(iter(others))


def _element(view: ViewState, own: Elements) -> str:
    return _known(view.settings.get(ELEMENT), own)


def _motif(view: ViewState, of: Elements) -> str:
    return _known(view.settings.get(MOTIF), of)


def _known(wanted: object, elements: Elements) -> str:
    """An element by name; the first hairpin, or the first of all, where there is none of that name."""
    names = [e.name for e in elements.elements]
    return str(wanted) if wanted in names else next((name for name in names if name.startswith("h")), names[0])


def _named(elements: Elements) -> dict[str, str]:
    return {e.name: f"{e.kind} {e.name}" for e in elements.elements}


def _list(label: str, options: dict[str, str], setting: str, now: str, told: str) -> None:
    key = bind(setting.replace(".", "_"), now)
    st.selectbox(
        label,
        list(options),
        format_func=lambda name: options.get(name, name),
        key=key,
        help=told,
        on_change=lambda: state.update(settings={setting: st.session_state[key]}),
    )
