"""Class names from a table: a column of names beside one of pixel values, or three of a colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pixelwise.datasets._columns import squash
from pixelwise.datasets._rows import Rows, UnusedTableError, read_rows
from pixelwise.types import PixelwiseError

# Column names without blanks and capitals, the surest first: "label" may hold either.
_NAMES = ("name", "classname", "labelname", "categoryname", "class", "label", "category")
_VALUES = (
    *("pixelvalue", "value", "greyvalue", "grayvalue", "maskvalue", "id", "classid", "labelid"),
    *("categoryid", "index", "classindex", "number", "pixel", "code", "class", "label", "category"),
)
_CHANNELS = (("r", "red"), ("g", "green"), ("b", "blue"))

Listed = tuple[tuple[str, ...], tuple[int, ...] | None, tuple[tuple[str, str, str], ...] | None]
"""The names, and the value or the colour (as written) of each."""


def read_name_table(file: Path) -> Listed | None:
    """The names in a CSV file; None where its columns are others.

    Raises:
        PixelwiseError: damaged, or a line without a name or a number.
    """
    try:
        rows = read_rows(file)[0]
    except UnusedTableError as error:
        raise PixelwiseError(f"{file} is no table of names: {error}. Export it again.") from error
    header = [squash(name) for name in rows[0]] if rows else []
    name = _column(header, _NAMES)
    if name is None:
        return None
    channels = [place for called in _CHANNELS if (place := _column(header, called)) is not None]
    if len(channels) == 3:
        red, green, blue = channels
        lines = _lines(file, rows, (name, *channels), "road,128,64,128 under the header name,r,g,b")
        codes = tuple((row[red], row[green], row[blue]) for row in lines)
        return tuple(row[name] for row in lines), None, codes
    value = _column(header, _VALUES, besides=name)
    if value is None:
        return None
    lines = _lines(file, rows, (name, value), "1,cell under the header Pixel Value,Class")
    listed = sorted((_number(file, row[value]), row[name]) for row in lines)
    return tuple(text for _, text in listed), tuple(number for number, _ in listed), None


def _column(header: Sequence[str], called: Sequence[str], besides: int | None = None) -> int | None:
    places = [header.index(name) for name in called if name in header]
    return next((place for place in places if place != besides), None)


def _lines(file: Path, rows: Rows, columns: Sequence[int], expected: str) -> Rows:
    """The rows below the header, each with text in the columns that are read."""
    for row in rows[1:]:
        if any(len(row) <= column or not row[column] for column in columns):
            raise PixelwiseError(
                f"{file}: expected lines such as {expected}; found '{','.join(row)}'."
            )
    return rows[1:]


def _number(file: Path, text: str) -> int:
    if not re.fullmatch(r"\d{1,5}(?:\.0+)?", text):
        raise PixelwiseError(f"{file}: expected a pixel value from 0 to 65535, found '{text}'.")
    return int(float(text))
