"""What can be wrong with the joints of people: one function for each thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pixelwise.findings import Finding, found_in
from pixelwise.people import FEW_JOINTS, JointCensus, People, joint_census
from pixelwise.scan import Seen
from pixelwise.types import Category
from pixelwise.words import count

Peopled = Sequence[tuple[Seen, People]]
"""The pictures with somebody who can have joints."""


def joints(seen: Sequence[Seen], categories: Sequence[Category]) -> Iterable[Finding]:
    """Joints that cannot be learned, teach something wrong, or may be mistakes."""
    people = [(each, each.people) for each in seen if each.people is not None and len(each.people)]
    known = joint_census([each.people for each in seen], categories)
    if known is None:
        return
    yield from _never(known)
    yield from _unknown(people)
    yield from _misplaced(people)
    yield from _twins(people)
    yield from _sides(people)


def _never(known: JointCensus) -> Iterable[Finding]:
    missing = [name for name, number in known.labelled.items() if not number]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        yield Finding(
            "warning",
            f"Labelled in nobody: {shown} ({len(missing)} of "
            f"{count(len(known.labelled), 'joint')}). What is never shown cannot be learned.",
        )


def _unknown(people: Peopled) -> Iterable[Finding]:
    total = sum(len(each) for _, each in people)
    number, where = _count(people, lambda each: int((each.num_known == 0).sum()))
    if number:
        yield found_in(
            where,
            "note",
            f"{number:,} of {total:,} people without any joint",
            "Nothing is learned about joints where they are.",
        )
    number, where = _count(
        people, lambda each: int(((each.num_known > 0) & (each.num_known < FEW_JOINTS)).sum())
    )
    if number:
        yield found_in(
            where,
            "note",
            f"{number:,} of {total:,} people with fewer than {FEW_JOINTS} joints",
            "That is right where the rest is outside the picture.",
        )


def _misplaced(people: Peopled) -> Iterable[Finding]:
    number, where = _count(people, lambda each: each.num_outside)
    if number:
        yield found_in(
            where,
            "warning",
            f"{count(number, 'joint')} outside the picture",
            "No pixel shows them: correct them, or mark them as not known (visibility 0).",
        )
    number, where = _count(people, lambda each: each.num_far)
    if number:
        yield found_in(
            where,
            "warning",
            f"{count(number, 'joint')} far outside the own mask or box, by more than half of its "
            "longer side",
            "Look for slips, and for joints that were given to somebody else.",
        )
    number, where = _count(people, lambda each: each.num_same_place)
    if number:
        yield found_in(
            where,
            "note",
            f"{count(number, 'pair')} of joints of one person at the same place",
            "That may be right from the side, and wrong where a joint was put down twice.",
        )


def _twins(people: Peopled) -> Iterable[Finding]:
    number, where = _count(people, lambda each: each.num_twins)
    if number:
        yield found_in(
            where,
            "warning",
            f"{count(number, 'pair')} of people with the same joints at the same place",
            "Somebody who was annotated twice is counted twice: keep one of the two.",
        )


def _sides(people: Peopled) -> Iterable[Finding]:
    number, where = _count(people, lambda each: each.num_twisted)
    if number:
        yield found_in(
            where,
            "warning",
            f"{_persons(number)} whose shoulders face one way and whose hips the other",
            "Left and right may have changed places.",
        )
    number, where = _count(people, lambda each: each.num_mirrored)
    if number:
        yield found_in(
            where,
            "warning",
            f"{_persons(number)} with both eyes seen, each on the side of the other",
            "Left and right may have changed places, as in a mirror image whose joints kept their "
            "names.",
        )


def _count(people: Peopled, number_of: Callable[[People], int]) -> tuple[int, list[Seen]]:
    """A number over all pictures, and the pictures where it is not 0."""
    numbers = [number_of(each) for _, each in people]
    where = [seen for (seen, _), number in zip(people, numbers, strict=True) if number]
    return sum(numbers), where


def _persons(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"
