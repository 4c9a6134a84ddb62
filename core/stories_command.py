"""What ``python -m core stories`` does: the findings of the guided stories, the same that the page shows, as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from core.errors import InputError
from core.explain.outcomes import Finding
from core.models import resolve_device
from core.storage import write_bytes, write_json
from core.ui.stories.scripts import STORIES


def tell_stories(
    keys: Sequence[str],
    folder: Path,
    *,
    device: str = "auto",
    on_notice: Callable[[str], None] = print,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> tuple[dict[str, Finding], list[Path]]:
    """Writes stories.csv (outcome and reason), numbers.json, and the table of each as <key>.csv into ``folder``.

    Args:
        keys: of the stories; all when empty.

    Raises:
        InputError: there is no such story.
    """
    known = {story.key: story for story in STORIES}
    if unknown := [key for key in keys if key not in known]:
        raise InputError(f"There is no story {unknown[0]!r}; choose from {', '.join(known)}.")
    place = resolve_device(device)
    if place.message:
        on_notice(place.message)
    chosen = [known[key] for key in keys or known]
    found: dict[str, Finding] = {}
    for i, story in enumerate(chosen):
        if on_progress is not None:
            on_progress(story.title, i, len(chosen))
        found[story.key] = story.find_out(place.device)
    outcomes = pd.DataFrame(
        [{"story": s.key, "network": s.network, "question": s.question, "outcome": found[s.key].words, "reason": found[s.key].reason} for s in chosen]
    )
    written = [write_bytes(folder / "stories.csv", outcomes.to_csv(index=False).encode())]
    written.append(write_json(folder / "numbers.json", {key: one.numbers for key, one in found.items()}))
    written += [write_bytes(folder / f"{key}.csv", one.table.to_csv(index=False).encode()) for key, one in found.items()]
    return found, written
