"""What is installed: package versions and shipped checkpoints, told without importing any of them."""

from __future__ import annotations

import json
from importlib import metadata

from core.ui.nav import ROOT

PACKAGES = ("streamlit", "torch", "torch-geometric", "cobra", "captum", "plotly", "pyvis", "forgi", "ViennaRNA")


def versions() -> dict[str, str]:
    """Installed version of each of :data:`PACKAGES`; ``not installed`` where there is none."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def checkpoint_names() -> list[str]:
    """Names of the shipped checkpoints, from their model cards."""
    cards = sorted((ROOT / "assets" / "checkpoints").glob("*.json"))
    return [card.stem for card in cards if _listed(json.loads(card.read_text(encoding="utf-8")))]


def _listed(card: dict[str, object]) -> bool:
    """Controls and ablations are kept for comparison and not offered by name."""
    return bool(card.get("listed", True))
