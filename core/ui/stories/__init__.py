"""Guided stories: an expectation, the views where it can be seen, live numbers and the outcome."""
