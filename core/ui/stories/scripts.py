"""The stories: each an expectation, the views it can be seen in, and what is asked of the shipped networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.metabolic.condition import Condition
from core.ui.view_state import OWN_MEDIUM, ViewState

if TYPE_CHECKING:
    from core.explain.outcomes import Finding

Ensemble = Sequence[tuple[Any, Any]]
Ask = Callable[["Asked"], "Finding"]


@dataclass(frozen=True)
class Asked:
    """What a story's question is put to: the networks of an ensemble, where they are, the story's control, and when to stop."""

    networks: Ensemble
    device: str
    control: tuple[Any, Any] | None = None
    should_stop: Callable[[], bool] | None = None


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
        control: checkpoint that learned nothing and is asked beside; "" for none.
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
    control: str = ""

    def find_out(self, device: str, should_stop: Callable[[], bool] | None = None) -> Finding:
        """Opens the networks anew, so that a thread has its own, and asks them.

        Raises:
            InputError: a network is not here, or what is asked of it is not there.
            Cancelled: ``should_stop`` said so.
        """
        from core.models import load_checkpoint, load_members

        opened = [(network.to(device), card) for network, card in load_members(self.network)]
        control = load_checkpoint(self.control) if self.control else None
        return self.ask(Asked(opened, device, None if control is None else (control[0].to(device), control[1]), should_stop))

    @property
    def of_rna(self) -> bool:
        """Which half it is of."""
        return self.looks[0].page in ("rna", "rnaexplain", "search")


def _atp(model: str, reaction: str) -> Ask:
    def ask(given: Asked) -> Finding:
        from core.explain.stories import atp_gates
        from core.metabolic import load_tables

        tables, networks = load_tables(model), list(given.networks)
        return atp_gates(tables, networks, reaction, control=given.control, device=given.device, should_stop=given.should_stop)

    return ask


def _pep(given: Asked) -> Finding:
    from core.explain.stories import control_point
    from core.metabolic import load_tables

    return control_point(load_tables("e_coli_core"), list(given.networks), "PYK", device=given.device, should_stop=given.should_stop)


def _change(before: Condition, after: Condition, *reactions: str) -> Ask:
    def ask(given: Asked) -> Finding:
        from core.explain.stories import change
        from core.metabolic import load_tables

        tables, networks = load_tables("e_coli_core"), list(given.networks)
        return change(tables, networks, before, after, reactions, device=given.device, should_stop=given.should_stop)

    return ask


def _ammonium(given: Asked) -> Finding:
    from core.explain.stories import two_ways
    from core.metabolic import load_tables

    tables, networks = load_tables("e_coli_core"), list(given.networks)
    how: dict[str, Any] = {"also": ("GLNS",), "device": given.device, "should_stop": given.should_stop}
    return two_ways(tables, networks, GIVEN, SHORT, "GLUDy", "GLUSy", "glu__L_c", **how)


def _rescue(given: Asked) -> Finding:
    from core.explain.stories import rescue
    from core.metabolic import load_tables

    return rescue(load_tables("e_coli_core"), list(given.networks), "CS", "EX_akg_e", device=given.device, should_stop=given.should_stop)


def _trna() -> Any:
    from core.rna.library import list_library

    return next(one.record for one in list_library() if one.id == "trna-phe")


def _loops(given: Asked) -> Finding:
    from core.explain.rna_stories import elements_carry

    return elements_carry(_trna(), given.networks, PARTS, device=given.device, should_stop=given.should_stop)


def _through(given: Asked) -> Finding:
    from core.explain.rna_stories import through_elements

    return through_elements(_trna(), given.networks, device=given.device, should_stop=given.should_stop)


def _hammerheads(given: Asked) -> Finding:
    from core.explain.rna_stories import found_across

    return found_across(TYPES, given.networks, device=given.device, should_stop=given.should_stop)


def _beside(before: Condition, after: Condition, words: str) -> Look:
    """Two conditions side by side."""
    medium = OWN_MEDIUM if after.medium is None else after.medium
    view = ViewState(medium=before.medium, knockouts=before.knockouts, medium_b=medium, knockouts_b=after.knockouts)
    return Look("conditions", view, words)


_PLENTY = dict.fromkeys(("EX_co2_e", "EX_h_e", "EX_h2o_e", "EX_nh4_e", "EX_o2_e", "EX_pi_e"), 1000.0)
OWN = {**_PLENTY, "EX_glc__D_e": 10.0}
"""E. coli core's own medium, for links."""
SHORT_OF_AMMONIUM = 2.0
"""Uptake bound of ammonium where it is scarce, mmol/gDW/h: less than half of what growth on glucose takes."""
RAISED = 20.0
"""Demand of ATP maintenance in the story of citrate's branch, mmol/gDW/h: 8.39 in the model."""
GIVEN, SHORT = Condition(), Condition({**OWN, "EX_nh4_e": SHORT_OF_AMMONIUM})
ACETATE, DEMANDING = Condition("acetate"), Condition({**_PLENTY, "EX_ac_e": 30.0, "ATPM": RAISED})
AIR, NO_AIR = Condition("aerobic glucose"), Condition("anaerobic glucose")
NO_PYK, NO_CS, FED = Condition(knockouts=("PYK",)), Condition(knockouts=("CS",)), Condition({**OWN, "EX_akg_e": 10.0}, ("CS",))
"""Conditions of the stories, on E. coli core."""
PARTS = {"the anticodon loop": ("h1",), "the T-arm": ("s3", "h2")}
"""Parts of the tRNA and their elements."""
TYPES = ("RF00008 Hammerhead_3", "RF00163 Hammerhead_1")
_CORE, _GENOME = ViewState(), ViewState(model="iJO1366", checkpoint="genome")
_FBA = "Its labels are fluxes of flux balance analysis: they hold no regulation, no expression and no kinetics."

