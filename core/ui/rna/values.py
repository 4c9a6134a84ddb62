"""One number for each base, from what a person pastes or loads: a list, or rows of position and value."""

from __future__ import annotations

import math
import re

from core.errors import InputError

_MISSING = {"", "na", "nan", "n/a", "null", "none", "-"}


def read_values(text: str, n: int, what: str = "values") -> tuple[float, ...]:
    """n numbers, nan where there is none.

    Args:
        text: either one number for each base, separated by white space or commas, or one line for each base with its position
            (from 1) and its number, separated by a comma, a tab or blanks; a first line of words is left out. ``NA`` and numbers of
            -999 and less (as SHAPE files write them) mean that there is none.
        n: number of bases.
        what: the numbers in words, for errors.

    Raises:
        InputError: no numbers, another count than n, a position outside 1 to n or given twice.
    """
    rows = [[part for part in re.split(r"[,;\s]+", line.strip()) if part] for line in text.splitlines()]
    rows = [row for row in rows if row]
    if rows and all(not _is_number(part) for part in rows[0]):
        rows = rows[1:]
    if not rows:
        raise InputError(f"There are no {what}; give one number for each of the {n:,} bases, or lines of position and number.")
    pairs = len(rows) > 1 and all(len(row) >= 2 for row in rows) and all(re.fullmatch(r"\d+", row[0]) for row in rows)
    if pairs:
        found = [math.nan] * n
        seen: set[int] = set()
        for row in rows:
            place = int(row[0])
            if not 1 <= place <= n:
                raise InputError(f"The {what} name position {place:,} and the RNA has {n:,} bases; count from 1.")
            if place in seen:
                raise InputError(f"The {what} name position {place:,} twice; give each base one number.")
            seen.add(place)
            found[place - 1] = _number(row[-1], what)
        return tuple(found)
    numbers = [_number(part, what) for row in rows for part in row]
    if len(numbers) != n:
        raise InputError(f"There are {len(numbers):,} {what} for {n:,} bases; give one for each base, NA where there is none.")
    return tuple(numbers)


def _is_number(part: str) -> bool:
    if part.lower() in _MISSING:
        return True
    try:
        float(part)
    except ValueError:
        return False
    return True


def _number(part: str, what: str) -> float:
    if part.lower() in _MISSING:
        return math.nan
    try:
        number = float(part)
    except ValueError:
        raise InputError(f"{part[:40]!r} among the {what} is not a number; write NA where there is none.") from None
    if math.isinf(number):
        raise InputError(f"{part[:40]!r} among the {what} is not finite; write NA where there is none.")
    return math.nan if number <= -999 else number
