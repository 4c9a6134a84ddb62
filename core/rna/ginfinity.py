"""GINFINITY's published network as a second encoder of RNAs, from a file the user has; none of it comes with Gatescope.

GINFINITY (its maintainers, versions 1.x on PyPI) gives a vector for every nucleotide. The weights are read into a network of our own,
:class:`core.models.nucleotide_gine.NucleotideGine`, and their licence is theirs: :data:`LICENCE`.
"""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.errors import InputError
from core.rna.embedding import Embeddings, embed_levels
from core.rna.ginfinity_kept import GINFINITY
from core.rna.reading import clean
from core.rna.records import RnaRecord
from core.storage import digest, digest_of, read_given

if TYPE_CHECKING:
    from torch import Tensor

    from core.models.checkpoint import Card
    from core.models.nucleotide_gine import NucleotideGine, NucleotideGineConfig


class Licence(NamedTuple):
    """``name``, a ``statement`` of what it asks, for people, and the line of ``credit`` it asks for."""

    name: str
    statement: str
    credit: str


LICENCE = Licence(
    "CC BY-NC 4.0",
    "GINFINITY's weights, and vectors computed with them, are under the Creative Commons licence Attribution-NonCommercial 4.0: use them for "
    "non-commercial purposes only, and credit GINFINITY and its maintainers wherever you show or pass on what they gave.",
    "GINFINITY by the GINFINITY maintainers (https://github.com/nicoaira/GINFINITY), CC BY-NC 4.0",
)

CHECKSUMS = {"7e9cd61028c4d2ab3c50c475774aef233f3e3799690469e8c82df74ce46c3754": "1.0.0 to 1.2.2"}
"""sha256 of a weights file, and the versions of the package that hold it."""

WEIGHTS = "ginfinity/data/encoder.pt"
"""Where the wheel has its weights."""
MAX_BYTES = 8 * 2**20
"""Largest file, and largest weights file inside a wheel, bytes; either has 1.2 million."""

POOLINGS = {
    "mean": "mean of the vectors of the bases, compared by cosine",
    "mean_std": "mean of the vectors of the bases, then their standard deviation, compared by L1 distance",
}
"""How an RNA's vector comes from its bases'. GINFINITY gives vectors of bases alone, and leaves this to the user."""

_LEVELS = {"rna": POOLINGS["mean"], "element": "mean of the vectors of the element's bases", "base": "the network's own output, of unit length"}
_LIMITS = (
    "It knows A, C, G, U and nested pairs: an N counts as a quarter of each base, and pairs of pseudoknots are left out.",
    "It sees one structure: where that is wrong, so is the vector.",
)
_ARCHITECTURE = {"struct_feature": "A", "positional": True, "residual": True, "edge_dim": 10, "extra_edges": ("skip2",)}
"""What a checkpoint has to say of itself for our network to compute the same."""
_WANTED = f"give the wheel of GINFINITY {' or '.join(CHECKSUMS.values())}, or the {WEIGHTS.rpartition('/')[2]} inside it"
_BATCH_NORM_EPS = 1e-5


def open_ginfinity(path: Path, *, accept_licence: bool) -> tuple[NucleotideGine, Card]:
    """GINFINITY's network from a file, on the CPU and in evaluation mode, and a card that says what it is.

    Only a file whose weights have one of :data:`CHECKSUMS` is unpacked, and nothing of it is run.

    Args:
        path: the package's wheel, or the weights file inside it.
        accept_licence: that the user has read and accepts :data:`LICENCE`.

    Raises:
        InputError: the licence was not accepted; there is no such file, it is too large, damaged or something else; unknown weights.
    """
    from core.models.checkpoint import Card

    name = clean(path.name) or str(path)
    weights = known_weights(path, accept_licence=accept_licence)
    checksum = digest(weights)
    try:
        network, parameters = _network(weights)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"The weights in {name} cannot be read as GINFINITY's ({type(error).__name__}); {_WANTED}.") from None
    content = {
        "name": GINFINITY,
        "kind": "rna",
        "version": CHECKSUMS[checksum],
        "network": network.config.to_dict(),
        "parameters": parameters,
        "licence": LICENCE._asdict(),
        "levels": dict(_LEVELS),
        "limits": list(_LIMITS),
    }
    summary = f"GINFINITY {CHECKSUMS[checksum]}: GINE network on the nucleotides of an RNA and its nested pairs, trained by its maintainers."
    return network, Card(GINFINITY, "rna", summary, content, checksum)


