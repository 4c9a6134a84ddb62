"""The stories: each an expectation, the views it can be seen in, and what is asked of the shipped networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.ui.view_state import OWN_MEDIUM, ViewState

if TYPE_CHECKING:
    from core.explain.stories import Finding

Ensemble = Sequence[tuple[Any, Any]]
Ask = Callable[["Asked"], "Finding"]


@dataclass(frozen=True)
class Asked:
    """What a story's question is put to: the networks of an ensemble, and where they are."""

    networks: Ensemble
    device: str


@dataclass(frozen=True)
class Look:
    """A view to look at: the page's place in the URL, the view, and what the link says."""

    page: str
    view: ViewState
    words: str


@dataclass(frozen=True)
class Story:
    """A story.

    Attributes:
        key: in links. title. network: checkpoint that is asked.
        question: what is asked. expected: what the idea of the network leads one to expect, and why.
        looks: views to look at, with ``where``, what is to be seen there. ask: the finding.
        numbers: what its table holds. caveat: what the outcome does not mean. notes: for who presents it.
    """

    key: str
    title: str
    network: str
    question: str
    expected: str
    where: str
    looks: tuple[Look, ...]
    ask: Ask = field(repr=False)
    numbers: str
    caveat: str
    notes: str

    @property
    def of_rna(self) -> bool:
        """Which half it is of."""
        return self.looks[0].page in ("rna", "rnaexplain", "search")


def _atp(model: str, reaction: str) -> Ask:
    def ask(given: Asked) -> Finding:
        from core.explain.stories import atp_gates
        from core.metabolic import load_tables

        return atp_gates(load_tables(model), list(given.networks), reaction, device=given.device)

    return ask


def _pep(given: Asked) -> Finding:
    from core.explain.stories import control_point
    from core.metabolic import load_tables

    return control_point(load_tables("e_coli_core"), list(given.networks), "PYK", device=given.device)


def _change(before: Any, after: Any, *reactions: str) -> Ask:
    def ask(given: Asked) -> Finding:
        from core.explain.stories import change
        from core.metabolic import load_tables
        from core.metabolic.condition import Condition

        tables = load_tables("e_coli_core")
        return change(tables, list(given.networks), Condition(before), Condition(after), reactions, device=given.device)

    return ask


def _ammonium(given: Asked) -> Finding:
    from core.explain.stories import change
    from core.metabolic import load_tables
    from core.metabolic.condition import Condition, own_medium

    tables = load_tables("e_coli_core")
    short = {**own_medium(tables), "EX_nh4_e": SHORT_OF_AMMONIUM}
    return change(tables, list(given.networks), Condition(), Condition(short), ("GLUDy", "GLNS", "GLUSy"), device=given.device)


def _citrate(given: Asked) -> Finding:
    from core.explain.stories import change
    from core.metabolic import load_tables, named_media
    from core.metabolic.condition import Condition

    tables = load_tables("e_coli_core")
    raised = {**named_media(tables)["acetate"], "ATPM": RAISED}
    return change(tables, list(given.networks), Condition("acetate"), Condition(raised), ("ICDHyr", "AKGDH", "ICL", "MALS"), device=given.device)


def _rescue(given: Asked) -> Finding:
    from core.explain.stories import rescue
    from core.metabolic import load_tables

    return rescue(load_tables("e_coli_core"), list(given.networks), "CS", "EX_akg_e", device=given.device)


def _record(name: str) -> Any:
    from core.rna.library import list_library

    return next(one.record for one in list_library() if one.id == name)


def _loops(given: Asked) -> Finding:
    from core.explain.rna_stories import elements_carry

    return elements_carry(_record("trna-phe"), given.networks, ("h1", "h2"), device=given.device)


def _through(given: Asked) -> Finding:
    from core.explain.rna_stories import through_elements

    return through_elements(_record("trna-phe"), given.networks, device=given.device)


def _hammerheads(given: Asked) -> Finding:
    from core.explain.rna_stories import found_from_each_other

    return found_from_each_other("hammerhead", given.networks, device=given.device)


SHORT_OF_AMMONIUM = 2.0
"""Uptake bound of ammonium where it is scarce, mmol/gDW/h: less than half of what growth on glucose takes."""
RAISED = 20.0
"""Demand of ATP maintenance in the story of citrate's branch, mmol/gDW/h: 8.39 in the model."""
DEMANDING = {**dict.fromkeys(("EX_co2_e", "EX_h_e", "EX_h2o_e", "EX_nh4_e", "EX_o2_e", "EX_pi_e"), 1000.0), "EX_ac_e": 30.0, "ATPM": RAISED}
"""The model's acetate medium with that demand."""
_CORE, _GENOME = ViewState(), ViewState(model="iJO1366", checkpoint="genome")
_FBA = "Its labels are fluxes of flux balance analysis: they hold no regulation, no expression and no kinetics."

