"""A report: one HTML file with figures, tables, methods and manifest, that opens without a network and asks for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.viz.plots import alt_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_ROWS = 60
"""Rows that a table shows; the whole table is a file of its own."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
"""Whatever a figure might ask for, the browser does not fetch it."""
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1b1f24; background: #fff; max-width: 1080px;
  margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; border-bottom: 1px solid #d0d7de; padding-bottom: .25rem; }
p.lead { font-size: 1.1rem; }
p.note, figcaption { color: #4b535d; font-size: .92rem; }
figure { margin: 1rem 0; }
figure svg { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #e3e7eb; }
td { min-width: 4rem; max-width: 40rem; overflow-wrap: break-word; } th { white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem; }
pre { background: #f4f6f8; padding: 1rem; overflow-x: auto; font-size: .8rem; }
:focus-visible { outline: 3px solid #0b5fff; outline-offset: 2px; }
@media print { details { display: none; } body { max-width: none; } }
"""


@dataclass(frozen=True)
class Part:
    """A section: its heading and HTML that is safe already."""

    title: str
    html: str = field(repr=False)


def words(title: str, *paragraphs: str) -> Part:
    """Paragraphs."""
    return Part(title, "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs))


def facts(title: str, known: Mapping[str, Any]) -> Part:
    """What is known of something, as terms and their values."""
    rows = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(_number(value))}</dd>" for name, value in known.items())
    return Part(title, f"<dl>{rows}</dl>")


def chart(title: str, figure: Figure, *notes: str) -> Part:
    """A figure that can be zoomed and hovered, with its alternative text."""
    told = figure.to_dict()
    for trace in told["data"]:  # WebGL compiles programs, which the document's policy forbids
        trace["type"] = trace.get("type", "scatter").replace("scattergl", "scatter")
    copy = type(figure)(told)
    copy.update_layout(
        title={"text": ""}, margin={"t": 24}, template="plotly_white", paper_bgcolor="#fff", plot_bgcolor="#fff", font={"color": "#1b1f24"}
    )
    drawn = copy.to_html(full_html=False, include_plotlyjs=False, div_id=f"figure-{_slug(title)}", config={"displaylogo": False, "responsive": True})
    return Part(title, f'<figure><div role="img" aria-label="{escape(alt_text(figure))}">{drawn}</div></figure>{_notes(notes)}')


def drawing(title: str, svg: str, alt: str, *notes: str) -> Part:
    """A drawing from its own coordinates."""
    inside = svg[svg.index("<svg") :]
    return Part(title, f'<figure role="img" aria-label="{escape(alt)}">{inside}</figure>{_notes(notes)}')


def table(title: str, rows: pd.DataFrame, *notes: str, most: int = MOST_ROWS) -> Part:
    """The first rows of a table."""
    head = "".join(f'<th scope="col">{escape(str(column))}</th>' for column in rows.columns)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows.head(most).itertuples(index=False, name=None))
    more = [f"The first {most} of {len(rows):,} rows."] if len(rows) > most else []
    return Part(title, f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{_notes([*more, *notes])}')


def report(
    title: str,
    lead: str,
    parts: Sequence[Part],
    *,
    methods: Sequence[str],
    references: Sequence[str],
    manifest: Mapping[str, Any],
) -> str:
    """The whole document.

    Args:
        lead: what was found, in a sentence. methods: paragraphs. references: one line each.
        manifest: all that is needed to compute the numbers again; it can be taken out of the file by machine (``id="manifest"``).
    """
    from plotly.offline import get_plotlyjs

    method = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in methods)
    cited = "".join(f"<li>{escape(line)}</li>" for line in references)
    sections = [*parts, Part("Methods", f"{method}<h3>References</h3><ol>{cited}</ol>")]
    body = "".join(f'<section id="{_slug(part.title)}"><h2>{escape(part.title)}</h2>{part.html}</section>' for part in sections)
    told = json.dumps(dict(manifest), indent=1, default=str)
    kept = told.replace("<", "\\u003c")  # no tag inside can end the script
    script = f"<script>{get_plotlyjs()}</script>" if any("figure-" in part.html for part in parts) else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{escape(title)}</title><style>{_STYLE}</style>{script}</head>'
        f'<body><main><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{body}'
        f'<section id="manifest-shown"><h2>Manifest</h2><details><summary>All that is needed to compute these numbers again</summary>'
        f'<pre tabindex="0">{escape(told)}</pre></details></section></main>'
        f'<script type="application/json" id="manifest">{kept}</script></body></html>\n'
    )


def _notes(notes: Iterable[str]) -> str:
    return "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def _cell(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"<td{' class=number' if number else ''}>{escape(_number(value))}</td>"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return "" if value is None else str(value)


def _slug(title: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
