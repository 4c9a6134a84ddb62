"""The stories: every one opens from its link, its outcome is that of the core, and its steps are in the link."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.models import load_members
from core.ui.stories.page import work
from core.ui.stories.scripts import STORIES, Asked
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
    found = story.ask(Asked(load_members(story.network), "cpu"))
    assert f"{found.reason[0].upper()}{found.reason[1:]}." in told(test) and story.caveat in told(test)
    assert found.outcome.lower() in test.header[0].value.lower()
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
