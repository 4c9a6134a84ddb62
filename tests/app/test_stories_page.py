"""The stories: every one opens from its link, its outcome is that of the core, and its steps are in the link."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from core.metabolic import load_tables, resolve_medium
from core.metabolic.condition import Condition
from core.ui.conditions.data import Pair
from core.ui.stories.page import work
from core.ui.stories.scripts import STORIES, Story
from core.ui.view_state import ViewState
from tests.app.steps import opened, told


def found_out(test: AppTest) -> AppTest:
    """A page once what its story asks is known."""
    for job in list(work()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    return test


KEYS = [story.key for story in STORIES]


def test_keys_are_told_apart() -> None:
    assert len(set(KEYS)) == len(KEYS) == len({story.title for story in STORIES}) == 10


@pytest.mark.parametrize("key", KEYS)
def test_an_outcome_is_that_of_the_core(key: str) -> None:
    story = STORIES[KEYS.index(key)]
    test = found_out(opened("stories", **{"s.stories.story": json.dumps(key), "s.stories.step": "5"}))
    found = story.find_out("cpu")
    assert f"{found.reason[0].upper()}{found.reason[1:]}." in told(test) and story.caveat in told(test)
    assert found.words.lower() == test.header[0].value.lower()
    test.button(key="story_back").click().run()
    (shown,) = [frame.value for frame in test.dataframe]
    assert shown.equals(found.table) and not test.exception


def test_steps_go_forth_and_back_and_are_in_the_link() -> None:
    test = opened("stories")
    assert test.header[0].value == STORIES[0].question and test.button(key="story_back").disabled
    for step in (2, 3, 4, 5):
        test.button(key="story_next").click().run()
        assert test.query_params["s.stories.step"] == str(step) and not test.exception
    assert test.button(key="story_next").disabled
    for _ in range(4):
        test.button(key="story_back").click().run()
    assert "s.stories.step" not in test.query_params


@pytest.mark.parametrize("step", ["99", "0", '"x"', "true"])
def test_a_step_or_story_that_is_not_there_is_the_first(step: str) -> None:
    test = opened("stories", **{"s.stories.story": '"none"', "s.stories.step": step})
    assert test.header[0].value == STORIES[0].question


def test_the_presenter_has_notes() -> None:
    assert STORIES[0].notes not in told(opened("stories"))
    assert STORIES[0].notes in told(opened("stories", **{"s.stories.presenter": "true"}))


def _plain(condition: Condition | ViewState) -> tuple[Any, ...]:
    return resolve_medium(load_tables("e_coli_core"), condition.medium), condition.knockouts, condition.objective


@pytest.mark.parametrize("key", [story.key for story in STORIES if any(look.page == "conditions" for look in story.looks)])
def test_a_link_to_two_conditions_shows_those_of_the_finding(key: str) -> None:
    """A link without a medium for B once showed anaerobic glucose, beside a finding on the model's own medium."""
    story = STORIES[KEYS.index(key)]
    asked = [_plain(condition) for condition in story.find_out("cpu").conditions]
    shown = [Pair.of(look.view) for look in story.looks if look.page == "conditions"]
    assert [(_plain(pair.first), _plain(pair.second)) for pair in shown] == list(pairwise(asked))
    assert all(pair.names == (story.network, story.network) for pair in shown)


def test_other_links_name_the_network_of_their_story() -> None:
    for story in STORIES:
        assert {(look.view.rna_net if story.of_rna else look.view.checkpoint) for look in story.looks} == {story.network}


def _told_instead(monkeypatch: pytest.MonkeyPatch, story: Story) -> None:
    from core.ui.stories import page, scripts

    for module in (page, scripts):
        monkeypatch.setattr(module, "STORIES", (story,))


def test_a_story_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that failed within a second once left the page without a word, and was begun again and again."""
    asked = []

    def ask(given: object) -> Any:
        asked.append(given)
        raise InputError("The tRNA was eaten.")

    _told_instead(monkeypatch, replace(STORIES[KEYS.index("pep")], key="eaten", ask=ask))
    test = found_out(opened("stories", **{"s.stories.step": "4"}))
    assert "The tRNA was eaten." in told(test) and len(asked) == 1
    test = found_out(test.button(key="story_dismiss").click().run())
    assert "The tRNA was eaten." in told(test) and len(asked) == 2  # Dismiss asks once more


def test_cancel_stops_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """After Cancel the thread once asked on, and "Ask it" began a second one beside it."""
    from core.errors import Cancelled

    running, begun = [], threading.Event()

    def ask(given: Any) -> Any:
        running.append(given)
        begun.set()
        for _ in range(600):
            if given.should_stop():
                running.remove(given)
                raise Cancelled("Enough.")
            time.sleep(0.05)
        raise AssertionError("was not stopped")

    _told_instead(monkeypatch, replace(STORIES[KEYS.index("pep")], key="endless", ask=ask))
    test = opened("stories", **{"s.stories.step": "4"})
    assert begun.wait(60) and len(running) == 1
    (job,) = [job for key, job in work()._jobs.items() if key[0] == "endless"]
    test.button(key="story_cancel").click().run()
    assert job.ended.wait(10) and running == [] and "was not asked to the end" in told(test)
    begun.clear()
    test.button(key="story_ask").click().run()
    assert begun.wait(60) and len(running) == 1
    test.button(key="story_cancel").click().run()