def known_weights(source: Path | bytes, name: str = "", *, accept_licence: bool) -> bytes:
    """The bytes of GINFINITY's weights file, where they have one of :data:`CHECKSUMS`; nothing of them is unpacked.

    Args:
        source: path or contents of the package's wheel, or of the weights file inside it; name: of contents, for sentences.
        accept_licence: that the user has read and accepts :data:`LICENCE`.

    Raises:
        InputError: as :func:`open_ginfinity`.
    """
    if not accept_licence:
        raise InputError(f"GINFINITY's weights are under {LICENCE.name} (non-commercial use, with credit); accept this licence to open them.")
    if isinstance(source, Path):
        name = source.name or str(source)
    name = clean(name) or "The file"
    too_large = InputError(f"{name} is larger than {MAX_BYTES // 2**20} MiB and no file of GINFINITY; {_WANTED}.")
    data = read_given(source, name, limit=MAX_BYTES, too_large=too_large) if isinstance(source, Path) else source
    if len(data) > MAX_BYTES:
        raise too_large
    weights = _weights(data, name)
    checksum = digest(weights)
    if checksum not in CHECKSUMS:
        known = " or ".join(f"{sha} ({version})" for sha, version in CHECKSUMS.items())
        raise InputError(f"The weights in {name} are none that Gatescope knows: their sha256 is {checksum}, known is {known}; {_WANTED}.")
    return weights


def embed_ginfinity(
    records: Sequence[RnaRecord],
    opened: tuple[NucleotideGine, Card],
    *,
    pooling: str = "mean",
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> dict[str, Embeddings]:
    """Vectors of RNAs, elements and bases by GINFINITY, by level, as :func:`core.rna.embedding.embed_levels` gives them.

    Args:
        records: a record without a structure is folded by ViennaRNA (minimum free energy, 37 °C); N and pseudoknots come with a notice.
        opened: what :func:`open_ginfinity` gave.
        pooling: of :data:`POOLINGS`; "mean" gives an RNA 128 numbers, "mean_std" 256.
        device, batch_size, on_progress, should_stop, executor: as for :func:`core.rna.embedding.embed_levels`.

    Raises:
        InputError: as for ``embed_levels``; an unknown pooling, or an RNA longer than the network reads.
        Cancelled: ``should_stop`` said so.
    """
    if pooling not in POOLINGS:
        raise InputError(f"There is no pooling {pooling!r}; choose one of {', '.join(POOLINGS)}.")
    found = embed_levels(
        records,
        checkpoint=opened,
        device=device,
        batch_size=batch_size,
        on_progress=on_progress,
        should_stop=should_stop,
        executor=executor,
    )
    return found if pooling == "mean" else {**found, "rna": _mean_std(found, records)}


def _mean_std(found: Mapping[str, Embeddings], records: Sequence[RnaRecord]) -> Embeddings:
    """[N, 2 D]: mean and standard deviation (over n) of each RNA's bases."""
    bases = np.split(found["base"].vectors, np.cumsum([record.length for record in records])[:-1])
    plain = found["rna"]
    manifest = {
        **plain.manifest,
        "key": digest_of(mean=plain.manifest["key"], pooling="mean_std"),
        "levels": {**plain.manifest["levels"], "rna": POOLINGS["mean_std"]},
    }
    return replace(plain, vectors=np.stack([np.concatenate([own.mean(0), own.std(0)]) for own in bases]), manifest=manifest)


def _weights(data: bytes, name: str) -> bytes:
    """The weights file in a wheel, or the file itself where it is an archive as PyTorch writes them."""
    if not data.startswith(b"PK"):
        raise InputError(f"{name} is neither a wheel nor a weights file of GINFINITY; {_WANTED}.")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.namelist()
            if WEIGHTS in entries:
                with archive.open(WEIGHTS) as stream:
                    data = stream.read(MAX_BYTES + 1)  # what the archive says of its sizes need not be true
            elif not any(entry.endswith("/data.pkl") for entry in entries):
                raise InputError(f"{name} holds no weights of GINFINITY ({WEIGHTS}); {_WANTED}.")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is damaged or cut off; download it again, then {_WANTED}.") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} unpacks to more than GINFINITY's weights take (a decompression bomb?); {_WANTED}.")
    return data


