"""What can be wrong with the instances of pictures: one function for each thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pixelwise.findings import Finding, about, found_in
from pixelwise.objects import SAME_PLACE_PX, TWINS_IOU
from pixelwise.scan import Seen
from pixelwise.types import Category
from pixelwise.words import count, plural

# Three by three: what is smaller has no inside.
_TINY_PX = 9


def instances(seen: Sequence[Seen], categories: Sequence[Category]) -> Iterable[Finding]:
    """Instances that a model could not tell apart, would lose, or may be mistakes."""
    if not any(category.is_thing for category in categories):
        return
    without = [each for each in seen if not len(each.objects) and not each.people]
    if without:
        yield about(without, "note", f"picture{plural(len(without))} without any instance")
    yield from _overlaps(seen)
    yield from _too_close(seen)
    yield from _too_small(seen)
    yield from _in_parts(seen)


def _overlaps(seen: Sequence[Seen]) -> Iterable[Finding]:
    twins = [each for each in seen if each.objects.num_twins]
    if twins:
        pairs = sum(each.objects.num_twins for each in twins)
        yield found_in(
            twins,
            "warning",
            f"{count(pairs, 'pair')} of instances that lie on each other by more than half "
            f"(intersection over union above {TWINS_IOU})",
            "An object that was outlined twice is counted twice: keep one of the two.",
        )
    shared = [each for each in seen if each.objects.shared_px]
    if shared:
        pixels = sum(each.objects.shared_px for each in shared)
        share = pixels / sum(each.objects.covered_px for each in seen)
        yield found_in(
            shared,
            "note",
            f"instances overlap in {100 * share:.2g} % of their pixels",
            "The model gives each pixel to one: the smaller is learned on top.",
        )


def _too_close(seen: Sequence[Seen]) -> Iterable[Finding]:
    close = [each for each in seen if each.objects.num_same_place]
    if close:
        pairs = sum(each.objects.num_same_place for each in close)
        yield found_in(
            close,
            "warning",
            f"{count(pairs, 'pair')} of instances whose centres of mass are closer than "
            f"{SAME_PLACE_PX:g} px",
            "A model that finds instances by their centres sees one where there are two.",
        )


def _too_small(seen: Sequence[Seen]) -> Iterable[Finding]:
    tiny = [each for each in seen if (each.objects.areas_px < _TINY_PX).any()]
    if tiny:
        areas = np.concatenate([each.objects.areas_px for each in tiny])
        number, single = int((areas < _TINY_PX).sum()), int((areas == 1).sum())
        yield found_in(
            tiny,
            "warning",
            f"{count(number, 'instance')} of fewer than {_TINY_PX} pixels ({single} of a "
            "single one)",
            "Slips of the pen are best removed; true ones are lost where pictures are made "
            "smaller.",
        )


def _in_parts(seen: Sequence[Seen]) -> Iterable[Finding]:
    parted = [each for each in seen if each.objects.num_parted]
    if parted:
        number = sum(each.objects.num_parted for each in parted)
        total = sum(len(each.objects) for each in seen)
        yield found_in(
            parted,
            "note",
            f"{number} of {total:,} instances in several parts that do not touch",
            "That is right where something lies in front, and wrong where one number was given "
            "twice.",
        )
