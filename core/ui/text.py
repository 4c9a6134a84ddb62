"""Small things said in words."""

from __future__ import annotations

import time


def plain(text: str) -> str:
    """Text from outside (names, links, messages), with Markdown's own characters escaped so that it shows as it is."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-!|~$:&" else c for c in text)


def size(count: int) -> str:
    """Bytes in the unit that suits them: ``532 B``, ``1.4 kB``, ``23.0 MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds in words: ``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(unix: float) -> str:
    """A point in time on this computer's clock, to the minute."""
    return time.strftime("%d %b %Y, %H:%M", time.localtime(unix))
