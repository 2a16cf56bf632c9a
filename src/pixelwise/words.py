"""Numbers and nouns in sentences for people; text from files, made harmless."""

from __future__ import annotations

import re

# C0 and C1 codes and DEL do things in a terminal; the others turn the order of letters around or
# separate lines, so that one name passes for another.
_CODES = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What makes a spreadsheet program compute a cell; the last four are the wide forms of the first.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def plural(number: int) -> str:
    """The ending of a noun after a number."""
    return "" if number == 1 else "s"


def count(number: int, noun: str) -> str:
    """A number and its noun: 1 picture, 2,000 pictures, 2 people."""
    if noun == "person" and number != 1:
        return f"{number:,} people"
    return f"{number:,} {noun}{plural(number)}"


def visible(text: str, *, keep: str = "") -> str:
    """A text whose control characters are written as escapes, such as \\x1b.

    Args:
        text: from a file's name, a label or a table.
        keep: control characters that stay.
    """
    return _CODES.sub(lambda match: match[0] if match[0] in keep else _escaped(match[0]), text)


def cell(value: object) -> object:
    """A value for a CSV file, so that no spreadsheet program takes it for a formula.

    A text that begins as a formula does gets an apostrophe in front, which `plain_cell` takes away;
    numbers stay as they are. Control characters are written as escapes, but for line breaks.
    """
    if not isinstance(value, str) or _is_number(value):
        return value
    text = visible(value, keep="\n\t")
    return f"'{text}" if value.startswith(_FORMULA) else text


def plain_cell(text: str) -> str:
    """The text that `cell` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _escaped(code: str) -> str:
    return code.encode("unicode_escape").decode()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and text.strip() == text
