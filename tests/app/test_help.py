"""Every control says in the field's words what it is for."""

from __future__ import annotations

import ast

import pytest

from core.ui.nav import PAGES
from tests.app.steps import ROOT, opened

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
    "button",
    "download_button",
    "page_link",
)
CALLED = ("button", "download_button", "form_submit_button", "link_button", "popover", "page_link")


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
    silent += [f"popover: {block.proto.popover.label}" for block in test.get("popover") if not block.proto.popover.help]
    assert silent == []
    assert len(test.get("page_link")) >= len(PAGES)


def test_the_buttons_that_come_later_have_it_too() -> None:
    """Most buttons are drawn only after something was done: the source tells of them all."""
    found, silent = 0, []
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "core/ui").rglob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in CALLED:
                found += 1
                told = next((word.value for word in call.keywords if word.arg == "help"), ast.Constant(None))
                if isinstance(told, ast.Constant) and not told.value:
                    silent.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert found > 90
    assert silent == []