STORIES = (
    Story(
        "atp-core",
        "ATP in glycolysis",
        "core",
        "Does the network weigh ATP differently in a central reaction than in peripheral ones?",
        "Phosphofructokinase and a salvage reaction use one ATP each. Stoichiometry cannot tell them apart, and neither can one gate per metabolite; "
        "a gate of every incidence can. If gates follow importance, PFK stands out from the periphery, and does not in a network taught with "
        "shuffled labels.",
        "The card of PFK has the gate of its ATP; the page of metabolite gates has ATP in all its reactions.",
        (
            Look("explorer", ViewState(selection="rxn:PFK", view="neighbourhood"), "PFK with its gates"),
            Look("gates", _CORE, "ATP in all reactions, beside controls"),
        ),
        _atp("e_coli_core", "PFK"),
        "The gate of ATP in PFK and in every peripheral reaction that uses one ATP",
        "E. coli core has hardly any periphery: a handful of reactions cannot settle the question. The genome-scale model has more.",
        "Ask the audience first: same coefficient, same ATP, so what could differ? Then open the card of PFK, and count the peripheral reactions.",
        "core-shuffled",
    ),
    Story(
        "atp-genome",
        "ATP in glucose phosphorylation",
        "genome",
        "The same on the whole genome: does the ATP of hexokinase stand out from the periphery?",
        "HEX1 phosphorylates glucose with one ATP; many peripheral reactions use one ATP as well. If gates follow importance, HEX1 stands out in "
        "every seed, and does not in a network taught with shuffled labels.",
        "The card of HEX1 in iJO1366, and ATP in all reactions that use it.",
        (
            Look("explorer", ViewState(model="iJO1366", checkpoint="genome", selection="rxn:HEX1", view="neighbourhood"), "HEX1 with its gates"),
            Look("gates", _GENOME, "ATP in all reactions, beside controls"),
        ),
        _atp("iJO1366", "HEX1"),
        "The gate of ATP in HEX1 and in every peripheral reaction that uses one ATP",
        "In iJO1366 glucose enters by the phosphotransferase system, so that HEX1 carries no flux on glucose: a wide gate would not follow "
        "from flux. One reaction is one case: central reactions as a group are on the page of metabolite gates.",
        "Look at the spread over seeds and at the network of shuffled labels before the gate itself: gates differ between reactions without any "
        "learning, because reactions do.",
        "genome-shuffled",
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
            _beside(GIVEN, NO_PYK, "with PYK beside without PYK"),
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
        "Ammonium is short: does the network keep to the way to glutamate that FBA keeps to?",
        "Glutamate is made by GLUDy, or by GLNS with GLUSy. Cells use the second way when ammonium is scarce, because its enzyme binds "
        "ammonium better. FBA knows no binding, and the second way costs an ATP. So a network that learned from FBA is expected to do as FBA does, "
        "whatever cells do; but one that does not hear the shortage would stay as well, so that its growth has to fall too.",
        "Fluxes and gates of the three reactions with ammonium as in the model, and with little of it.",
        (
            _beside(GIVEN, SHORT, "ammonium as in the model beside little of it"),
            Look("explorer", ViewState(selection="met:glu__L_c", view="neighbourhood"), "everything around glutamate"),
            Look("explorer", ViewState(medium=SHORT.medium, selection="met:glu__L_c", view="neighbourhood"), "the same with little ammonium"),
        ),
        _ammonium,
        "Fluxes and gates of the two ways, with and without enough ammonium",
        f"{_FBA} Agreement here is agreement with FBA, not with cells. Ammonium was plentiful in all conditions the network learned from: a "
        "shortage is outside its training.",
        "Ask first what cells do and why. Neither FBA nor the network was given the reason, affinity. Then look at growth, whether the "
        "network hears the shortage, and at the share made by GLUSy.",
    ),
    Story(
        "citrate",
        "The branch at citrate",
        "core",
        "On acetate, does a raised demand for ATP turn flux from the glyoxylate shunt to the cycle?",
        "Isocitrate goes to ICDHyr, which burns it for energy, or to ICL, which spares its carbon for growth. A cell that must make more ATP "
        "has to burn more: ICDHyr up, ICL down, as FBA has it.",
        "Acetate as it is, beside acetate with ATP maintenance raised from 8.39 to 20 (Edit uptakes).",
        (
            _beside(ACETATE, DEMANDING, "acetate beside acetate with a raised ATPM"),
            Look("explorer", ViewState(medium="acetate", selection="met:icit_c", view="neighbourhood"), "everything around isocitrate"),
        ),
        _change(ACETATE, DEMANDING, "ICDHyr", "AKGDH", "ICL", "MALS"),
        "Fluxes and gates of both branches, before and after",
        "Maintenance was the model's own in all conditions the network learned from, and acetate less than here: both are outside its training, so "
        "that a failure is a limit of what it was taught, not of gates.",
        "Ask who expects the network to follow FBA, then compare its change of ICDHyr and ICL with FBA's.",
    ),
    Story(
        "oxygen",
        "From air to none",
        "core",
        "Does the network move fluxes to fermentation when oxygen is gone?",
        "Without oxygen the citric acid cycle and respiration stop, and formate, acetate and ethanol take the electrons.",
        "Both media side by side: A with oxygen, B without.",
        (
            _beside(AIR, NO_AIR, "aerobic beside anaerobic"),
            Look("explorer", ViewState(medium="anaerobic glucose", selection="rxn:PFL"), "PFL without oxygen"),
        ),
        _change(AIR, NO_AIR, "PFL", "ACKr", "ETOHt2r", "ALCD2x", "PDH", "CS", "AKGDH", "NADH16", "CYTBD", "ATPS4r"),
        "Fluxes and gates of fermentation, the cycle and respiration, with oxygen and without",
        "It was trained on media with and without oxygen: this is what it learned, not what it discovered.",
        "Look at the sign of ATPS4r before and after, by FBA and by the network, and at the reactions that move by less than half of FBA's change.",
    ),
    Story(
        "rescue",
        "A knock-out and its rescue",
        "core",
        "Does the network know that a lost enzyme can be fed round?",
        "Without citrate synthase E. coli core makes no 2-oxoglutarate and cannot grow on glucose; with 2-oxoglutarate in the medium it can.",
        "The knock-out in the explorer, and both steps side by side: the loss, and the rescue.",
        (
            Look("explorer", ViewState(knockouts=("CS",), selection="rxn:CS"), "without citrate synthase"),
            _beside(GIVEN, NO_CS, "with CS beside without CS"),
            _beside(NO_CS, FED, "without CS beside the same with 2-oxoglutarate"),
        ),
        _rescue,
        "Growth as it is, without CS, and without CS but with 2-oxoglutarate",
        "Knock-outs and uptakes of this kind were in training, this combination need not have been.",
        "Let the audience predict three bars, then show them.",
    ),
    Story(
        "loops",
        "The anticodon loop and the T-arm",
        "rna",
        "Do the parts that biology reads carry more of what the network hears of a tRNA than other places of their size?",
        "The anticodon is what the ribosome reads, and the T-arm holds the molecule together: one would look for its identity there.",
        "Attribution over bases, drawn on the cloverleaf, with the ledger by element.",
        (Look("rnaexplain", ViewState(), "what makes the tRNA like itself"), Look("rna", ViewState(selection="elem:h1"), "the anticodon loop")),
        _loops,
        "Every element: its share of the bases and of the attribution",
        "The network has seen made-up families only: it cannot know what a ribosome reads. It hears what tells families apart.",
        "h1 is the anticodon loop, h2 with the stem s3 the T-arm. In the table compare loops with stems: which carry more than their share of bases?",
    ),
    Story(
        "elements",
        "From base to element and back",
        "rna",
        "Do the messages between bases and their elements count for more than as many others?",
        "Elements were added to the graph so that a base hears its whole loop or stem in two steps. If that is used, an RNA without these messages "
        "is less like itself than one without as many messages along the chain, across pairs and between elements.",
        "The graph has the edges, the explanation over edges leaves out each kind in turn, and the gate lab takes one message apart.",
        (
            Look("rna", ViewState(settings={"rna.view": "graph"}), "the graph with its elements"),
            Look("rnaexplain", ViewState(settings={"rnaexplain.over": "edges", "rnaexplain.method": "occlusion"}), "each kind of edge left out"),
            Look("lab", ViewState(selection="base:20", settings={"lab.part": "rna"}), "one base taken apart"),
        ),
        _through,
        "What the tRNA loses of its likeness to itself without the messages of each kind of edge",
        "The network was never trained with messages missing. Masked edges are outside its training, both these and the others.",
        "Show the graph first and let the audience guess which kind of edge matters most, then the table.",
    ),
    Story(
        "hammerheads",
        "Hammerheads of two types",
        "rna",
        "Does the network find a hammerhead of one type from one of the other sooner than scores that need no training?",
        "Hammerheads of types I and III have one core in two circular orders; how long a stretch of letters two of them share is in the table. The "
        "network is given their structures, which counting 4-mers is not. So it has to be ahead of comparing structures alone, and both joined, too.",
        "The search with a hammerhead of type III, and the drawing of one of type I.",
        (
            Look("search", ViewState(rna="example:hammerhead"), "nearest to a hammerhead of type III"),
            Look("rna", ViewState(rna="example:hammerhead-1-af404041"), "one of type I"),
        ),
        _hammerheads,
        "Every way between the library's hammerheads of types III and I: the place of the second among all RNAs by nearness to the first",
        "Five RNAs are an anecdote. Figures over families are on the scoreboard.",
        "Say the caveat with the number. Compare the best and the worst row, and the columns that need no network: that is why all are shown.",
    ),
)


def story_of(key: object) -> Story:
    """The story of a key; the first for none that is known."""
    return next((story for story in STORIES if story.key == key), STORIES[0])