STORIES = (
    Story(
        "atp-core",
        "ATP in glycolysis",
        "core",
        "Does the network weigh ATP differently in a central and in a peripheral reaction?",
        "Phosphofructokinase and a salvage reaction use one ATP each. Stoichiometry cannot tell them apart, and neither can one gate per metabolite; "
        "a gate of every incidence can. The idea expects ATP to count for more where the flux is.",
        "The card of PFK has the gate of its ATP; the page of metabolite gates has ATP in all its reactions.",
        (
            Look("explorer", ViewState(selection="rxn:PFK", view="neighbourhood"), "PFK with its gates"),
            Look("gates", _CORE, "ATP in all reactions, beside controls"),
        ),
        _atp("e_coli_core", "PFK"),
        "The gate of ATP in PFK and in every peripheral reaction that uses one ATP",
        "E. coli core has hardly any periphery: a handful of reactions cannot settle the question. The genome-scale model has more.",
        "Ask the audience first: same coefficient, same ATP, so what could differ? Then open the card of PFK.",
    ),
    Story(
        "atp-genome",
        "ATP in glucose phosphorylation",
        "genome",
        "The same on the whole genome: hexokinase against the periphery.",
        "HEX1 phosphorylates glucose with one ATP; hundreds of peripheral reactions use one ATP as well. If gates follow importance, HEX1 "
        "stands out.",
        "The card of HEX1 in iJO1366, and ATP in all reactions that use it.",
        (
            Look("explorer", ViewState(model="iJO1366", checkpoint="genome", selection="rxn:HEX1", view="neighbourhood"), "HEX1 with its gates"),
            Look("gates", _GENOME, "ATP in all reactions, beside controls"),
        ),
        _atp("iJO1366", "HEX1"),
        "The gate of ATP in HEX1 and in every peripheral reaction that uses one ATP",
        "In iJO1366 glucose enters by the phosphotransferase system, so that HEX1 carries no flux on glucose: a wide gate would not follow "
        "from flux.",
        "The honest point of this story is the spread over seeds: one trained network is an anecdote.",
    ),
    Story(
        "pep",
        "Is PEP to pyruvate a control point?",
        "core",
        "Does the network mark pyruvate kinase as a point of control?",
        "Textbooks call pyruvate kinase one, by its regulation. A network that has learned from fluxes would have to see that in fluxes.",
        "PYK in its neighbourhood: its gates, its flux, and what FBA says of its knock-out.",
        (
            Look("explorer", ViewState(selection="rxn:PYK", view="neighbourhood"), "PYK with its gates"),
            Look("conditions", ViewState(knockouts_b=("PYK",), medium_b=OWN_MEDIUM), "with PYK beside without PYK"),
        ),
        _pep,
        "Gates and predicted fluxes of all reactions, widest first",
        f"{_FBA} Control cannot be read off them; a wide gate would be no evidence for it, and a narrow one is none against it.",
        "A story about what the labels cannot hold. Say so before anyone asks.",
    ),
    Story(
        "ammonium",
        "Two ways to glutamate",
        "core",
        "Do parallel pathways shift when a substrate is short?",
        "Glutamate is made by GLUDy, or by GLNS with GLUSy. Cells use the second way when ammonium is scarce, because its enzyme binds "
        "ammonium better.",
        "Fluxes and gates of the three reactions with ammonium as in the model, and with little of it.",
        (
            Look("explorer", ViewState(selection="rxn:GLUDy", view="neighbourhood"), "GLUDy and its neighbours"),
            Look("explorer", ViewState(selection="met:glu__L_c", view="neighbourhood"), "everything around glutamate"),
        ),
        _ammonium,
        "Fluxes and gates of the two ways, with and without enough ammonium",
        f"{_FBA} The second way costs an ATP, and FBA knows no binding: it stays with GLUDy, and so must a network that learned from it.",
        "Both FBA and the network lack the reason why cells switch: affinity. That is the outcome.",
    ),
    Story(
        "citrate",
        "The branch at citrate",
        "core",
        "On acetate, does a raised demand for ATP turn flux from the glyoxylate shunt to the cycle?",
        "Isocitrate goes to ICDHyr, which burns it for energy, or to ICL, which spares its carbon for growth. A cell that must make more ATP "
        "has to burn more: ICDHyr up, ICL down.",
        "Acetate as it is, beside acetate with ATP maintenance raised from 8.39 to 20 (Edit uptakes).",
        (
            Look("conditions", ViewState(medium="acetate", medium_b=DEMANDING), "acetate beside acetate with a raised ATPM"),
            Look("explorer", ViewState(medium="acetate", selection="met:icit_c", view="neighbourhood"), "everything around isocitrate"),
        ),
        _citrate,
        "Fluxes and gates of both branches, before and after",
        "Maintenance was the model's own in all conditions it learned from: a network does not hear what never varied. That is a limit of "
        "its training, not of gates.",
        "FBA shifts both branches; ask who expects the network to follow, then show the numbers.",
    ),
    Story(
        "oxygen",
        "From air to none",
        "core",
        "Does the network move fluxes to fermentation when oxygen is gone?",
        "Without oxygen the citric acid cycle and respiration stop, and formate, acetate and ethanol take the electrons.",
        "Both media side by side: A with oxygen, B without.",
        (
            Look("conditions", ViewState(medium="aerobic glucose", medium_b="anaerobic glucose"), "aerobic beside anaerobic"),
            Look("explorer", ViewState(medium="anaerobic glucose", selection="rxn:PFL"), "PFL without oxygen"),
        ),
        _change("aerobic glucose", "anaerobic glucose", "PFL", "ACKr", "ETOHt2r", "ALCD2x", "PDH", "CS", "AKGDH", "NADH16", "CYTBD", "ATPS4r"),
        "Fluxes and gates of fermentation, the cycle and respiration, with oxygen and without",
        "It was trained on media with and without oxygen: this is what it learned, not what it discovered.",
        "Look at ATPS4r: it turns round, and the network knows.",
    ),
    Story(
        "rescue",
        "A knock-out and its rescue",
        "core",
        "Does the network know that a lost enzyme can be fed round?",
        "Without citrate synthase E. coli core makes no 2-oxoglutarate and cannot grow on glucose; with 2-oxoglutarate in the medium it can.",
        "The knock-out in the explorer, and both conditions side by side.",
        (
            Look("explorer", ViewState(knockouts=("CS",), selection="rxn:CS"), "without citrate synthase"),
            Look("conditions", ViewState(knockouts_b=("CS",), medium_b=OWN_MEDIUM), "with CS beside without CS"),
        ),
        _rescue,
        "Growth as it is, without CS, and without CS but with 2-oxoglutarate",
        "Knock-outs and uptakes of this kind were in training, this combination need not have been.",
        "Predict it with the audience: three bars, then show them.",
    ),
    Story(
        "loops",
        "The anticodon loop and the T-loop",
        "rna",
        "Do the loops that biology reads carry what the network hears of a tRNA?",
        "The anticodon is what the ribosome reads, and the T-loop holds the molecule together: one would look for its identity there.",
        "Attribution over bases, drawn on the cloverleaf, with the ledger by element.",
        (Look("rnaexplain", ViewState(), "what makes the tRNA like itself"), Look("rna", ViewState(selection="elem:h1"), "the anticodon loop")),
        _loops,
        "Every element: its share of the bases and of the attribution",
        "The network has seen made-up families only: it cannot know what a ribosome reads. It hears what tells families apart.",
        "h1 is the anticodon loop, h2 the T-loop. Stems carry more: pairs are what relatives share.",
    ),
    Story(
        "elements",
        "From base to element and back",
        "rna",
        "Do bases hear each other by way of their element?",
        "Elements were added to the graph so that a base hears its whole loop or stem in two steps. If that is used, these messages are not "
        "the quiet ones.",
        "The layers of the RNA page have the messages along every edge, and the gate lab takes one apart.",
        (
            Look("rna", ViewState(settings={"rna.view": "graph"}), "the graph with its elements"),
            Look("lab", ViewState(selection="base:20", settings={"lab.part": "rna"}), "one base taken apart"),
        ),
        _through,
        "Mean length of a message by kind of edge",
        "A long message is not an important one: the trial asks what changes when it is gone.",
        "Show the graph first, then the number.",
    ),
    Story(
        "hammerheads",
        "Hammerheads that share hardly a letter",
        "rna",
        "Does the network find one hammerhead from another though their sequences are not alike?",
        "Hammerheads of types I and III have one core in two circular orders and little else in common. A network of structure should find one from "
        "the other sooner than counting letters does.",
        "The search with a hammerhead of type III, and the drawing of one of type I.",
        (
            Look("search", ViewState(rna="example:hammerhead"), "nearest to a hammerhead of type III"),
            Look("rna", ViewState(rna="example:hammerhead-1-af404041"), "one of type I"),
        ),
        _hammerheads,
        "Every way from one of the library's hammerheads to another: the place of the second among all RNAs by nearness to the first",
        "Five RNAs are an anecdote. Figures over families are on the scoreboard.",
        "Say the caveat with the number. One pair can be found that looks splendid, and one that does not: that is why all are shown.",
    ),
)


def story_of(key: object) -> Story:
    """The story of a key; the first for none that is known."""
    return next((story for story in STORIES if story.key == key), STORIES[0])
