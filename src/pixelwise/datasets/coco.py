"""COCO: outlines, joints and panoptic segments in JSON files that cover many pictures.

Read are instances_*.json, person_keypoints_*.json and any other JSON with images, annotations and
categories (LabelMe's, CVAT's, Roboflow's and VIA's exports), at the top of the folder or one
folder below; and panoptic_*.json with its folder of PNG files, which goes before all others: of
these only the joints are read then.
Lin et al.: Microsoft COCO, 2014; Kirillov et al.: Panoptic segmentation, 2019.

Polygons become pixels exactly as COCO's own tools draw them. COCO gives joints as the numbers of
pixels: half a pixel is added, so that they lie in the middle of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pixelwise.datasets._coco_annotations import (
    Source,
    read_panoptic,
    read_regions,
)
from pixelwise.datasets._coco_cases import (
    Case,
    Found,
    instance_cases,
    panoptic_cases,
)
from pixelwise.datasets._coco_categories import categories_of
from pixelwise.datasets._coco_entries import Key, Region
from pixelwise.datasets._coco_joints import join_joints, name_joints
from pixelwise.datasets._coco_json import Document, Files, annotation_files, parse
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures
from pixelwise.datasets._joints import connect, first_joints
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._pictures import read_image
from pixelwise.datasets._roles import role_of
from pixelwise.types import Annotation, Category, PixelwiseError, Sample, Skeleton
from pixelwise.words import count


@dataclass(frozen=True)
class Coco:
    """Pictures that JSON files describe. Opening it reads the JSON and no picture; see `Dataset`.

    ``sources``: for each JSON file what its pictures have in common.
    """

    layout: str
    root: Path
    categories: tuple[Category, ...]
    cases: tuple[Case, ...]
    sources: tuple[Source, ...]
    unpaired: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    masks: str = "auto"
    white_level: float | None = None
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        image = self.root / case.image
        files = [image, *(self.sources[document].json for document in case.documents)]
        if case.mask is not None:
            files.append(self.root / case.mask)
        return Sample(
            id=case.id,
            files=tuple(files),
            read_image=partial(read_image, image, self.white_level),
            read_annotation=self._reader(case, image),
            groups=self.groups.get(case.id, {}),
            split=case.split,
            is_sized=case.mask is not None or case.picture.size_hw is not None,
        )

    def _reader(self, case: Case, image: Path) -> partial[Annotation]:
        source = self.sources[case.documents[0]]
        if case.segmented is None or case.mask is None:
            return partial(read_regions, image, case.picture, case.regions, source)
        return partial(
            read_panoptic,
            image,
            self.root / case.mask,
            case.picture,
            case.segmented.segments,
            source,
            self.categories,
            self.sources[case.documents[-1]],
        )


def likeness(root: Path) -> float:
    """Nearly sure where a JSON file near the top has COCO's lists; a look at its two ends.

    Deeper down such a file may be left over from something else, and masks go before it.
    """
    files = glimpse(root)
    found = annotation_files(root, files).names
    if not found:
        return 0.0
    if min(name.count("/") for name in found) <= 1:
        return 0.98
    has_masks = any(role_of(folder_of(file)) == "mask" for file in pictures(files))
    return 0.0 if has_masks else 0.92


def read(root: Path, masks: str) -> Coco:
    """Every picture that a JSON file describes.

    Pictures without a single annotation stay: there is nothing on them but background.

    Raises:
        PixelwiseError: a JSON file is damaged or contradicts itself or another, names more than
            254 things, none of its pictures is there, or nothing is outlined.
    """
    files = list_files(root)
    own = annotation_files(root, files)
    documents = [parse(root / name) for name in own.names]
    jointed = [parse(root / name) for name in own.jointed]
    documents = name_joints(documents, jointed) if jointed else documents
    categories, labels = categories_of(documents, own.is_panoptic)
    found = _cases(own, documents, jointed, Locator(pictures(files)))
    if not found.cases:
        raise PixelwiseError(_no_cases(root, documents, found))
    every = [*documents, *jointed]
    used = {number for case in found.cases for number in case.documents}
    skeleton, fewer = _joints_of([every[number] for number in sorted(used)], categories)
    categories = _with_joints(categories, skeleton)
    found, dropped = _only_told(root, found, documents[0], labels, categories)
    labels = [*labels, *({} for _ in jointed)]
    sources = _sources(every, labels, skeleton, categories, _outlines(found))
    told = (note for document in every for note in document.notes)
    notes = (*told, *found.notes, *dropped, *fewer)
    if masks != "auto":
        notes += (f"The files say themselves what is where; --masks {masks} is not used.",)
    return Coco(
        "coco",
        root,
        categories,
        found.cases,
        sources,
        tuple(root / file for file in _unpaired(files, found)),
        notes,
    )


def _cases(
    own: Files, documents: Sequence[Document], jointed: Sequence[Document], locate: Locator
) -> Found:
    if not own.is_panoptic:
        return instance_cases(documents, own.names, locate)
    found = panoptic_cases(documents, own.names, locate)
    return join_joints(found, documents, jointed, own.jointed, locate)


# --- what is outlined, and what is known by its joints -------------------------------------------


def _only_told(
    root: Path,
    found: Found,
    first: Document,
    labels: Sequence[dict[Key, int]],
    categories: Sequence[Category],
) -> tuple[Found, list[str]]:
    """Without the annotations that say nothing of pixels or joints.

    A box beside outlines stays, and that of somebody who could have joints: what is inside is not
    known, so it is no background.
    """
    if any(case.segmented for case in found.cases):
        return found, []
    has_outlines = _outlines(found)

    def says_something(case: Case, region: Region) -> bool:
        category = categories[labels[case.documents[0]][region.category]]
        could = region.box_xyxy is not None and (has_outlines or category.skeleton is not None)
        return region.is_outlined or region.has_joints or could

    cases = tuple(
        replace(case, regions=tuple(each for each in case.regions if says_something(case, each)))
        for case in found.cases
    )
    kept = [region for case in cases for region in case.regions]
    dropped = sum(len(case.regions) for case in found.cases) - len(kept)
    if not any(region.is_outlined or region.has_joints for region in kept):
        raise PixelwiseError(
            f"{first.path} holds {dropped + len(kept)} annotations of the pictures in {root}, and "
            "none of them has an outline or joints. Boxes alone are not learned from: export with "
            '"segmentation".'
        )
    _refuse_four_numbers(first, found)
    notes = [_about_dropped(dropped, has_outlines)] if dropped else []
    return replace(found, cases=cases), [*notes, *_boxes_alone(kept)]


def _about_dropped(dropped: int, has_outlines: bool) -> str:
    if not has_outlines:
        return f"{count(dropped, 'annotation')} without joints {_are(dropped)} left out."
    return (
        f"{count(dropped, 'annotation')} with neither an outline nor a box {_are(dropped)} left "
        "out: what they are about counts as background."
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _refuse_four_numbers(first: Document, found: Found) -> None:
    """A box in place of an outline can be written in two ways; "bbox" tells which.

    Raises:
        PixelwiseError: there is such a box, and no "bbox".
    """
    for case in found.cases:
        for region in case.regions:
            outline = region.segmentation if isinstance(region.segmentation, tuple) else ()
            is_boxed = any(len(polygon) == 4 for polygon in outline)
            if is_boxed and not region.is_outlined and region.box_xyxy is None:
                raise PixelwiseError(
                    f"Annotation {region.id} (image {case.image}) in {first.path} has four numbers "
                    'as its outline and no "bbox": two corners, or x, y, width, height. Add "bbox" '
                    "as [x, y, width, height], or outline it."
                )


def _boxes_alone(kept: Sequence[Region]) -> list[str]:
    """What is made of those who are not outlined."""
    boxed = [region for region in kept if not region.is_outlined]
    jointed = sum(region.has_joints for region in boxed)
    unknown = len(boxed) - jointed
    notes = []
    if jointed and len(boxed) < len(kept):
        notes.append(
            f"{count(jointed, 'annotation')} with joints and no outline: of what is inside the "
            "boxes nothing else is known."
        )
    elif jointed:
        notes.append(f"Nothing is outlined: {count(jointed, 'annotation')} with joints and boxes.")
    if unknown:
        notes.append(
            f"{count(unknown, 'annotation')} with a box alone: nothing inside is learned from."
        )
    return notes


def _outlines(found: Found) -> bool:
    """Whether anything is outlined in any picture."""
    return any(
        case.segmented is not None or any(region.is_outlined for region in case.regions)
        for case in found.cases
    )


# --- joints --------------------------------------------------------------------------------------


def _joints_of(
    documents: Sequence[Document], categories: Sequence[Category]
) -> tuple[Skeleton | None, list[str]]:
    """The joints of the dataset, with notes; None where no annotation has any.

    Raises:
        PixelwiseError: two categories have different joints.
    """
    named = [category for category in categories if category.skeleton is not None]
    regions = [region for document in documents for region in document.regions if region.joints]
    if not named or not regions or named[0].skeleton is None:
        return None, []
    skeleton = named[0].skeleton
    for other in named[1:]:
        if other.skeleton is not None and other.skeleton.joints != skeleton.joints:
            raise PixelwiseError(
                f"{named[0].name} and {other.name} have different joints in {documents[0].path}; "
                "one set of joints is learned at a time. Take the others' out."
            )
    given = {len(region.joints or ()) // 3 for region in regions}
    count = given.pop() if len(given) == 1 else len(skeleton.joints)
    notes = []
    if count < len(skeleton.joints):
        # Human-Art names 21 joints and gives COCO's 17 of them.
        notes = [f"{len(skeleton.joints)} joints are named, and only the first {count} are given."]
        skeleton = first_joints(skeleton, count)
    skeleton, added = connect(skeleton, [region.joints for region in regions if region.joints])
    return skeleton, [*notes, *added]


def _with_joints(categories: Sequence[Category], skeleton: Skeleton | None) -> tuple[Category, ...]:
    """The categories with the joints of the dataset, where they have some."""
    return tuple(
        replace(category, skeleton=skeleton if category.skeleton else None)
        for category in categories
    )


def _sources(
    documents: Sequence[Document],
    labels: Sequence[dict[Key, int]],
    skeleton: Skeleton | None,
    categories: Sequence[Category],
    has_outlines: bool,
) -> tuple[Source, ...]:
    joints = (0, ()) if skeleton is None else (len(skeleton.joints), skeleton.mirrored)
    jointed = frozenset(k for k, category in enumerate(categories) if category.skeleton)
    pairs = zip(documents, labels, strict=True)
    return tuple(
        Source(document.path, label, *joints, has_outlines, jointed) for document, label in pairs
    )


# --- what is missing -----------------------------------------------------------------------------


def _unpaired(files: Sequence[str], found: Found) -> list[str]:
    """Pictures that are named and missing, and pictures that are there and not named."""
    used = {file for case in found.cases for file in (case.image, case.mask)}
    others = (file for file in pictures(list(files)) if file not in used)
    apart = {folder_of(case.mask) for case in found.cases if case.mask}
    loose = [
        file
        for file in others
        if folder_of(file) not in apart and role_of(folder_of(file)) not in ("mask", "other")
    ]
    return list(dict.fromkeys([*found.missing, *loose]))


def _no_cases(root: Path, documents: Sequence[Document], found: Found) -> str:
    path = documents[0].path
    if not any(document.count for document in documents):
        return f"{path} has no annotations. Give a folder whose JSON outlines something."
    count, one = len(found.missing), next(iter(found.missing), "")
    return (
        f"None of the {count} pictures that {path} names is in {root}, for example {one}. Put the "
        "pictures into the folder, by these names."
    )
