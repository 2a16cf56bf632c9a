"""What can be wrong with the joints of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pixelwise.findings import Finding, Severity, found_in
from pixelwise.people import FEW_JOINTS, JointCensus, People, joint_census
from pixelwise.scan import Seen
from pixelwise.types import Category
from pixelwise.words import count

Peopled = Sequence[tuple[Seen, People]]
"""The pictures with somebody who can have joints."""


@dataclass(frozen=True)
class Doubt:
    """Something that may be wrong with somebody's joints.

    ``number_of``: how many ``noun`` of one picture. ``what``: a sentence with that number in it.
    ``cure``: what to do, or what follows.
    """

    number_of: Callable[[People], int]
    severity: Severity
    noun: str
    what: str
    cure: str


DOUBTS = (
    Doubt(
        lambda each: int((each.num_known == 0).sum()),
        "note",
        "person",
        "{} without any joint",
        "Nothing is learned about joints where they are.",
    ),
    Doubt(
        lambda each: int(((each.num_known > 0) & (each.num_known < FEW_JOINTS)).sum()),
        "note",
        "person",
        f"{{}} with fewer than {FEW_JOINTS} joints",
        "That is right where the rest is outside the picture.",
    ),
    Doubt(
        lambda each: each.num_outside,
        "warning",
        "joint",
        "{} outside the picture",
        "No pixel shows them: correct them, or mark them as not known (visibility 0).",
    ),
    Doubt(
        lambda each: each.num_far,
        "warning",
        "joint",
        "{} far outside the own mask or box, by more than half of its longer side",
        "Look for slips, and for joints that were given to somebody else.",
    ),
    Doubt(
        lambda each: each.num_same_place,
        "note",
        "pair",
        "{} of joints of one person at the same place",
        "That may be right from the side, and wrong where a joint was put down twice.",
    ),
    Doubt(
        lambda each: each.num_twins,
        "warning",
        "pair",
        "{} of people with the same joints at the same place",
        "Somebody who was annotated twice is counted twice: keep one of the two.",
    ),
    Doubt(
        lambda each: each.num_twisted,
        "warning",
        "person",
        "{} whose shoulders face one way and whose hips the other",
        "Left and right may have changed places.",
    ),
    Doubt(
        lambda each: each.num_mirrored,
        "warning",
        "person",
        "{} with both eyes seen, each on the side of the other",
        "Left and right may have changed places, as in a mirror image whose joints kept their "
        "names.",
    ),
)


def joints(seen: Sequence[Seen], categories: Sequence[Category]) -> Iterable[Finding]:
    """Joints that cannot be learned, teach something wrong, or may be mistakes."""
    people = [(each, each.people) for each in seen if each.people is not None and len(each.people)]
    known = joint_census([each.people for each in seen], categories)
    if known is None:
        return
    yield from _never(known)
    yield from _doubts(people)


def _never(known: JointCensus) -> Iterable[Finding]:
    missing = [name for name, number in known.labelled.items() if not number]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        yield Finding(
            "warning",
            f"Labelled in nobody: {shown} ({len(missing)} of "
            f"{count(len(known.labelled), 'joint')}). What is never shown cannot be learned.",
        )


def _doubts(people: Peopled) -> Iterable[Finding]:
    everybody = count(sum(len(each) for _, each in people), "person")
    for doubt in DOUBTS:
        number, where = _count(people, doubt.number_of)
        if number:
            is_person = doubt.noun == "person"
            what = doubt.what.format(
                f"{number:,} of {everybody}" if is_person else count(number, doubt.noun)
            )
            yield found_in(where, doubt.severity, what, doubt.cure)


def _count(people: Peopled, number_of: Callable[[People], int]) -> tuple[int, list[Seen]]:
    """A number over all pictures, and the pictures where it is not 0."""
    numbers = [number_of(each) for _, each in people]
    where = [seen for (seen, _), number in zip(people, numbers, strict=True) if number]
    return sum(numbers), where
