"""The form of a new training: data, network, training, device; what it will cost; and the button that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import InputError
from core.runs import RUN_FOLDER, start_job
from core.storage import digest_of
from core.train.saved import SETTINGS
from core.ui import device
from core.ui.background import Background, follow
from core.ui.text import duration, plain
from core.ui.train.settings import asked, fill, filled_from, key, recipes

if TYPE_CHECKING:
    from core.train.ahead import Estimate

KIND_NAMES = {"metabolic": "Metabolic network", "rna": "RNA network"}
CONDITIONS = {
    "core-conditions-v1": "1 to 3 carbon sources, glucose half of the time, oxygen absent, limited or free, up to 3 reactions knocked out.",
    "genome-conditions-v1": "Carbon, nitrogen and oxygen sources and their rates, up to 3 genes knocked out, every biomass objective of the model.",
}
SPLITS = {
    "all": ("Everything", "All nutrients and genes occur in training; the test conditions are new combinations of them."),
    "seen": (
        "All but a fifth",
        "About a fifth of the nutrients and of the genes (by the hash of their ids) is kept back from training and tested on as well.",
    ),
}
GATES = {"incidence": "per incidence", "metabolite": "per metabolite", "none": "none"}
ATTENTION = {"reaction": "within a reaction", "metabolite": "within a metabolite", "none": "none"}
ACTIVATIONS = {"gelu": "GELU", "tanh": "tanh", "silu": "SiLU", "leaky_relu": "Leaky ReLU", "identity": "identity", "relu": "ReLU"}
GROWTH = {"flux": "the objective's flux", "uptakes": "the worth of the uptakes"}
READ_FROM = (
    "Either the objective's flux is read from its own state like any other, or every limited uptake is given a worth (1/h per mmol/gDW/h) and "
    "growth is what they are worth together, as in a linear programme's optimum. Genome-scale models need the second."
)
COUPLED = (
    "A flux is read from the reaction's state in two parts: what it says of itself and, times the predicted growth, what it says a growing cell asks "
    "of it. What biomass needs then rises and falls with growth."
)
RELU = (
    "ReLU sets every negative value to zero: what reaches a reaction as consumed is lost with whatever else is negative, in every layer. The other "
    "activations keep it wholly or in part."
)
_estimates: Background[str, Estimate] = Background(kept=16)


def draw() -> None:
    """The form, and beneath it size, time and the start."""
    st.session_state.setdefault("train_kind", "metabolic")
    kind = str(st.session_state["train_kind"])
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        st.segmented_control(
            "What to train",
            list(KIND_NAMES),
            format_func=KIND_NAMES.__getitem__,
            key="train_kind",
            required=True,
            help="A metabolic network or an RNA network.",
        )
    with right:
        _fill_box()
    name = st.text_input(
        "Name", value="", key="train_name", max_chars=80, placeholder=KIND_NAMES[kind].lower(), help="How lists and links call the network."
    )
    (_metabolic if kind == "metabolic" else _rna)()
    told, base = filled_from(kind)
    if told:
        more = ", ".join(f"{setting} {value}" for setting, value in base.items())
        st.caption(plain(f"Filled in from {told}." + (f" Also set, without a field here: {more}." if more else "")))
    _device_notice(kind)
    values = asked(kind)
    if kind == "metabolic":
        _cost(values)
    else:
        st.caption("There is no estimate of the time beforehand: it is shown once the first families are folded and the first steps are made.")
    how = "The settings are checked first; the run goes on when this tab is closed, and its card has a Cancel that keeps what is done."
    if st.button("Start training", type="primary", icon=":material/play_arrow:", key="train_start", help=how):
        _start(kind, values, name or KIND_NAMES[kind].lower())


def _fill_box() -> None:
    """Fills the form with the recipe of a shipped network, where recipes are there."""
    known = recipes()
    if not known:
        return

    def take() -> None:
        name = st.session_state["train_recipe"]
        if name:
            fill("rna" if "families" in known[name] else "metabolic", known[name], f"the recipe of {name}")
        st.session_state["train_recipe"] = None

    label = "Fill in the settings of"
    st.selectbox(
        label,
        list(known),
        index=None,
        key="train_recipe",
        on_change=take,
        placeholder="a shipped network ...",
        help="The settings a shipped network was made with, to begin from.",
    )


def _metabolic() -> None:
    from core.metabolic import BUNDLED, list_uploads, model_label

    left, right = st.columns(2)
    chosen = st.session_state[key("metabolic", "model")]
    sources = list(dict.fromkeys([*(m for m in BUNDLED if m != "toy"), *(source for source, _ in list_uploads()), chosen]))
    with left:
        st.selectbox(
            "Model",
            sources,
            format_func=model_label,
            key=key("metabolic", "model"),
            help="Bundled models, and the files loaded on the Metabolic explorer's page on this computer.",
        )
        _radio("Conditions", "distribution", {name: name for name in CONDITIONS}, list(CONDITIONS.values()))
    with right:
        _number("Growth conditions to learn from", "samples", 32, 1_000_000, help="Each is a random medium with knock-outs, solved by FBA and pFBA.")
        _radio("What may occur in training", "split", {name: title for name, (title, _) in SPLITS.items()}, [text for _, text in SPLITS.values()])
    gate, place, epochs = st.columns([3, 3, 2])
    with gate:
        _segments("Gates", "network.gate", GATES, help="A gate for every metabolite in every reaction, one for every metabolite, or none.")
    with place:
        _device("metabolic")
    with epochs:
        _number("Epochs", "epochs", 1, 10_000, help="How often every condition is learned from.")
    with st.expander("More settings", icon=":material/tune:"):
        _network()
        _training()


def _network() -> None:
    st.markdown("**Network**")
    first, second = st.columns(2)
    with first:
        _segments("Attention", "network.attention", ATTENTION, help="A softmax over the incidences of a reaction, or of a metabolite.")
        _segments("Normalisation", "network.normalization", {n: n for n in ("stoichiometric", "count", "none")}, help="What a sum is divided by.")
    with second:
        _segments("Activation", "network.activation", ACTIVATIONS, help="Between the two passes of a layer, where a message may be negative.")
        how = "How a stoichiometric coefficient weighs; small coefficients of biomass need sqrt or log1p."
        _segments("Magnitude", "network.magnitude", {n: n for n in ("linear", "sqrt", "log1p")}, help=how)
    growth, coupled = st.columns(2, vertical_alignment="bottom")
    with growth:
        _segments("Growth read from", "network.growth", GROWTH, help=READ_FROM)
    with coupled:
        st.checkbox("Fluxes follow growth", key=key("metabolic", "network.coupled"), help=COUPLED)
    if st.session_state[key("metabolic", "network.activation")] == "relu":
        st.warning(RELU, icon=":material/warning:")
    hidden, heads, layers, tied = st.columns(4, vertical_alignment="bottom")
    with hidden:
        _number("Hidden width", "network.hidden", 2, 512, help="A multiple of the number of heads.")
    with heads:
        _number("Heads", "network.heads", 1, 16, help="How many sets of weights, gates and attention a layer has side by side.")
    with layers:
        _number("Layers", "network.layers", 0, 64, help="Passes there and back; without any, no message is sent.")
    with tied:
        st.checkbox("Tied weights", key=key("metabolic", "network.tied"), help="One layer's weights serve every depth.")


def _training() -> None:
    st.markdown("**Training**")
    rows = [st.columns(4, vertical_alignment="bottom") for _ in range(3)]
    with rows[0][0]:
        _number("Batch", "batch", 1, 4_096, help="Conditions of one step.")
    with rows[0][1]:
        _real("Learning rate", "learning_rate", 1e-6, 1.0, 0.0005, help="At its height: it warms up over 200 steps and falls along a half cosine.")
    with rows[0][2]:
        _real("Growth weight", "growth_weight", 0.0, 1e6, 10.0, help="Loss weight of the objective's flux against any other flux.")
    with rows[0][3]:
        _real("Steady-state weight", "steady_state", 0.0, 1e6, 0.01, help="Weight of the predicted fluxes' imbalance |S v| / |S||v|; 0 is none.")
    with rows[1][0]:
        _real("Gate sparsity", "gate_sparsity", 0.0, 1e6, 0.01, help="Weight of the mean gate: presses gates that are not needed towards 0.")
    with rows[1][1]:
        _number("Seed", "seed", 0, 2**31 - 1, help="The same seed gives the same conditions and the same starting weights.")
    with rows[1][2]:
        _number("Seeds to train", "members", 1, 20, help="An ensemble on the same conditions, counted up from the seed: an error bar on every gate.")
    with rows[1][3]:
        st.checkbox("Shuffle the labels", key=key("metabolic", "shuffle_labels"), help="A control: the truth is dealt out to other conditions.")
    with rows[2][0]:
        _number("Validation conditions", "validation", 2, 100_000, help="Choose which epoch's weights are kept.")
    with rows[2][1]:
        _number("Test conditions", "test", 2, 100_000, help="Only looked at once, at the end.")
    if st.session_state[key("metabolic", "split")] == "seen":
        with rows[2][2]:
            _number("Held-out conditions", "held_out", 2, 100_000, help="Of each kind: with a held-out nutrient, gene, both.")


def _rna() -> None:
    st.caption("Families of random RNAs folded by ViennaRNA: relatives share a structure, shuffles do not. The network learns to tell them apart.")
    encoding, place, families, epochs = st.columns([2, 3, 2, 2], vertical_alignment="bottom")
    with encoding:
        st.segmented_control(
            "Encoding",
            ["forgi", "standard"],
            key=key("rna", "encoding"),
            required=True,
            help="FORGI: bases and structural elements are nodes; standard: bases alone.",
        )
    with place:
        _device("rna")
    with families:
        _number("Families to learn from", "families", 128, 100_000, kind="rna")
    with epochs:
        _number("Epochs", "epochs", 1, 10_000, kind="rna")
    with st.expander("More settings", icon=":material/tune:"):
        validation, test, seed, members, shuffled = st.columns(5, vertical_alignment="bottom")
        with validation:
            _number("Validation families", "validation", 1, 10_000, kind="rna")
        with test:
            _number("Test families", "test", 1, 10_000, kind="rna")
        with seed:
            _number("Seed", "seed", 0, 2**31 - 1, kind="rna")
        with members:
            _number("Seeds to train", "members", 1, 20, kind="rna", help="An ensemble on the same families, counted up from the seed.")
        with shuffled:
            st.checkbox("Shuffle the labels", key=key("rna", "shuffle_labels"), help="A control: who is related to whom is dealt out at random.")


def _device(kind: str) -> None:
    st.segmented_control(
        "Device", list(device.WISHES), format_func=device.WISHES.__getitem__, key=_device_key(kind), required=True, help="Where the training runs."
    )


def _device_key(kind: str) -> str:
    """At first what the sidebar asks for."""
    st.session_state.setdefault(f"train_{kind}_device", device.wish())
    return key(kind, "device")


def _device_notice(kind: str) -> None:
    """Where a wish cannot be met; asking costs the import of PyTorch, so only where there is a wish."""
    wish = st.session_state[_device_key(kind)]
    if wish in ("auto", "cpu"):
        return
    from core.models.device import resolve_device

    if message := resolve_device(wish).message:
        st.warning(plain(message), icon=":material/memory:")


def _cost(values: dict[str, Any]) -> None:
    """Number of parameters, and how long it will take once that was measured."""
    asked_for = digest_of(**values)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="train_cost"):
        _parameters(values["network"])
        if _estimates.job(asked_for) is None and _estimates.result(asked_for) is None:
            how = "Solves a few conditions and takes a few steps with these settings: seconds on a small model, up to a minute on a large one."
            if st.button("Measure the time", icon=":material/timer:", key="train_measure", help=how):
                _estimates.start(asked_for, lambda job: _measured(values, job))
                st.rerun()
    if _estimates.job(asked_for) is not None:
        follow(_estimates, asked_for, "train_measuring")
    found = _estimates.result(asked_for)
    if found is not None:
        st.markdown(plain(in_words(found)))


def _measured(values: dict[str, Any], job: Any) -> Estimate:
    from core.train.ahead import measure

    return measure(values, on_progress=job.told, should_stop=job.stopped)


def in_words(found: Estimate) -> str:
    """The estimate in two sentences."""
    return (
        f"About {duration(found.sampling + found.training)}: {duration(found.sampling)} to solve {found.conditions:,} conditions "
        f"({1000 * found.solve_seconds:.1f} ms each, {found.processes} at a time) and {duration(found.training)} for {found.steps:,} training steps "
        f"({1000 * found.step_seconds:.0f} ms each) with {found.validations:,} validations; the evaluation at the end comes on top. "
        "Measured just now: other work on this computer makes it longer."
    )


def _parameters(network: dict[str, Any]) -> None:
    """The number of parameters; PyTorch is needed to build the network and is waited for without holding up the page."""
    waiting = device.known() is None

    def show() -> None:
        if device.known() is None:
            st.markdown("Parameters: counting ...")
            device.warm_up()
            return
        if waiting:
            st.rerun()
        try:
            st.markdown(f"Parameters: **{_count(network):,}**")
        except InputError as error:
            st.error(plain(str(error)))

    st.fragment(show, run_every=1.5 if waiting else None)()


@st.cache_data(max_entries=64, show_spinner=False)
def _count(network: dict[str, Any]) -> int:
    from core.train.ahead import parameters

    return parameters(network)


def _start(kind: str, values: dict[str, Any], name: str) -> None:
    """Starts the run, or says in one sentence why it cannot; the form stays as it is."""
    try:
        with st.spinner("Checking the settings ..."):
            _check(kind, values)
    except InputError as error:
        st.error(plain(str(error)))
        return
    arguments = ["train", kind, "--config", f"{RUN_FOLDER}/{SETTINGS}", "--out", RUN_FOLDER]
    run = start_job(f"train-{kind}", arguments, name=name, files={SETTINGS: values})
    st.session_state["train_opened"] = run.id
    st.rerun()


def _check(kind: str, values: dict[str, Any]) -> None:
    if kind == "metabolic":
        from core.train.ahead import check

        check(values)
    else:
        from core.train.rna import RnaTrainConfig

        RnaTrainConfig.from_dict(values)


def _number(label: str, name: str, low: int, high: int, *, kind: str = "metabolic", help: str | None = None) -> None:
    st.number_input(label, low, high, step=1, key=key(kind, name), help=help)


def _real(label: str, name: str, low: float, high: float, step: float, *, help: str | None = None) -> None:
    st.number_input(label, low, high, step=step, format="%g", key=key("metabolic", name), help=help)


def _segments(label: str, name: str, options: dict[str, str], *, help: str | None = None) -> None:
    st.segmented_control(label, list(options), format_func=options.__getitem__, key=key("metabolic", name), required=True, help=help)


def _radio(label: str, name: str, options: dict[str, str], captions: list[str]) -> None:
    told = "The lines below each choice say what it is."
    st.radio(label, list(options), format_func=options.__getitem__, captions=captions, key=key("metabolic", name), help=told)
