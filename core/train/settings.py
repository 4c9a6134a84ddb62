"""Training settings as plain values, from a file or a form: every name known, every value of the kind its default is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from core.errors import InputError

KINDS = {bool: (bool,), int: (int,), float: (int, float), str: (str,), dict: (dict,)}


def check_settings(default: Any, values: Mapping[str, Any], optional: Mapping[str, tuple[type, ...]]) -> None:
    """That ``values`` can be given to the dataclass of which ``default`` is one with its defaults.

    Args:
        optional: kinds of the settings whose default is None, which None fits as well.

    Raises:
        InputError: an unknown setting, or a value of another kind.
    """
    known = sorted(f.name for f in fields(default))
    for name, value in values.items():
        if name not in known:
            raise InputError(f"There is no training setting {name!r}; the settings are {', '.join(known)}.")
        usual = getattr(default, name)
        kinds = (*optional[name], type(None)) if name in optional else KINDS[type(usual)]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InputError(f"The training setting {name!r} is {value!r} and should be like {usual!r}; correct the configuration.")
