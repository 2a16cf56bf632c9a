"""What several rows and tables say of the same images: one value for each image and fact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pixelwise.types import TOGETHER, PixelwiseError
from pixelwise.words import count

Groups = dict[str, dict[str, str]]
"""Image (id, or relative path) -> fact -> value."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one row says of an image."""

    value: str
    table: str
    row: int
    rank: tuple[int, ...]
    is_weak: bool


@dataclass
class Facts:
    """What is known so far: fact -> image -> what rows say, and what could not be used."""

    told: dict[str, dict[str, list[Told]]] = field(default_factory=lambda: defaultdict(dict))
    notes: list[str] = field(default_factory=list)
    unused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def settled(found: Facts) -> tuple[Groups, list[str]]:
    """One value for each image and fact, and sentences about what is left out.

    Raises:
        PixelwiseError: two values of a fact that a split keeps together.
    """
    groups: Groups = defaultdict(dict)
    notes = []
    for fact, by_image in found.told.items():
        spelled: dict[str, str] = {}
        doubtful = []
        for image, told in by_image.items():
            values = _closest(told)
            if len(values) > 1:
                _refuse_two(fact, image, values)
                doubtful.append((image, values))
            elif values:
                # "P1" and "p1" are one person.
                value = values[0].value
                groups[image][fact] = spelled.setdefault(value.casefold(), value)
        notes += [_two_values(fact, doubtful)] if doubtful else []
    return dict(groups), notes


def _closest(told: Sequence[Told]) -> list[Told]:
    """One row for each value, from those rows of each table that agree best with the path."""
    best: dict[str, tuple[int, ...]] = {}
    for each in told:
        best[each.table] = max(best.get(each.table, ()), each.rank)
    kept = [each for each in told if each.value and each.rank == best[each.table]]
    return list({each.value.casefold(): each for each in reversed(kept)}.values())[::-1]


def _refuse_two(fact: str, image: str, told: Sequence[Told]) -> None:
    """An image may show two lesions, but is not of two patients, videos or clips."""
    if fact == "lesion" or fact not in TOGETHER or any(each.is_weak for each in told):
        return
    one, other = told[:2]
    raise PixelwiseError(
        f"{image} is of {fact} {one.value} by {one.table}, row {one.row}, and of {fact} "
        f"{other.value} by {other.table}, row {other.row}. Correct one of the two rows."
    )


def _two_values(fact: str, doubtful: Sequence[tuple[str, Sequence[Told]]]) -> str:
    image, told = doubtful[0]
    values = " and ".join(f"{each.value} ({each.table}, row {each.row})" for each in told[:2])
    return (
        f"{count(len(doubtful), 'image')} with more than one {fact}, for example {image}: "
        f"{values}. The {fact} of these is left out."
    )


def notes_on_unknown(found: Facts, groups: Groups, images: Sequence[str]) -> list[str]:
    """Of how many images a fact is unknown that a split keeps together."""
    notes = []
    for fact in (fact for fact in TOGETHER if fact in found.told):
        without = [image for image in images if fact not in groups.get(image, {})]
        if without:
            notes.append(
                f"The {fact} of {len(without)} of {len(images)} images is unknown (empty or not in "
                f"the table), for example {without[0]}: a split takes each of them for a {fact} of "
                "its own."
            )
    return notes


def notes_on_unused(found: Facts) -> list[str]:
    """A sentence for each reason, with the tables that it holds for."""
    notes = []
    for reason, tables in found.unused.items():
        shown = ", ".join(tables[:3]) + (f" and {len(tables) - 3} more" if len(tables) > 3 else "")
        notes.append(f"{shown} {'are' if len(tables) > 1 else 'is'} not used: {reason}.")
    return notes
