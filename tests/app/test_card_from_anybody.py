"""A network that came in a file brings its own card: the page shows its words as they are and fetches nothing they name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core import storage
from core.models.checkpoint import SHIPPED
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")
IMAGE = "![](https://elsewhere.example/seen.png)"


def shown(name: str, change: Any) -> list[str]:
    """Everything on the Checkpoints page that is drawn as Markdown, for a shipped network whose card was changed."""
    folder = storage.folder("runs") / "20260101-000000-abcdef"
    content = json.loads((SHIPPED / f"{name}.json").read_bytes()) | {"name": "theirs"}
    content.pop("members", None)
    change(content)
    storage.write_bytes(folder / "theirs.safetensors", (SHIPPED / f"{name}.safetensors").read_bytes())
    storage.write_json(folder / "theirs.json", content)
    test = opened("checkpoints", **{"s.checkpoints.card": json.dumps(f"run:{folder.name}")})
    kinds = (test.markdown, test.caption, test.subheader, test.info, test.warning, test.error)
    return [str(element.value) for kind in kinds for element in kind] + [str(getattr(metric, "help", "")) for metric in test.metric]


@pytest.mark.parametrize("name", ["rna", "genome-no-messages"])
def test_words_are_shown_as_they_are(name: str) -> None:
    def change(content: dict[str, Any]) -> None:
        content["summary"] = IMAGE
        content["data"] |= {"distribution": IMAGE, "truth": IMAGE, "splits": IMAGE}
        content["limits"] = [IMAGE]
        content["baselines"] = {IMAGE: next(iter(content["baselines"].values()))}

    drawn = shown(name, change)
    assert sum("elsewhere" in text for text in drawn) >= 4
    assert not any(IMAGE in text for text in drawn)


@pytest.mark.parametrize("name", ["rna", "genome-no-messages"])
def test_words_in_the_place_of_numbers_are_an_error_and_not_drawn(name: str) -> None:
    drawn = shown(name, lambda content: content["training"].update(seed=IMAGE))
    assert any("lacks figures that cards have" in text for text in drawn)
    assert not any(IMAGE in text for text in drawn)
