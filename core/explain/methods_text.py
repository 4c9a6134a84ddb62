"""The methods of a figure in words that can go into a paper, with what to cite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.explain.manifest import EXPLANATION, RNA

if TYPE_CHECKING:
    from core.explain.whole_trial import Trial

REFERENCES = {
    "captum": "Kokhlikyan N. et al. (2020) Captum: a unified and generic model interpretability library for PyTorch. arXiv:2009.07896.",
    "cobrapy": "Ebrahim A. et al. (2013) COBRApy: COnstraints-Based Reconstruction and Analysis for Python. BMC Systems Biology 7:74.",
    "torch": "Paszke A. et al. (2019) PyTorch: an imperative style, high-performance deep learning library. NeurIPS 32.",
    "pyg": "Fey M., Lenssen J.E. (2019) Fast graph representation learning with PyTorch Geometric. ICLR workshop.",
    "viennarna": "Lorenz R. et al. (2011) ViennaRNA Package 2.0. Algorithms for Molecular Biology 6:26.",
    "forgi": "Thiel B.C. et al. (2019) 3D based on 2D: calculating helix angles and stacking patterns using forgi 2.0. F1000Research 8:287.",
    "fba": "Orth J.D., Thiele I., Palsson B.O. (2010) What is flux balance analysis? Nature Biotechnology 28:245-248.",
    "pfba": "Lewis N.E. et al. (2010) Omic data from evolved E. coli are consistent with computed optimal growth. Molecular Systems Biology 6:390.",
    "iYS1720": "Seif Y. et al. (2018) Genome-scale metabolic reconstructions of multiple Salmonella strains reveal serovar-specific metabolic "
    "traits. Nature Communications 9:3771.",
    "core": "Orth J.D., Fleming R.M.T., Palsson B.O. (2010) Reconstruction and use of microbial metabolic networks. EcoSal Plus 4.",
    "iJO1366": "Orth J.D. et al. (2011) A comprehensive genome-scale reconstruction of Escherichia coli metabolism. Mol. Syst. Biol. 7:535.",
    "gine": "Hu W. et al. (2020) Strategies for pre-training graph neural networks. ICLR.",
    "hypergraph": "Bai S., Zhang F., Torr P.H.S. (2021) Hypergraph convolution and hypergraph attention. Pattern Recognition 110:107637.",
    "gat": "Velickovic P. et al. (2018) Graph attention networks. ICLR.",
    "integrated_gradients": "Sundararajan M., Taly A., Yan Q. (2017) Axiomatic attribution for deep networks. ICML.",
    "saliency": "Simonyan K., Vedaldi A., Zisserman A. (2014) Deep inside convolutional networks. ICLR workshop.",
    "input_x_gradient": "Shrikumar A. et al. (2016) Not just a black box. arXiv:1605.01713.",
    "deep_lift": "Shrikumar A., Greenside P., Kundaje A. (2017) Learning important features through propagating activation differences. ICML.",
    "occlusion": "Zeiler M.D., Fergus R. (2014) Visualizing and understanding convolutional networks. ECCV.",
    "shapley": "Castro J., Gomez D., Tejada J. (2009) Polynomial calculation of the Shapley value based on sampling. Comput. Oper. Res. 36.",
    "noise_tunnel": "Smilkov D. et al. (2017) SmoothGrad: removing noise by adding noise. arXiv:1706.03825.",
    "deletion": "Petsiuk V., Das A., Saenko K. (2018) RISE: randomized input sampling for explanation of black-box models. BMVC.",
    "randomisation": "Adebayo J. et al. (2018) Sanity checks for saliency maps. NeurIPS 31.",
    "fidelity": "Amara K. et al. (2022) GraphFramEx: towards systematic evaluation of explainability methods for graph neural networks. LoG.",
    "infidelity": "Yeh C.-K. et al. (2019) On the (in)fidelity and sensitivity of explanations. NeurIPS 32.",
}
_SAID = {
    "integrated_gradients": "integrated gradients along the straight path from the baseline",
    "saliency": "the gradient at the input",
    "input_x_gradient": "the gradient times the input",
    "occlusion": "taking each group away, one at a time",
    "shapley": "Shapley values from random orders",
    "deep_lift": "DeepLIFT",
    "noise_tunnel": "gradients averaged over noise",
}
MODELS = {"e_coli_core": "core", "iJO1366": "iJO1366", "iYS1720": "iYS1720"}


@dataclass(frozen=True)
class Methods:
    """``paragraphs``, and the ``references`` they call for, one line each in the order of their first use."""

    paragraphs: tuple[str, ...]
    references: tuple[str, ...]


def methods_of(manifest: Mapping[str, Any], *, card: Mapping[str, Any], trial: Trial | None = None) -> Methods:
    """What was done, from a manifest.

    Args:
        card: of the network. trial: where the rankings stood one; only what was asked in it is told.
    """
    cited: list[str] = []
    paragraphs = [(_structure if manifest["half"] == RNA else _graph)(manifest, card, cited), _network(manifest, card, cited)]
    if manifest.get("kind") == EXPLANATION:
        paragraphs.append(_attribution(manifest, cited))
    if trial is not None:
        paragraphs.append(_trial(trial, cited))
    versions = ", ".join(f"{name} {number}" for name, number in manifest.get("versions", {}).items())
    cited.append("torch")
    where = f"Computed by Gatescope {manifest.get('gatescope', '')} on {manifest.get('device', 'the CPU')}"
    paragraphs.append(f"{where}{f' with {versions}' if versions else ''}.")
    return Methods(tuple(paragraphs), tuple(REFERENCES[key] for key in dict.fromkeys(cited)))


def _graph(manifest: Mapping[str, Any], card: Mapping[str, Any], cited: list[str]) -> str:
    model, condition = manifest["model"], manifest["condition"]
    name = str(model["id"])
    cited += [MODELS[name]] if name in MODELS else []
    cited += ["cobrapy", "fba", "pfba"]
    lost = f", without {', '.join(condition['knockouts'])}" if condition.get("knockouts") else ""
    aim = f", with {condition['objective']} as the objective" if condition.get("objective") else ""
    kinetics = " Kinetic parameters of a file entered as features of the reactions." if manifest.get("kinetics") else ""
    sizes = f"{_count(model, 'reactions')}, {_count(model, 'metabolites')}"
    return (
        f"The metabolic model {name} ({sizes}) under {_medium(condition.get('medium'))}{lost}{aim} was read as a hypergraph with one hyperedge for "
        "each reaction and the signed stoichiometric coefficient on each incidence. Fluxes of comparison are those of parsimonious flux balance "
        f"analysis, in mmol/gDW/h.{kinetics}"
    )


def _medium(medium: Any) -> str:
    return "its own medium" if medium is None else f"the medium {medium!r}" if isinstance(medium, str) else "an edited medium (in the manifest)"


def _structure(manifest: Mapping[str, Any], card: Mapping[str, Any], cited: list[str]) -> str:
    record, fold = manifest["record"], manifest.get("fold", {})
    method, forgi = fold.get("method", "given"), card.get("network", {}).get("encoding", "forgi") == "forgi"
    cited += ["viennarna", *(["forgi"] if forgi else [])]
    if method == "given":
        how = f"The structure of the RNA {record['id']} was taken as given; its energy and pair probabilities are ViennaRNA's"
    else:
        how = f"The RNA {record['id']} was folded with ViennaRNA (structure: {method}), which also gave pair probabilities,"
    parts = "Bases, and the structural elements as forgi defines them, are" if forgi else "Bases are"
    return f"{how} at {fold.get('temperature', 37.0):g} degrees Celsius. {parts} the nodes of its graph."


def _network(manifest: Mapping[str, Any], card: Mapping[str, Any], cited: list[str]) -> str:
    named = manifest["checkpoint"]
    if manifest["half"] == RNA:
        cited += ["gine", "pyg"]
        what = "a GINE network: messages from the sender and the features of the edge, summed, then a multilayer perceptron"
    else:
        cited += ["hypergraph"]
        gate = {"incidence": "every metabolite in every reaction", "metabolite": "every metabolite"}.get(card.get("network", {}).get("gate", ""))
        what = "a stoichiometric hypergraph network" + (f": messages of {gate} are multiplied by a learned gate between 0 and 1" if gate else "")
        if attention := card.get("network", {}).get("attention"):
            cited.append("gat")
            what += f", and by an attention that is shared out within a {attention}"
    told = f" {card['summary'].rstrip('.')}." if card.get("summary") else ""
    return f"Predictions are those of the network {named['name']} (weights sha256 {named['sha256'][:12]}), {what}.{told}"


def _attribution(manifest: Mapping[str, Any], cited: list[str]) -> str:
    said, method, half = manifest["words"], str(manifest["method"]), manifest["half"]
    settings = manifest.get("settings", {})
    own = method == "occlusion" or bool(settings.get("chosen"))
    cited += [method, *([] if own else ["captum"])]
    found = manifest.get("figures", {}).get("completeness")
    adds = f" The values miss the change between baseline and input by {found['relative']:.2%}." if found else ""
    told = {"live": " Gates followed the masks.", "frozen": " Gates were kept as they were."}
    gates = "" if half == RNA else told.get(manifest.get("gates", ""), "")
    other = f" The other condition is {_medium(manifest['other']['medium'])}." if manifest.get("other") else ""
    return (
        f"The prediction ({said['target']}) was attributed to {manifest['masked']} by {_SAID.get(method, method)}{_how(method, settings)}; "
        f"baseline: {said['baseline']}.{other}{gates}{adds} Masking a part is not deleting it."
    )


def _how(method: str, settings: Mapping[str, Any]) -> str:
    """A method's settings, as a clause; a method without any has none."""
    if "steps" in settings:
        return f" ({settings['steps']} points, {'placed where they were needed' if settings.get('chosen') else 'Gauss-Legendre'})"
    if method == "shapley":
        return f" ({settings['orders']} orders of {settings['groups']} groups, seed {settings['seed']})"
    if method == "noise_tunnel":
        return f" ({settings['draws']} draws with noise of {settings['noise']:g}, seed {settings['seed']})"
    return ""


