"""What the tests of several pages do."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def opened(page: str, **query: str) -> AppTest:
    """A page under an address's parameters, drawn without an exception."""
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params.update(query)
    test.run()
    test.switch_page(f"pages/{page}.py").run()
    assert not test.exception
    return test
