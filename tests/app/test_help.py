"""Every control says in the field's words what it is for."""

from __future__ import annotations

import pytest

from core.ui.nav import PAGES
from tests.app.steps import opened

CONTROLS = (
    "selectbox",
    "multiselect",
    "number_input",
    "slider",
    "text_input",
    "text_area",
    "toggle",
    "checkbox",
    "radio",
    "button_group",
    "select_slider",
    "file_uploader",
)


@pytest.mark.parametrize("page", [entry.path for entry in PAGES])
def test_every_control_has_its_help(page: str) -> None:
    test = opened(page)
    silent = []
    for kind in CONTROLS:
        for control in test.get(kind):
            proto = getattr(control, "proto", None)
            label = getattr(proto, "label", "") or getattr(control, "label", "")
            if not getattr(proto, "help", ""):
                silent.append(f"{kind}: {label}")
    assert silent == []