def _trial(trial: Trial, cited: list[str]) -> str:
    cited += ["deletion", "fidelity", "infidelity"]
    asked = [f"{trial.level}s were masked and added back in its order and in twenty random ones"]
    if trial.deletion is not None:
        asked.append("they were deleted from the graph in these orders")
    if trial.randomisation is not None:
        cited.append("randomisation")
        asked.append("weights were drawn anew from the last layer down")
    if trial.stability is not None and int(trial.stability["seeds"].iloc[0]) > 1:
        asked.append(f"it was compared over {int(trial.stability['seeds'].iloc[0])} seeds")
    if trial.control:
        asked.append(f"with that of {trial.control}, which learned from shuffled labels")
    if trial.gates is not None:
        asked.append("gates were replaced by others")
    if trial.skill is not None:
        asked.append("and the network was asked whether it knows what it predicts")
    return (
        f"Every ranking stood trial: {'; '.join(asked)}. It is called faithful where masking in its order moves the prediction sooner than random "
        "orders both ways by more than two standard deviations, it adds up where it claims to, it does not stay the same when all weights are "
        "drawn anew, and the network does not fail at what it predicts, as far as these were asked."
    )


def _count(of: Mapping[str, Any], what: str) -> str:
    return f"{of[what]:,} {what}" if what in of else what
