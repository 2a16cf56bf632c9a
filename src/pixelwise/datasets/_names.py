"""Class names from a text file beside the pictures, in the habits that circulate."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pixelwise.datasets._name_tables import read_name_table
from pixelwise.datasets._roles import split_of
from pixelwise.types import PixelwiseError

# In order of trust: files that give values or colours first.
NAME_TABLES = (
    *("class_dict.csv", "_classes.csv", "classes.csv", "class_names.csv", "label_map.csv"),
    *("labelmap.csv", "labels.csv", "categories.csv"),
)
NAME_FILES = (
    *NAME_TABLES,
    "label_colors.txt",
    "labelmap.txt",
    "label_list.txt",
    "class_names.txt",
    "codes.txt",
    "classes.txt",
    "labels.txt",
    "names.txt",
)
_MOST_LINES, _LONGEST_LINE, _MOST_CHARACTERS = 2_000, 500, 2**20


@dataclass(frozen=True)
class Names:
    """Class names, with the value or colour (0xRRGGBB) of each where the file gives them."""

    file: Path
    names: tuple[str, ...]
    values: tuple[int, ...] | None
    colors: tuple[int, ...] | None


def read_names(root: Path) -> Names | None:
    """The class names written in a text file at the top of the folder, if there is one.

    Understood: nnU-Net's dataset.json, "0 null" (value, name), "64 128 64 Animal" (colour, name),
    class_dict.csv (name,r,g,b), Roboflow's _classes.csv (Pixel Value, Class), CVAT's labelmap.txt
    (name:r,g,b::), and one name a line, where a first line "__ignore__" stands for 255 as LabelMe
    writes it.

    Raises:
        PixelwiseError: a damaged table, or tables in train, val and test that differ.
    """
    declared = _from_nnunet(root / "dataset.json")
    if declared is not None:
        return declared
    found = _first_of(root, NAME_FILES)
    return found if found is not None else _in_parts(root)


def _first_of(folder: Path, called: Sequence[str]) -> Names | None:
    there = {file.name.lower(): file for file in folder.iterdir() if file.name.lower() in called}
    for name in called:
        file = there.get(name)
        if file is not None and file.is_file():
            found = _parse(file, _lines(file))
            if found is not None and len(found.names) > 0:
                return found
    return None


def _in_parts(root: Path) -> Names | None:
    """The names in a table in each of train, val and test, as Roboflow writes them.

    Raises:
        PixelwiseError: two of the tables differ.
    """
    parts = [path for path in sorted(root.iterdir()) if split_of(path.name) and path.is_dir()]
    found = [names for part in parts if (names := _first_of(part, NAME_TABLES)) is not None]
    for other in found[1:]:
        if replace(other, file=found[0].file) != found[0]:
            raise PixelwiseError(
                f"{found[0].file} and {other.file} name the classes differently. Put one table of "
                f"names, such as {other.file.name}, at the top of the folder {root}."
            )
    return found[0] if found else None


def is_name_file(path: Path) -> bool:
    """Whether a file lists the names of classes; a table may be called so and be about images."""
    if path.suffix.lower() != ".csv":
        return path.name.lower() in NAME_FILES
    try:
        return path.name.lower() in NAME_TABLES and _from_csv(path) is not None
    except PixelwiseError:
        return False


def _from_nnunet(file: Path) -> Names | None:
    """nnU-Net's "labels": name -> value, or value -> name as in its first version.

    None where the file is something else, or where labels overlap (a list of values each).
    """
    try:
        labels = json.loads(file.read_text(encoding="utf-8-sig"))["labels"]
        pairs = [(key, value) for key, value in labels.items()]
        if all(isinstance(value, str) for _, value in pairs):
            pairs = [(value, int(key)) for key, value in pairs]
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    if not pairs or not all(type(value) is int and 0 <= value < 2**16 for _, value in pairs):
        return None
    ordered = sorted(pairs, key=lambda pair: pair[1])
    return Names(file, tuple(n for n, _ in ordered), tuple(v for _, v in ordered), None)


def _lines(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            text = stream.read(_MOST_CHARACTERS)
    except OSError as error:
        raise PixelwiseError(f"{file} cannot be read: {error.strerror or error}.") from error
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")][:_MOST_LINES]
    if any(len(line) > _LONGEST_LINE for line in kept):
        raise PixelwiseError(
            f"{file} has a line of more than {_LONGEST_LINE} characters; expected one class name a "
            "line. Correct it, or take it out of the folder."
        )
    return kept


def _parse(file: Path, lines: list[str]) -> Names | None:
    if file.suffix.lower() == ".csv":
        return _from_csv(file)
    rows = [_colored(line) for line in lines]
    if rows and all(rows):
        pairs = [row for row in rows if row]
        return Names(file, tuple(n for _, n in pairs), None, tuple(c for c, _ in pairs))
    numbered = [re.fullmatch(r"(\d{1,5})[\s:,;=]+(.+)", line) for line in lines]
    if numbered and all(numbered):
        found = [(int(match[1]), match[2].strip()) for match in numbered if match]
        return Names(file, tuple(n for _, n in found), tuple(v for v, _ in found), None)
    return _plain(file, lines)


def _colored(line: str) -> tuple[int, str] | None:
    """A line with a colour and a name, SegNet's way or CVAT's."""
    first = re.fullmatch(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\D.*)", line)
    cvat = re.fullmatch(r"([^:]+):(\d+),(\d+),(\d+):[^:]*:[^:]*", line)
    try:
        if first:
            return _code(first[1], first[2], first[3]), first[4].strip()
        return (_code(cvat[2], cvat[3], cvat[4]), cvat[1].strip()) if cvat else None
    except ValueError:  # no colour
        return None


def _plain(file: Path, lines: list[str]) -> Names:
    if lines and lines[0] == "__ignore__":
        values = (255, *range(len(lines) - 1))
        return Names(file, tuple(lines), values, None)
    return Names(file, tuple(lines), None, None)


def _from_csv(file: Path) -> Names | None:
    listed = read_name_table(file)
    if listed is None:
        return None
    names, values, colors = listed
    try:
        codes = None if colors is None else tuple(_code(*each) for each in colors)
    except ValueError as error:
        raise PixelwiseError(
            f"{file}: expected lines such as road,128,64,128 under the header name,r,g,b."
        ) from error
    return Names(file, names, values, codes)


def _code(red: str, green: str, blue: str) -> int:
    """0xRRGGBB.

    Raises:
        ValueError: a number that is none, or not from 0 to 255.
    """
    channels = int(red), int(green), int(blue)
    if not all(0 <= channel <= 255 for channel in channels):
        raise ValueError(f"{channels} is no colour")
    return channels[0] << 16 | channels[1] << 8 | channels[2]
