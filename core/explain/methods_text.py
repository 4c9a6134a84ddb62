"""The methods of a figure in words that can go into a paper, with what to cite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REFERENCES = {
    "captum": "Kokhlikyan N. et al. (2020) Captum: a unified and generic model interpretability library for PyTorch. arXiv:2009.07896.",
    "cobrapy": "Ebrahim A. et al. (2013) COBRApy: COnstraints-Based Reconstruction and Analysis for Python. BMC Systems Biology 7:74.",
    "torch": "Paszke A. et al. (2019) PyTorch: an imperative style, high-performance deep learning library. NeurIPS 32.",
    "pyg": "Fey M., Lenssen J.E. (2019) Fast graph representation learning with PyTorch Geometric. ICLR workshop.",
    "viennarna": "Lorenz R. et al. (2011) ViennaRNA Package 2.0. Algorithms for Molecular Biology 6:26.",
    "forgi": "Thiel B.C. et al. (2019) 3D based on 2D: calculating helix angles and stacking patterns using forgi 2.0. F1000Research 8:287.",
    "fba": "Orth J.D., Thiele I., Palsson B.O. (2010) What is flux balance analysis? Nature Biotechnology 28:245-248.",
    "pfba": "Lewis N.E. et al. (2010) Omic data from evolved E. coli are consistent with computed optimal growth. Molecular Systems Biology 6:390.",
    "core": "Orth J.D., Fleming R.M.T., Palsson B.O. (2010) Reconstruction and use of microbial metabolic networks. EcoSal Plus 4.",
    "iJO1366": "Orth J.D. et al. (2011) A comprehensive genome-scale reconstruction of Escherichia coli metabolism. Mol. Syst. Biol. 7:535.",
    "gine": "Hu W. et al. (2020) Strategies for pre-training graph neural networks. ICLR.",
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
MODELS = {"e_coli_core": "core", "iJO1366": "iJO1366"}


@dataclass(frozen=True)
class Methods:
    """``paragraphs``, and the ``references`` they call for, one line each in the order of their first use."""

    paragraphs: tuple[str, ...]
    references: tuple[str, ...]


def methods_of(manifest: Mapping[str, Any], *, card: Mapping[str, Any] | None = None, trial: bool = False, drawn: Sequence[str] = ()) -> Methods:
    """What was done, from a manifest.

    Args:
        card: of the network: how it was trained and what it was held out on.
        trial: the rankings were put on trial.
        drawn: further keys of :data:`REFERENCES` that figures call for.
    """
    rna = manifest.get("half") == "rna" or "record" in manifest or "rna" in manifest
    cited: list[str] = []
    paragraphs = [_graph(manifest, cited) if not rna else _structure(manifest, cited), _network(manifest, card, cited, rna)]
    if "method" in manifest and "words" in manifest:
        paragraphs.append(_attribution(manifest, cited))
    if trial:
        cited += ["deletion", "randomisation", "fidelity", "infidelity"]
        paragraphs.append(
            "Every ranking stood trial: its parts were masked, deleted and added back in its order and in twenty random ones; weights were drawn "
            "anew from the last layer down; and the network was asked whether it knows what it predicts. A ranking is called faithful where it "
            "moves the prediction sooner than random orders both ways by more than two standard deviations, adds up where it claims to, and changes "
            "with the weights."
        )
    cited += [*drawn, "torch"]
    versions = manifest.get("versions", {})
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    where = f"Computed by Gatescope {manifest.get('gatescope', '')} on {manifest.get('device', 'the CPU')}"
    paragraphs.append(f"{where}{f' with {listed}' if listed else ''}.")
    return Methods(tuple(paragraphs), tuple(REFERENCES[key] for key in dict.fromkeys(cited)))


def _graph(manifest: Mapping[str, Any], cited: list[str]) -> str:
    model, condition = manifest.get("model", {}), manifest.get("condition", {})
    name = str(model.get("id", "the model"))
    cited += [MODELS[name]] if name in MODELS else []
    cited += ["cobrapy", "fba", "pfba"]
    medium = condition.get("medium")
    where = "its own medium" if medium is None else f"the medium {medium!r}" if isinstance(medium, str) else "an edited medium (in the manifest)"
    lost = f", without {', '.join(condition['knockouts'])}" if condition.get("knockouts") else ""
    return (
        f"The metabolic model {name} ({_count(model, 'reactions')}, {_count(model, 'metabolites')}) under {where}{lost} was read as a hypergraph "
        "with one hyperedge for each reaction and the signed stoichiometric coefficient on each incidence. Fluxes of comparison are those of "
        "parsimonious flux balance analysis, in mmol/gDW/h."
    )


def _structure(manifest: Mapping[str, Any], cited: list[str]) -> str:
    record = manifest.get("record") or manifest.get("rna") or {}
    fold = manifest.get("fold", {})
    cited += ["viennarna", "forgi"]
    return (
        f"The RNA {record.get('id', '')} was folded with ViennaRNA at {fold.get('temperature', 37.0)} degrees Celsius (structure: "
        f"{fold.get('method', 'as given')}) and split into structural elements with forgi; bases and elements are the nodes of its graph."
    )


def _network(manifest: Mapping[str, Any], card: Mapping[str, Any] | None, cited: list[str], rna: bool) -> str:
    named = manifest.get("checkpoint", {})
    cited += ["gine", "pyg"] if rna else ["gat"]
    what = (
        "a GINE network (messages from edge features, sum, multilayer perceptron)"
        if rna
        else ("a gated hypergraph network: the message of every metabolite in every reaction is multiplied by a gate between 0 and 1")
    )
    told = f" {card['summary'].rstrip('.')}." if card and card.get("summary") else ""
    return f"Predictions are those of the network {named.get('name', '')} (weights sha256 {str(named.get('sha256', ''))[:12]}), {what}.{told}"


def _attribution(manifest: Mapping[str, Any], cited: list[str]) -> str:
    said, method = manifest["words"], str(manifest["method"])
    cited += [key for key in (method, "captum") if key in REFERENCES]
    settings = ", ".join(f"{name} {value}" for name, value in manifest.get("settings", {}).items())
    found = manifest.get("figures", {}).get("completeness")
    adds = f" The values miss the change between baseline and input by {found['relative']:.2%}." if found else ""
    return (
        f"What {said['target']} follows from was attributed to {manifest['masked']} by {_SAID.get(method, method)}"
        f"{f' ({settings})' if settings else ''}, with the baseline: {said['baseline']}.{adds} Masking a part is not the same as deleting it."
    )


def _count(of: Mapping[str, Any], what: str) -> str:
    return f"{of[what]:,} {what}" if what in of else what
