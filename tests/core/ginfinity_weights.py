"""Random weights in GINFINITY's published format: its own are not ours to ship."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import torch

CONFIG = {
    "hidden": 12,
    "layers": 3,
    "out_dim": 5,
    "dropout": 0.1,
    "struct_feature": "A",
    "positional": True,
    "residual": True,
    "train_eps": True,
    "edge_dim": 10,
    "extra_edges": ("skip2",),
}


def random_state(config: dict[str, Any], seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights in the published names and shapes; statistics and scales far from those of an untrained network."""
    draw = torch.Generator().manual_seed(seed)
    h, out = config["hidden"], config["out_dim"]

    def linear(name: str, rows: int, columns: int) -> dict[str, torch.Tensor]:
        weight = torch.randn(rows, columns, generator=draw) / columns**0.5
        return {f"{name}.weight": weight, f"{name}.bias": torch.randn(rows, generator=draw) / 2}

    state = linear("input", h, 7)
    for layer in range(config["layers"]):
        name = f"convs.{layer}"
        state |= {f"{name}.eps": torch.randn(1, generator=draw) / 2} | linear(f"{name}.edge_lin", h, 10) | linear(f"{name}.mlp.0", 2 * h, h)
        state |= {f"{name}.mlp.1.{part}": torch.randn(2 * h, generator=draw) for part in ("weight", "bias", "running_mean")}
        state |= {f"{name}.mlp.1.running_var": torch.rand(2 * h, generator=draw) + 0.2, f"{name}.mlp.1.num_batches_tracked": torch.tensor(7)}
        state |= linear(f"{name}.mlp.4", h, 2 * h)
        state |= {f"norms.{layer}.{part}": torch.randn(h, generator=draw) for part in ("weight", "bias")}
    return state | linear("head.0", h, h) | linear("head.2", out, h)


def archive(content: Any) -> bytes:
    """A weights file as PyTorch writes it."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return file.getvalue()
