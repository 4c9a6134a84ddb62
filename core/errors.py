"""The errors a person meets: each is one sentence with the cause and the remedy."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """Input that cannot be used. ``str(error)`` is one plain sentence naming the cause and the remedy."""


class MissingObjective(InputError):
    """A model without an objective function; ``candidates`` are reaction ids that may serve as one, likeliest first."""

    def __init__(self, message: str, candidates: Sequence[str]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class DeviceError(InputError):
    """A compute device was asked for that this machine cannot give."""


class Cancelled(Exception):
    """The person asked a long computation to stop; what was finished before stays valid."""
