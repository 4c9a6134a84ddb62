"""The page of attributions of an RNA from top to bottom: target and masks, the drawing in their colours, the ledger, the ranking, the trial, and
elements disrupted and folded again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core.errors import InputError
from core.ui import device, networks
from core.ui.background import Job
from core.ui.bind import option_list, option_row
from core.ui.explain import disruption, ledger, rna_target, trial
from core.ui.explain.data import attributing, work
from core.ui.explain.running import running
from core.ui.explain.shown import METHODS, Told, ranking, said, table
from core.ui.rna import card, data, structure
from core.ui.rna.begin import begin
from core.ui.rna.data import Given
from core.ui.rna.pick import select
from core.ui.rna_component import rna_drawing
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked
    from core.explain.rna_targets import TargetRecipe
    from core.explain.whole_trial import Trial
    from core.rna import FoldResult, RnaRecord
    from core.rna.ensemble import PairEnsemble
    from core.viz.report import Part
    from core.viz.rna_drawing import RnaView

METHOD, OVER, BASELINE, WITHIN = "rnaexplain.method", "rnaexplain.over", "rnaexplain.baseline", "rnaexplain.within"
OVERS = {"bases": "bases", "pairs": "base pairs", "edges": "edges", "features": "node features"}
LEVELS = {"bases": ("base", "element"), "pairs": ("pair", "element"), "edges": ("kind", "edge"), "features": ("feature",)}
BASELINES = {"empty": "no features", "shuffled": "the same bases in another order"}
CHAINS = {"bases": ("element", "base"), "pairs": ("element", "pair"), "edges": ("kind", "edge"), "features": ("feature",)}
"""Levels of the ledger."""


@dataclass(frozen=True)
class Asked:
    """What is attributed of which RNA, by which network. Hashable, so that it is the key of what follows."""

    rna: str
    pairs: str | None
    network: str
    weights: str
    where: str
    recipe: str
    over: str
    baseline: str
    method: str
    level: str

    @classmethod
    def of(cls, record: RnaRecord, ensemble: PairEnsemble | None, view: ViewState, *asked: str) -> Asked:
        """What a view asks of an RNA with its structure; ``asked`` from the recipe on."""
        pairs = None if ensemble is None else ensemble.key
        weights = networks.ensemble_key(view.rna_net, "rna")  # a trial asks every seed
        return cls(f"{record.id}:{record.key}", pairs, view.rna_net, weights, device.choice().device, *asked)

    @property
    def function(self) -> tuple[object, ...]:
        """What the masked function follows from."""
        return self.rna, self.pairs, self.network, self.weights, self.where, self.recipe, self.over, self.baseline


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view, given, folded, _ = begin("rnaexplain", lambda one: networks.source(one.rna_net, "rna"))
    structure.bar(given)
    structure.waiting(given, folded)
    if folded is None:
        return
    target, method, over, baseline = _what(view, given)
    if target == rna_target.MOTIFS:
        rna_target.choose_motif(view, given, data.elements(folded.structure))
    level = option_row("Ranking of", LEVELS[over], f"rnaexplain.level.{over}", help="The groups that are ranked: attributions are summed over them.")
    record, ensemble = data.with_structure(given, folded), folded.ensemble
    recipe = rna_target.recipe(target, view, given, record)
    asked = Asked.of(record, ensemble, view, recipe.key, over, baseline, method, level if method in ("occlusion", "shapley") else "")
    try:
        function = _masked(asked.function, recipe, given, folded)
    except InputError as error:
        st.error(plain(str(error)))
        return
    found = work().result(asked)
    if found is None:
        found = running(asked, function, lambda: attributing(asked, function, method, asked.level))
        if found is None:
            return
    distance = "1 less this likeness (cosine) is the distance of the element from the motif. " if target == rna_target.MOTIFS else ""
    said(function, found, note=f"{distance}Masking is not deleting: a masked base keeps its place, its pair and its edges.")
    key = (*asked.function, found.method if found.level == function.part and found.whole else "")
    shown, words = (level if found.level == function.part else found.level), _words(record, folded)
    if over == "bases":
        trial.badge(key, found.method)
    left, right = st.columns([7, 4])
    with left:
        _drawing(function, found, record.id, given, folded, view)
        if found.level == function.part and found.completeness is not None:
            ledger.draw(
                function, found, view, chain=CHAINS[over], setting=WITHIN, whole="the RNA", open_entry=lambda _, name: select(name), words=words
            )
        ranking(function, found, shown, prefix="", select=select, words=words)
    with right, st.container(border=True, key="detail-card"):
        card.card(given, folded, view)
    tried = (lambda: trial.trials().result(key)) if over == "bases" else (lambda: None)
    card_of = data.network(asked.network)[1].content
    drawn = partial(_drawn, function, found, given, folded, view)
    told = Told(lambda: _about(asked, record, given), card_of, CHAINS[over][0], tried, drawn, words)
    table(function, found, shown, "rna", _inputs(asked, recipe, given, folded), told)
    if over == "bases":
        trial.draw(key, function, lambda: _judge(given, folded, view, function, found), prefix="", pick=select, words=words)
        disruption.draw((asked.rna, asked.pairs, asked.network, asked.weights, asked.where), given, folded, view)


def _about(asked: Asked, record: RnaRecord, given: Given) -> dict[str, Any]:
    """What was asked, for the report."""
    found = {"RNA": record.id, "Sequence": record.sequence, "Structure": record.structure}
    return found | {"Found by": data.METHODS[given.method], "Network": asked.network}


def likeness_asked(given: Given, folded: FoldResult, view: ViewState) -> tuple[object, ...]:
    """The function rankings of bases elsewhere are judged by: likeness to itself, bases without features."""
    record = data.with_structure(given, folded)
    itself = rna_target.recipe(rna_target.ITSELF, view, given, record).key
    return Asked.of(record, folded.ensemble, view, itself, "bases", "empty", "integrated_gradients", "").function


def _open(_: str, name: str) -> None:
    """Selects the element or base an entry of the ledger stands for."""
    select(name)


def _words(record: RnaRecord, folded: FoldResult) -> dict[str, str]:
    """What bases, elements and pairs are called: G10, "s1, stem", G1-C72."""
    letters = record.sequence
    bases = {f"base:{i}": f"{letter}{i}" for i, letter in enumerate(letters, 1)}
    elements = {f"elem:{e.name}": f"{e.name}, {e.kind}" for e in data.elements(folded.structure).elements}
    ends = ((i + 1, j + 1) for i, j in record.pairs)
    return bases | elements | {f"pair:{i}-{j}": f"{letters[i - 1]}{i}-{letters[j - 1]}{j}" for i, j in ends}


def _what(view: ViewState, given: Given) -> tuple[str, str, str, str]:
    """Target, method, what is masked, and the baseline."""
    with st.container(key="twos-asked"):
        first, second, third, fourth = st.columns([5, 4, 4, 4], vertical_alignment="bottom")
    with first:
        target = rna_target.choose(view, given)
    with second:
        method = option_list(
            "Method",
            METHODS,
            METHOD,
            words=METHODS.__getitem__,
            help="How the change of the likeness is shared out; the line below says what each method is.",
        )
    with third:
        over = option_list(
            "Masked are",
            OVERS,
            OVER,
            words=OVERS.__getitem__,
            help="What is faded out in part: bases with their elements, base pairs, edges, or kinds of node features.",
        )
    baseline = "empty"
    if over == "bases":
        with fourth:
            baseline = option_list(
                "Baseline",
                BASELINES,
                BASELINE,
                words=BASELINES.__getitem__,
                help="What the RNA is compared with: nodes without features, or its own bases in another order.",
            )
    return target, method, over, baseline


@st.cache_resource(max_entries=12, show_spinner="Preparing the network ...")
def _masked(of: tuple[object, ...], _recipe: TargetRecipe, _given: Given, _folded: FoldResult) -> Masked:
    from core.explain.rna_masks import rna_masks

    network, where, over, baseline = (str(of[place]) for place in (2, 4, 6, 7))
    opened, record = data.network(network), data.with_structure(_given, _folded)
    chosen = _recipe.made(opened, record, ensemble=_folded.ensemble, device=where)
    return rna_masks(opened, record, over=over, target=chosen, baseline=baseline, ensemble=_folded.ensemble, device=where)  # type: ignore[arg-type]


def _inputs(asked: Asked, recipe: TargetRecipe, given: Given, folded: FoldResult) -> dict[str, Any]:
    """What the masked function is made of, for its manifest."""
    from core.explain.manifest import rna_inputs

    record, (_, card) = data.with_structure(given, folded), data.network(asked.network)
    fold = {"method": given.method, "number": given.number, "temperature": given.temperature, "reactivities": given.shape, "source": given.source}
    return rna_inputs(record, folded.ensemble, card, recipe, network=asked.network, fold=fold, baseline=asked.baseline)


def _drawing(function: Masked, found: Attribution, name: str, given: Given, folded: FoldResult, view: ViewState) -> None:
    """The structure with every base in the colour of its attribution, on a scale that is symmetric about zero."""
    from core.viz.rna_drawing import rna_svg

    drawn = _coloured(function, found, given, folded, view)
    if drawn is None:
        return
    elements = data.elements(folded.structure)
    rna_drawing(
        rna_svg(drawn, interactive=True),
        key="rnaexplain-drawing",
        on_pick=select,
        sentence=drawn.sentence,
        name=f"attribution-{name}",
        entity=view.selection,
        selected=data.bases_of(view.selection, elements),
        height=460,
    )


def _coloured(function: Masked, found: Attribution, given: Given, folded: FoldResult, view: ViewState) -> RnaView | None:
    from core.viz.colour import DIVERGING, Scale
    from core.viz.rna_drawing import rna_view

    values = _per_base(function, found, len(folded.structure))
    if values is None:
        return None
    record, elements = data.with_structure(given, folded), data.elements(folded.structure)
    limit = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    note = f"symmetric about 0; blue lowers, red raises the {function.target}"
    scale = Scale(METHODS[found.method], function.unit, -limit, limit, DIVERGING, note)
    return rna_view(record, colour_by="values", values=values, scale=scale, elements=elements, selected=view.selection)


def _drawn(function: Masked, found: Attribution, given: Given, folded: FoldResult, view: ViewState) -> list[Part]:
    """The same for the report."""
    from core.viz.report import drawing
    from core.viz.rna_drawing import rna_svg

    drawn = _coloured(function, found, given, folded, view)
    return [] if drawn is None else [drawing("The structure", rna_svg(drawn), drawn.sentence)]


def _per_base(function: Masked, found: Attribution, count: int) -> np.ndarray | None:
    """[n] a base's own attribution, or its element's; None where bases have none."""
    if function.part != "base":
        return None
    if found.level == "base":
        return found.values
    of = function.parts["element"].map(dict(zip(found.names, found.values, strict=True)))
    return of.to_numpy(dtype=float)[:count]


def _judge(given: Given, folded: FoldResult, view: ViewState, function: Masked, found: Attribution) -> Callable[[Job], Trial]:
    from core.explain.whole_trial import bases_on_trial, control_of

    factors, network = data.importance(given, folded, view.rna_net), data.network(view.rna_net)
    name = control_of(network[1])
    control = (name, data.network(name)) if name else None
    _, *seeds = networks.ensemble(view.rna_net, "rna")

    def run(job: Job) -> Trial:
        given: dict[str, Any] = {"found": found if found.whole else None, "seeds": seeds, "control": control}
        return bases_on_trial(function, network, factors, **given, on_progress=job.counted, should_stop=job.stopped)

    return run
