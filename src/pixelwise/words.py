"""Numbers and nouns in sentences for people."""

from __future__ import annotations


def plural(number: int) -> str:
    """The ending of a noun after a number."""
    return "" if number == 1 else "s"


def count(number: int, noun: str) -> str:
    """A number and its noun: 1 picture, 2,000 pictures, 2 people."""
    if noun == "person" and number != 1:
        return f"{number:,} people"
    return f"{number:,} {noun}{plural(number)}"
