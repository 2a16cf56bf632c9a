"""Masks whose values number objects: each number but 0 is one instance.

A table instances.csv at the top (columns file, id, category) may say what each of them is; then
it has a line for every object.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from pixelwise.datasets._codes import Numbers, colors, is_colored, numbers
from pixelwise.datasets._instances import on_layers, renumbered
from pixelwise.datasets._masks import MaskMeaning, fit_to_image
from pixelwise.datasets._pictures import read_stored
from pixelwise.types import Annotation, PixelwiseError
from pixelwise.words import plain_cell

TABLE = "instances.csv"
_MOST_DIGITS = 9
_WHITE = 0xFFFFFF
_COLUMNS = ("file", "id", "category")

Kinds = Mapping[int, str]
"""Object number -> name of its category, for one mask file."""


def read_ids(
    path: Path, meaning: MaskMeaning, size_hw: tuple[int, int], kinds: Kinds | None
) -> Annotation:
    """Read a mask file of numbered objects at its image's size.

    Numbers need not be 1, 2, 3; all parts with one number are one instance. In a colour file each
    colour but the ground's (black, or white around objects where nothing is black) is an object.

    Args:
        kinds: the category of each number; None where all are of the one kind.

    Raises:
        PixelwiseError: unreadable, another shape than the image, or an object without a category.
    """
    codes = object_codes(path)
    found = np.unique(codes)
    found = found[found != 0]
    layer = fit_to_image(renumbered(codes, found), path, size_hw)
    labels = [_label(int(number), path, meaning, kinds) for number in found]
    return on_layers(layer[None], labels, np.zeros(size_hw, np.uint8))


def object_codes(path: Path) -> Numbers:
    """(H, W) int64: the number (or 0xRRGGBB) of the object at each pixel.

    Raises:
        PixelwiseError: unreadable, negative, or fractions.
    """
    stored = read_stored(path)
    if stored.is_lossy:
        raise PixelwiseError(
            f"{path} is saved as JPEG, which changes the numbers of objects. Save masks as PNG."
        )
    if is_colored(stored):
        return _on_black(colors(stored).astype(np.int64))
    return numbers(stored, path)


def _on_black(codes: Numbers) -> Numbers:
    """Colours on 0, also where the ground is white: no black, and white along the image's edge."""
    edges = np.concatenate([codes[0], codes[-1], codes[:, 0], codes[:, -1]])
    is_white = not (codes == 0).any() and 2 * (edges == _WHITE).sum() > len(edges)
    return np.where(codes == _WHITE, 0, codes) if is_white else codes


def _label(number: int, path: Path, meaning: MaskMeaning, kinds: Kinds | None) -> int:
    if kinds is None and len(meaning.categories) == 2:
        return 1
    name = (kinds or {}).get(number)
    names = [category.name for category in meaning.categories]
    if name is None or name not in names[1:]:
        found = "names no category" if name is None else f"names the category {name}"
        raise PixelwiseError(
            f"{TABLE} {found} for the object {number} of {path}; expected one of "
            f"{', '.join(names[1:9])}. Add the line '{path.name},{number},CATEGORY'."
        )
    return names.index(name)


# --- the table ------------------------------------------------------------------------------------


def read_table(root: Path) -> dict[str, dict[int, str]]:
    """Mask file (relative, or its bare name) -> number -> category; empty without a table.

    Raises:
        PixelwiseError: other columns than file, id and category, or an id that is no number.
    """
    path = root / TABLE
    if not path.is_file():
        return {}
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for place, (name, number, kind) in _table_rows(path):
        if not number.isdecimal() or len(number) > _MOST_DIGITS or not kind:
            raise PixelwiseError(
                f"{path}, line {place}: '{number[:40]}' and '{kind[:40]}' are no number of an "
                "object with its category. Expected, for example, cell_01.png,7,nucleus."
            )
        found[name.replace("\\", "/")][int(number)] = kind
    return dict(found)


def _table_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number of the line, and the cells of a table's columns file, id and category."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            header = [name.strip().lower() for name in rows.fieldnames or ()]
            rows.fieldnames = header
            if not set(_COLUMNS) <= set(header):
                raise PixelwiseError(
                    f"{path} has the columns {', '.join(header)[:200] or 'none'}; expected file, "
                    "id and category, a line for each object."
                )
            for row in rows:
                cells = [plain_cell(str(row[column] or "").strip()) for column in _COLUMNS]
                yield rows.line_num, cells
    except (OSError, csv.Error) as error:
        raise PixelwiseError(f"{path} cannot be read as a table ({error}).") from error


def kinds_of(table: Mapping[str, Kinds], mask: str) -> Kinds | None:
    """What the table tells of one mask file, by its path, its name, or its name without ending."""
    path = PurePosixPath(mask)
    keys = (mask, path.name, path.stem)
    return next((table[key] for key in keys if key in table), {} if table else None)


def category_names(table: Mapping[str, Kinds]) -> list[str]:
    """The names of the categories in a table, sorted."""
    return sorted({name for kinds in table.values() for name in kinds.values()})
