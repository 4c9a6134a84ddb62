"""What is installed: package versions and shipped checkpoints, told without importing any of them."""

from __future__ import annotations

from importlib import metadata

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
    """Names of the shipped checkpoints, controls and ablations left out."""
    from core.models import list_checkpoints

    return list_checkpoints()
