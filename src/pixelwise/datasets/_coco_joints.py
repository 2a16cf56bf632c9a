"""Joints for panoptic segments: two of COCO's files that speak of the same people.

Nothing but the JSON is looked at. A person has one number in both files, or the two boxes tell
that it is one: a panoptic segment is the outline less what lies in front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._coco_cases import Case, Found, drafts_of
from pixelwise.datasets._coco_entries import Key, Region, Segment
from pixelwise.datasets._coco_json import Document
from pixelwise.datasets._locate import Locator
from pixelwise.words import count

# Boxes of two people in one picture overlap less; those of one person, outlined twice, more.
_SAME_IOU = 0.7
_JOINTED_KEYS = ("keypoints", "skeleton", "sigmas")

Boxed = Region | Segment


def name_joints(panoptic: Sequence[Document], jointed: Sequence[Document]) -> list[Document]:
    """The panoptic files, whose categories take over the joints of those of the same name."""
    named: dict[str, Mapping[str, Any]] = {}
    for document in jointed:
        for category in document.categories:
            if category.get("keypoints"):
                named.setdefault(category["name"], category)
    return [
        replace(
            document,
            categories=tuple(
                {**_only(named.get(category["name"], {})), **category}
                for category in document.categories
            ),
        )
        for document in panoptic
    ]


def join_joints(
    found: Found,
    panoptic: Sequence[Document],
    jointed: Sequence[Document],
    names: Sequence[str],
    files: Locator,
) -> Found:
    """The panoptic cases, whose segments know who has their joints.

    Args:
        found: the cases of the panoptic files.
        panoptic, jointed: the files. The jointed ones are counted on, after the panoptic.
        names: of the jointed files, relative to the folder.
        files: where pictures lie.
    """
    cases = {case.image: case for case in found.cases}
    notes = list(found.notes)
    for place, (document, name) in enumerate(zip(jointed, names, strict=True)):
        number, known, lost = len(panoptic) + place, 0, 0
        kinds = _names(document)
        for image, regions in drafts_of(document, name, files).items():
            if image not in cases:
                continue
            case = cases[image]
            people = [each for each in regions if each.has_joints and not each.is_crowd]
            pairs = _pairs(case, _names(panoptic[case.documents[0]]), people, kinds)
            cases[image] = _joined(case, {s: people[p] for s, p in pairs.items()}, number)
            known, lost = known + len(people), lost + len(people) - len(pairs)
        if lost:
            notes.append(
                f"{lost} of {count(known, 'annotation')} with joints in {name} fit no panoptic "
                "segment: these joints are left out."
            )
    return Found(tuple(cases[case.image] for case in found.cases), found.missing, tuple(notes))


def _only(category: Mapping[str, Any]) -> dict[str, Any]:
    return {key: category[key] for key in _JOINTED_KEYS if key in category}


def _names(document: Document) -> dict[Key, str]:
    return {category["id"]: category["name"] for category in document.categories}


def _joined(case: Case, people: Mapping[int, Region], number: int) -> Case:
    """The case with the people of its segments, by their places."""
    if case.segmented is None or not people:
        return case
    segments = tuple(
        replace(segment, person=people[place]) if place in people else segment
        for place, segment in enumerate(case.segmented.segments)
    )
    return replace(
        case,
        documents=(*case.documents, number),
        segmented=replace(case.segmented, segments=segments),
    )


def _pairs(
    case: Case, kinds: Mapping[Key, str], people: Sequence[Region], their_kinds: Mapping[Key, str]
) -> dict[int, int]:
    """Place of a segment -> place of its person: by number, and then by the boxes; one to one."""
    segments = case.segmented.segments if case.segmented else ()
    free = [s for s, each in enumerate(segments) if not each.is_crowd and each.person is None]
    by_number = {(segments[s].id, kinds[segments[s].category]): s for s in free}
    found: dict[int, int] = {}
    for place, person in enumerate(people):
        same = by_number.get((person.id, their_kinds[person.category]))  # type: ignore[arg-type]
        if same is not None:
            found.setdefault(same, place)
    rest = [s for s in free if s not in found]
    others = [p for p in range(len(people)) if p not in found.values()]
    ious = _ious([segments[s] for s in rest], [people[p] for p in others])
    for s, p in zip(*np.unravel_index(np.argsort(-ious, axis=None), ious.shape), strict=True):
        segment, person = segments[rest[s]], people[others[p]]
        is_same = kinds[segment.category] == their_kinds[person.category]
        is_free = rest[s] not in found and others[p] not in found.values()
        if is_same and is_free and ious[s, p] >= _SAME_IOU:
            found[rest[s]] = others[p]
    return found


def _ious(ones: Sequence[Boxed], others: Sequence[Boxed]) -> NDArray[np.float64]:
    """(N, M) intersection over union of boxes; 0 with what has none."""
    first, second = _boxes(ones)[:, None], _boxes(others)[None]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    both = _areas(first) + _areas(second) - shared
    return np.asarray(shared / np.maximum(both, np.spacing(1.0)))


def _boxes(regions: Sequence[Boxed]) -> NDArray[np.float64]:
    found = [region.box_xyxy or (0.0, 0.0, 0.0, 0.0) for region in regions]
    return np.array(found, np.float64).reshape(-1, 4)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))
