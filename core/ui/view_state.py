"""What a person is looking at, as one frozen value: it is the URL, the session file and the undo stack.

Nothing here touches Streamlit, so all of it is tested without a browser; :mod:`core.ui.state` ties it to a session.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from core.errors import InputError
from core.storage import digest_of

SCHEMA = 1
"""Version of the JSON a session file holds."""

VIEWS = ("overview", "pathway", "neighbourhood", "matrix")
CURRENCY_MODES = ("hidden", "cloned", "shown")
COLOURS = ("gate", "attention", "message", "flux", "subsystem")
SELECTION_KINDS = ("rxn", "met", "gene", "sub", "base", "elem")
MAX_HOPS = 4
MAX_TEXT = 200
MAX_ITEMS = 500
OWN_MEDIUM = "own"
"""The model's own medium as ``medium_b``, where None leaves the choice to the page."""

Setting = str | int | float | bool | None

_ID = re.compile(r"[^\s,:<>\"'`\\]{1,200}")
_UPLOAD = re.compile(r"upload:[0-9a-f]{64}")
_RUN = re.compile(r"run:[\w.-]{1,80}")
_EXAMPLE = re.compile(r"example:[\w.-]{1,80}")


@dataclass(frozen=True)
class ViewState:
    """One view of one model under one condition, and of one RNA.

    Attributes:
        model: a bundled name or ``upload:<sha256>`` of a file kept among the uploads.
        medium: a named medium, a dict of uptake bounds (exchange reaction id to mmol/gDW/h), or None for the model's own.
        knockouts: gene or reaction ids.
        objective: a reaction id, or None for the model's own.
        checkpoint: the trained network's name, or ``run:<run id>`` of one trained on this computer.
        selection: an entity id such as ``rxn:PFK``, ``met:atp_c``, ``gene:b3916``, ``sub:Glycolysis``, ``base:12`` or ``elem:s0``.
        view: one of :data:`VIEWS`; subsystem: the pathway shown; hops: the reach of a neighbourhood.
        currency_mode: one of :data:`CURRENCY_MODES`; currency: ids of the metabolites meant, or None for the hubs by degree.
        colour_by: one of :data:`COLOURS`; layer, head: counted from 0, None for the mean over them.
        compartment, gene, search: filters of the tables.
        rna: ``example:<id>`` of a bundled RNA, or ``upload:<sha256>`` of a text kept among the uploads.
        rna_record: which of its records, counted from 0. rna_net: the trained network that reads it, named as ``checkpoint`` is.
        medium_b, knockouts_b, checkpoint_b: the condition B that is compared; as ``medium``, ``knockouts`` and ``checkpoint``, but None for
            ``medium_b`` is one of the model's named media other than A's, :data:`OWN_MEDIUM` the model's own; None for ``checkpoint_b`` is A's.
        media: names or exchange ids of the media of the matrix, or None for the model's named media.
        settings: anything else a page keeps, as ``<page>.<name>`` to a plain value.
    """

    model: str = "e_coli_core"
    medium: str | Mapping[str, float] | None = None
    knockouts: tuple[str, ...] = ()
    objective: str | None = None
    checkpoint: str = "core"
    selection: str | None = None
    view: str = "overview"
    subsystem: str | None = None
    hops: int = 1
    currency_mode: str = "hidden"
    currency: tuple[str, ...] | None = None
    colour_by: str = "gate"
    layer: int | None = None
    head: int | None = None
    compartment: str | None = None
    gene: str | None = None
    search: str | None = None
    rna: str = "example:trna-phe"
    rna_record: int = 0
    rna_net: str = "rna"
    medium_b: str | Mapping[str, float] | None = None
    knockouts_b: tuple[str, ...] = ()
    checkpoint_b: str | None = None
    media: tuple[str, ...] | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> str:
        """sha256 of every field: equal views have equal keys, whatever the order of their media and settings."""
        return digest_of(schema=SCHEMA, view=asdict(self))

    def to_query(self) -> dict[str, str]:
        """The fields that differ from their defaults, as short URL parameters; with another model than the default also the network.

        A link that names a model and no network asks for the one that knows the model best, which depends on the networks that are here.
        """
        default, query = ViewState(), {}
        for name, codec in _CODECS.items():
            value = getattr(self, name)
            if value != getattr(default, name) or (name == "checkpoint" and self.model != default.model):
                query[codec.parameter] = codec.write(value)
        for name, setting in sorted(self.settings.items()):
            query[f"s.{name}"] = json.dumps(setting)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> tuple[ViewState, list[str]]:
        """The view a URL asks for and one sentence per parameter that could not be used (its default stands)."""
        values: dict[str, Any] = {}
        notices = []
        for name, codec in _CODECS.items():
            if codec.parameter in query:
                try:
                    values[name] = codec.read(query[codec.parameter])
                except (ValueError, TypeError) as error:
                    notices.append(f"The link's {codec.parameter} was left out: {error}.")
        settings: dict[str, Setting] = {}
        for parameter, text in query.items():
            if parameter.startswith("s."):
                try:
                    settings[_identifier(parameter[2:])] = _setting(json.loads(text))
                except (ValueError, TypeError, RecursionError):
                    notices.append(f"The link's setting {parameter[2:][:40]!r} was left out: it is not a plain value.")
        return cls(**values, settings=settings), notices

    def to_json(self) -> str:
        """The view as a session file's text."""
        return json.dumps({"schema": SCHEMA, "view": asdict(self)}, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> ViewState:
        """The view a session file holds.

        Raises:
            InputError: not a session file, one of a newer schema, or one with a value that cannot be used.
        """
        try:
            document = json.loads(text)
            schema, view = document["schema"], dict(document["view"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError("This is not a Gatescope session file; choose one saved with 'Save session'.") from None
        if schema != SCHEMA:
            raise InputError(
                f"The session file has schema {str(schema)[:20]!r} and this version reads {SCHEMA}; open it with the version that wrote it."
            )
        known = {f.name for f in fields(cls)}
        try:
            values = {name: _CODECS[name].check(value) for name, value in view.items() if name in known and name != "settings"}
            values["settings"] = {_identifier(name): _setting(value) for name, value in dict(view.get("settings", {})).items()}
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(f"The session file holds a value that cannot be used: {error}.") from None
        return cls(**values)


class History:
    """A bounded undo and redo stack around a current view."""

    def __init__(self, now: ViewState, limit: int = 100) -> None:
        self.now = now
        self.limit = limit
        self._past: list[ViewState] = []
        self._future: list[ViewState] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def push(self, view: ViewState) -> bool:
        """Makes ``view`` the current one; False, and nothing recorded, when it already is."""
        if view == self.now:
            return False
        self._past = [*self._past, self.now][-self.limit :]
        self._future = []
        self.now = view
        return True

    def undo(self) -> ViewState:
        """Goes one step back; stays where it is at the beginning."""
        if self._past:
            self._future.append(self.now)
            self.now = self._past.pop()
        return self.now

    def redo(self) -> ViewState:
        """Takes the last undo back; stays where it is when there is none."""
        if self._future:
            self._past.append(self.now)
            self.now = self._future.pop()
        return self.now

    def go(self, view: ViewState) -> ViewState:
        """Follows the browser's own back and forward: undo or redo when the neighbouring step is ``view``, else a new step."""
        if self._past and self._past[-1] == view:
            return self.undo()
        if self._future and self._future[-1] == view:
            return self.redo()
        self.push(view)
        return self.now


def is_parameter(name: str) -> bool:
    """Whether a URL parameter belongs to the view (others are left alone)."""
    return name.startswith("s.") or any(codec.parameter == name for codec in _CODECS.values())


def with_changes(view: ViewState, changes: Mapping[str, Any]) -> ViewState:
    """``view`` with some fields replaced, each checked; ``settings`` are merged, None removing one.

    Raises:
        TypeError: an unknown field. ValueError: a value the field cannot hold.
    """
    unknown = set(changes) - set(_CODECS) - {"settings"}
    if unknown:
        raise TypeError(f"a view has no field {', '.join(sorted(unknown))}")
    checked = {name: _CODECS[name].check(value) for name, value in changes.items() if name != "settings"}
    if "settings" in changes:
        merged = {**view.settings, **changes["settings"]}
        checked["settings"] = {_identifier(name): _setting(value) for name, value in merged.items() if value is not None}
    return replace(view, **checked)


@dataclass(frozen=True)
class _Codec:
    """How one field becomes URL text (``write``), comes back (``read``) and is checked (``check``)."""

    parameter: str
    check: Callable[[Any], Any]
    write: Callable[[Any], str] = str
    parse: Callable[[str], Any] = str

    def read(self, text: str) -> Any:
        return self.check(self.parse(text))


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{str(value)[:40]!r} is not an id")
    return value


def _model(value: Any) -> str:
    if isinstance(value, str) and _UPLOAD.fullmatch(value):
        return value
    return _identifier(value)


def _rna(value: Any) -> str:
    if not isinstance(value, str) or not (_UPLOAD.fullmatch(value) or _EXAMPLE.fullmatch(value)):
        raise ValueError(f"{str(value)[:40]!r} is not an RNA such as example:trna-phe")
    return value


def _network(value: Any) -> str:
    if isinstance(value, str) and _RUN.fullmatch(value):
        return value
    return _identifier(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
        raise ValueError(f"{str(value)[:40]!r} is not a short text")
    return value


def _entity(value: Any) -> str:
    kind, separator, name = _text(value).partition(":")
    if kind not in SELECTION_KINDS or not separator or not name:
        raise ValueError(f"{value[:40]!r} is not an entity such as rxn:PFK or met:atp_c")
    return str(value)


def _identifiers(value: Any) -> tuple[str, ...]:
    items = tuple(_identifier(item) for item in value)
    if len(items) > MAX_ITEMS:
        raise ValueError(f"it lists {len(items)} ids and at most {MAX_ITEMS} are read")
    return tuple(dict.fromkeys(items))


def _names(value: Any) -> tuple[str, ...]:
    items = tuple(_text(item) for item in value)
    if len(items) > MAX_ITEMS or any("," in item for item in items):
        raise ValueError(f"it is not a list of at most {MAX_ITEMS} names without commas")
    return tuple(dict.fromkeys(items))


def _medium(value: Any) -> str | dict[str, float]:
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, Mapping) or len(value) > MAX_ITEMS:
        raise ValueError("a medium is a name or uptake bounds")
    medium = {_identifier(exchange): float(bound) for exchange, bound in value.items()}
    for exchange, bound in medium.items():
        if not math.isfinite(bound) or bound < 0:
            raise ValueError(f"the uptake bound of {exchange} is {bound}, and must be a number of at least 0")
    return medium


def _write_medium(value: str | Mapping[str, float]) -> str:
    """``EX_glc__D_e:10,EX_o2_e:20``; a lone ``:`` is the medium in which every uptake is closed."""
    if isinstance(value, str):
        return value
    return ",".join(f"{exchange}:{bound!r}".removesuffix(".0") for exchange, bound in sorted(value.items())) or ":"


def _parse_medium(text: str) -> str | dict[str, float]:
    if text == ":":
        return {}
    if ":" not in text:
        return text
    medium: dict[str, float] = {}
    for item in text.split(","):
        exchange, _, bound = item.partition(":")
        if exchange in medium:
            raise ValueError(f"the medium names {exchange[:40]!r} twice")
        medium[exchange] = float(bound)
    return medium


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{str(value)[:40]!r} is not one of {', '.join(choices)}")
        return str(value)

    return check


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{str(value)[:40]!r} is not a whole number from {low} to {high}")
        return value

    return check


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _setting(value: Any) -> Setting:
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        return value
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{str(value)[:40]!r} is not a plain value")


def _join(items: Iterable[str]) -> str:
    return ",".join(items)


def _split(text: str) -> list[str]:
    return text.split(",") if text else []


_CODECS: dict[str, _Codec] = {
    "model": _Codec("model", _model),
    "medium": _Codec("medium", _optional(_medium), _write_medium, _parse_medium),
    "knockouts": _Codec("ko", _identifiers, _join, _split),
    "objective": _Codec("objective", _optional(_identifier)),
    "checkpoint": _Codec("net", _network),
    "selection": _Codec("sel", _optional(_entity)),
    "view": _Codec("view", _one_of(VIEWS)),
    "subsystem": _Codec("sub", _optional(_text)),
    "hops": _Codec("hops", _integer(1, MAX_HOPS), str, int),
    "currency_mode": _Codec("hubs", _one_of(CURRENCY_MODES)),
    "currency": _Codec("hub", _optional(_identifiers), _join, _split),
    "colour_by": _Codec("by", _one_of(COLOURS)),
    "layer": _Codec("layer", _optional(_integer(0, 99)), str, int),
    "head": _Codec("head", _optional(_integer(0, 99)), str, int),
    "compartment": _Codec("in", _optional(_text)),
    "gene": _Codec("gene", _optional(_text)),
    "search": _Codec("q", _optional(_text)),
    "rna": _Codec("rna", _rna),
    "rna_record": _Codec("record", _integer(0, 99_999), str, int),
    "rna_net": _Codec("rnanet", _network),
    "medium_b": _Codec("mediumb", _optional(_medium), _write_medium, _parse_medium),
    "knockouts_b": _Codec("kob", _identifiers, _join, _split),
    "checkpoint_b": _Codec("netb", _optional(_network)),
    "media": _Codec("media", _optional(_names), _join, _split),
}
