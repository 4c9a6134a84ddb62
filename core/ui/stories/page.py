"""The page: one story, one step of it at a time, with its link, and large for those who sit at the back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import device, networks, state
from core.ui.background import Background, Job, follow
from core.ui.bind import option_list
from core.ui.lab import controls
from core.ui.nav import entry, page_of
from core.ui.stories.scripts import STORIES, Story, story_of
from core.ui.text import plain

if TYPE_CHECKING:
    from core.explain.outcomes import Finding

STEPS = ("The question", "What one expects", "Where to look", "The numbers", "The outcome")
STEP = "stories.step"
PRESENTER, READABLE = "stories.presenter", 12
"""Rows of a table that can be read from the back of a room."""
AT_ONCE = 2.5
"""Seconds the page waits for a finding before it shows that it is being made."""
Key = tuple[str, str, str]
_STOPPED = "story_stopped"
_ALONE = "<style>[data-testid=stSidebar], [data-testid=stExpandSidebarButton] { display: none }</style>"
"""What presenters do not need: the list of pages."""
LOOK = {"the network agrees": ("green", ":material/check_circle:"), "the network does not agree": ("orange", ":material/cancel:")}


def draw() -> None:
    """Draws the step that the view is at."""
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        key = option_list(
            "Story",
            [story.key for story in STORIES],
            "stories.story",
            words=lambda name: story_of(name).title,
            help="Ten questions one would ask such a network.",
        )
    with right:
        large = controls.switch("Presenter", PRESENTER, help="Large type, for a projector, with notes for who speaks.")
    if large:
        st.html(_ALONE)
    story, step = story_of(key), _step()
    with st.container(key="story-large" if large else "story", border=True):
        st.caption(f"{step + 1} of {len(STEPS)} · {STEPS[step]} · network {plain(story.network)}")
        _parts[step](story)
        _walk(step)
    if large:
        with st.expander("Notes", icon=":material/speaker_notes:"):
            st.markdown(plain(story.notes))
    _ahead(story)


def _step() -> int:
    found = state.current().settings.get(STEP)
    return found - 1 if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= len(STEPS) else 0


def _walk(step: int) -> None:
    """Back and Next; the arrow keys do the same."""
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Back",
            icon=":material/arrow_back:",
            key="story_back",
            on_click=_go,
            args=(step - 1,),
            disabled=step == 0,
            shortcut="Left",
            help="The step before; the left arrow key does the same.",
        )
        last = step == len(STEPS) - 1
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            key="story_next",
            on_click=_go,
            args=(step + 1,),
            disabled=last,
            shortcut="Right",
            type="primary",
            help="The step after; the right arrow key does the same.",
        )


def _go(step: int) -> None:
    state.update(settings={STEP: step + 1 if step else None})


def _question(story: Story) -> None:
    st.header(story.question, anchor=False)


def _expected(story: Story) -> None:
    st.header("What one expects", anchor=False)
    st.markdown(plain(story.expected))


def _where(story: Story) -> None:
    st.header("Where to look", anchor=False)
    st.markdown(plain(story.where))
    for look in story.looks:
        always = {"rna": look.view.rna} if story.of_rna else {"model": look.view.model}
        kept = {name: value for name, value in state.current().to_query().items() if name.startswith("s.stories.")}  # the way back
        query = {**always, **look.view.to_query(), **kept}
        page = entry(look.page)
        how = f"Leads to the page {page.title}; Stories in the list of pages comes back to this step."
        st.page_link(page_of(page), label=look.words, icon=":material/arrow_forward:", query_params=query, help=how)


def _numbers(story: Story) -> None:
    st.header("The numbers", anchor=False)
    found = _found(story)
    if found is None:
        return
    st.caption(plain(f"{story.numbers}. Computed now by {story.network}."))
    if state.current().settings.get(PRESENTER) is True and len(found.table) <= READABLE:
        st.table(found.table.map(_told).set_index(found.table.columns[0]))
    else:
        _table(story, found)
    st.download_button(
        "Table, CSV",
        found.table.to_csv(index=False),
        f"story-{story.key}.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="The rows above with all their digits.",
    )


def _table(story: Story, found: Finding) -> None:
    number = st.column_config.NumberColumn
    numeric = found.table.select_dtypes("number").columns
    st.dataframe(
        found.table,
        hide_index=True,
        column_config={str(name): number(str(name), format="%.4g") for name in numeric},
        alt=f"{story.numbers}: {len(found.table)} rows",
        height="auto" if len(found.table) < 12 else 420,
    )


def _told(value: object) -> str:
    """A cell for a projector."""
    return f"{value:.3g}" if isinstance(value, float) else plain(str(value))


def _outcome(story: Story) -> None:
    found = _found(story)
    if found is None:
        return
    colour, icon = LOOK.get(found.outcome, ("gray", ":material/help:"))
    st.header(f"{found.words[0].upper()}{found.words[1:]}", anchor=False)
    st.badge(found.words, icon=icon, color=colour)  # type: ignore[arg-type]
    st.markdown(plain(f"{found.reason[0].upper()}{found.reason[1:]}."))
    st.caption(plain(story.caveat))


_parts = (_question, _expected, _where, _numbers, _outcome)


@st.cache_resource(max_entries=1, show_spinner=False)
def work() -> Background[Key, Finding]:
    """Findings made or being made."""
    return Background(32)


def _key(story: Story) -> Key:
    """What a finding follows from. Raises InputError where a network is not here."""
    kind = "rna" if story.of_rna else "metabolic"
    beside = networks.weights_of(story.control, kind) if story.control else ""
    return story.key, networks.ensemble_key(story.network, kind) + beside, device.choice().device


def _begun(story: Story, key: Key) -> Job:
    """The work that finds out; the thread opens the networks itself, since a session's caches are not its own."""

    def ask(job: Job) -> Finding:
        job.told("asking the network", 0, 1)
        return story.find_out(key[2], job.stopped)

    return work().start(key, ask)


def _found(story: Story) -> Finding | None:
    """The finding; until it is there the page says how long it has been asked for. What cannot be asked is one sentence."""
    try:
        key = _key(story)
    except InputError as error:
        st.error(plain(str(error)))
        return None
    if (found := work().result(key)) is not None:
        return found
    if st.session_state.get(_STOPPED) == key:
        st.info("The network was not asked to the end.")
        how = "The numbers of this story are computed from the beginning."
        st.button("Ask it", icon=":material/play_arrow:", key="story_ask", on_click=lambda: st.session_state.pop(_STOPPED, None), help=how)
        return None
    job = work().job(key) or _begun(story, key)  # one that failed is there still: its sentence comes first
    if job.ended.wait(AT_ONCE) and (found := work().result(key)) is not None:
        return found
    follow(work(), key, "story", on_cancel=lambda: st.session_state.update({_STOPPED: key}))
    return None


def _ahead(story: Story) -> None:
    """Asks while the question is read, so that the numbers are there when it is their turn."""
    with suppress(InputError):
        key = _key(story)
        if work().result(key) is None and work().job(key) is None and st.session_state.get(_STOPPED) != key:
            _begun(story, key)
