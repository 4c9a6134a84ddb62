"""Where to compute: CUDA, then MPS, then the CPU, and an honest word when a wish cannot be met."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

WISHES = ("auto", "cuda", "mps", "cpu")


class DeviceChoice(NamedTuple):
    """``device`` for torch, its ``name``, and a ``message`` for the person when it is not what was asked for."""

    device: str
    name: str
    message: str | None


def available_devices() -> list[str]:
    """Devices this machine gives, best first."""
    import torch

    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def resolve_device(wish: str = "auto") -> DeviceChoice:
    """The device for a wish ('auto', 'cuda', 'mps', 'cpu').

    A wish that cannot be met gives the best device there is, with a message that says so.

    Raises:
        ValueError: the wish is none of these.
    """
    if wish not in WISHES:
        raise ValueError(f"device is {wish!r}; choose one of {', '.join(WISHES)}")
    available = available_devices()
    device = available[0] if wish == "auto" or wish not in available else wish
    message = None
    if wish not in ("auto", device):
        message = f"{wish.upper()} was asked for, but PyTorch finds none on this machine; computing on {device_name(device)} instead."
    return DeviceChoice(device, device_name(device), message)


def device_name(device: str) -> str:
    """The GPU's name, 'Apple GPU (MPS)' or 'CPU (n threads)'."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    return "Apple GPU (MPS)" if device == "mps" else f"CPU ({torch.get_num_threads()} threads)"


def autocast(device: str) -> AbstractContextManager[object]:
    """Mixed precision (bfloat16) on CUDA; nothing elsewhere. Not run on a GPU yet."""
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16) if device == "cuda" else nullcontext()
