"""What the labels of LabelMe's shapes mean: names of classes, or numbered objects of one class.

LabelMe's own habit is "sheep-1" and "sheep-2" for two sheep. Other people have classes that end in
a number, such as HPV-16 and HPV-18. Which one it is shows in how the numbers run through the
images, and where it does not show it is asked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from pixelwise.datasets._labelme_shapes import Shape, label_of
from pixelwise.datasets._masks import IGNORED_NAMES
from pixelwise.datasets._names import read_names
from pixelwise.types import PixelwiseError

_BACKGROUND = ("_background_", "background")
_NUMBERED = re.compile(r"(?P<name>.+)-(?P<number>\d{1,9})")
_NUMBERED_OTHERWISE = re.compile(r"(?P<name>.*[^\W\d_])[_ #.:]+(?P<number>\d{1,9})")
# Where numbers count objects they begin anew in each image, at 0 or 1, in nearly all images.
_NEARLY_ALL = 0.8
_ENOUGH_IMAGES = 3
_MOST_SHOWN = 8


@dataclass(frozen=True)
class Names:
    """The names of the things, and the labels that are names as they are."""

    things: tuple[str, ...]
    listed: frozenset[str]

    def of(self, shape: Shape) -> str:
        """The name of a shape's category: its label, without the number of an instance."""
        label = label_of(shape)
        match = None if label in self.listed else _NUMBERED.fullmatch(label)
        return match["name"] if match else label


def names_of(root: Path, labels: Sequence[Set[str]]) -> tuple[Names, list[str]]:
    """The names of a folder, from its names file or from the labels of each image, and notes.

    Raises:
        PixelwiseError: labels that end in numbers could be classes or objects.
    """
    listed = read_names(root)
    if listed is not None:
        things = tuple(name for name in listed.names if not is_no_thing(name))
        return Names(things, frozenset(things)), [f"Class names from {listed.file.name}."]
    classes: set[str] = set()
    notes = []
    for name, numbers in sorted(_numbers(labels).items()):
        written = [f"{name}-{number}" for number in sorted(set().union(*numbers), key=int)]
        if _is_doubtful(numbers):
            raise PixelwiseError(_question(root, name, written))
        if _are_classes(numbers):
            classes.update(written)
            notes.append(
                f"Labels that end in a number are read as classes: {_shown(written)}. A labels.txt "
                f"that lists {name} makes them numbered objects of one class."
            )
        else:
            notes.append(
                f"Labels that end in a number are read as objects of one class, {name}: "
                f"{_shown(written)}. A labels.txt that lists them keeps them as classes."
            )
    names = Names((), frozenset(classes))
    met = {names.of({"label": label}) for each in labels for label in each}
    kept = tuple(sorted(name for name in met if not is_no_thing(name)))
    return Names(kept, names.listed), [*notes, *_numbered_otherwise(kept)]


def is_no_thing(name: str) -> bool:
    """Whether a name stands for the background or for what is left out."""
    return name.lower() in IGNORED_NAMES or name.lower() in _BACKGROUND


def _numbers(labels: Sequence[Set[str]]) -> dict[str, list[set[str]]]:
    """Name -> the numbers that stand after it in each image that has some."""
    found: dict[str, list[set[str]]] = defaultdict(list)
    for each in labels:
        here: dict[str, set[str]] = defaultdict(set)
        for label in each:
            if match := _NUMBERED.fullmatch(label):
                here[match["name"]].add(match["number"])
        for name, numbers in here.items():
            found[name].append(numbers)
    return found


def _are_classes(numbers: Sequence[set[str]]) -> bool:
    """Whether no image counts from 0 or 1: these numbers count nothing."""
    return min(int(number) for each in numbers for number in each) > 1


def _is_doubtful(numbers: Sequence[set[str]]) -> bool:
    """Whether all images have the same several numbers, or hardly any counts from 0 or 1."""
    if len(numbers) < _ENOUGH_IMAGES or _are_classes(numbers):
        return False
    if len(numbers[0]) > 1 and all(each == numbers[0] for each in numbers):
        return True
    return sum(_counts_up(each) for each in numbers) < _NEARLY_ALL * len(numbers)


def _counts_up(numbers: set[str]) -> bool:
    values = sorted(map(int, numbers))
    return values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1


def _question(root: Path, name: str, written: Sequence[str]) -> str:
    return (
        f"The labels {_shown(written)} in {root} may be classes, or numbered objects of one class "
        f"{name}. Write the names of the classes into {root / 'labels.txt'}, one on a line: "
        f"{name}, or all that end in a number."
    )


def _numbered_otherwise(names: Sequence[str]) -> list[str]:
    """A note about names such as cell_1 and cell_2, which are classes here."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if match := _NUMBERED_OTHERWISE.fullmatch(name):
            alike[match["name"]].append(name)
    return [
        f"Labels that end in a number are read as classes: {_shown(found)}. If they are numbered "
        f"objects of one class, write them as {name}-1, {name}-2, or give all the label {name}."
        for name, found in alike.items()
        if len(found) > 1
    ]


def _shown(names: Sequence[str]) -> str:
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