def _network(weights: bytes) -> tuple[NucleotideGine, int]:
    """The network with these weights, and the number of its parameters as published. Reads tensors and plain values, and runs nothing."""
    import torch

    from core.models.nucleotide_gine import NucleotideGine, NucleotideGineConfig
    from core.rna.nucleotide_graph import NUCLEOTIDE_FEATURES, RELATIONS

    stored = torch.load(BytesIO(weights), map_location="cpu", weights_only=True)
    told, state = dict(stored["cfg"]), stored["state_dict"]
    other = [name for name, value in _ARCHITECTURE.items() if (tuple(told[name]) if isinstance(value, tuple) else told[name]) != value]
    if other:
        raise ValueError(f"another architecture: {', '.join(other)}")
    config = NucleotideGineConfig(len(NUCLEOTIDE_FEATURES), len(RELATIONS), told["hidden"], told["out_dim"], told["layers"])
    network = NucleotideGine(config)
    network.load_state_dict(_converted(state, config))
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    parameters = sum(tensor.numel() for name, tensor in state.items() if not name.endswith(statistics))
    return network.eval().requires_grad_(False), parameters


def _converted(state: Mapping[str, Tensor], config: NucleotideGineConfig) -> dict[str, Any]:
    """Published names to ours.

    An edge's one-hot features meet a matrix of ten columns, of which its graphs use the first six: each becomes, with the bias, the vector
    of a relation. Batch normalisation, which after training is a scale and a shift per unit, goes into the linear map before it.
    """
    made = {f"lin_in.{part}": state[f"input.{part}"] for part in ("weight", "bias")}
    made |= {f"head.{place}.{part}": state[f"head.{place}.{part}"] for place in (0, 2) for part in ("weight", "bias")}
    for layer in range(config.layers):
        made |= {f"norms.{layer}.{part}": state[f"norms.{layer}.{part}"] for part in ("weight", "bias")}
        old = {name: state[f"convs.{layer}.mlp.{name}"].double() for name in ("0.weight", "0.bias", "1.weight", "1.bias")}
        mean, variance = (state[f"convs.{layer}.mlp.1.running_{name}"].double() for name in ("mean", "var"))
        scale = old["1.weight"] / (variance + _BATCH_NORM_EPS).sqrt()
        edges = state[f"convs.{layer}.edge_lin.weight"], state[f"convs.{layer}.edge_lin.bias"]
        made |= {
            f"convs.{layer}.eps": state[f"convs.{layer}.eps"],
            f"convs.{layer}.relation": edges[0].T[: config.relations] + edges[1],
            f"convs.{layer}.mlp.0.weight": (scale[:, None] * old["0.weight"]).float(),
            f"convs.{layer}.mlp.0.bias": (scale * (old["0.bias"] - mean) + old["1.bias"]).float(),
            **{f"convs.{layer}.mlp.2.{part}": state[f"convs.{layer}.mlp.4.{part}"] for part in ("weight", "bias")},
        }
    return made
