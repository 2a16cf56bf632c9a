"""COCO: outlines, joints and panoptic segments in JSON files that cover many pictures.

Read are instances_*.json, person_keypoints_*.json and any other JSON with images, annotations and
categories (LabelMe's, CVAT's, Roboflow's and VIA's exports), at the top of the folder or one
folder below; and panoptic_*.json with its folder of PNG files, which goes before all others.
Lin et al.: Microsoft COCO, 2014; Kirillov et al.: Panoptic segmentation, 2019.

Polygons become pixels exactly as COCO's own tools draw them. COCO gives joints as the numbers of
pixels: half a pixel is added, so that they lie in the middle of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from pixelwise.datasets._coco_json import Document, Key, Region, annotation_files, parse
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures
from pixelwise.datasets._joints import connect, first_joints
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._pairs import role_of
from pixelwise.datasets._pictures import read_image
from pixelwise.types import Annotation, Category, PixelwiseError, Sample, Skeleton


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
            read_image=partial(read_image, image),
            read_annotation=self._reader(case, image),
            split=case.split,
        )

    def _reader(self, case: Case, image: Path) -> partial[Annotation]:
        source = self.sources[case.documents[0]]
        if case.segmented is None or case.mask is None:
            return partial(read_regions, image, case.picture, case.regions, source)
        mask, segments = self.root / case.mask, case.segmented.segments
        return partial(read_panoptic, image, mask, case.picture, segments, source, self.categories)


def likeness(root: Path) -> float:
    """Nearly sure where a JSON file near the top has COCO's lists; a look at its two ends."""
    return 0.98 if annotation_files(root, glimpse(root))[0] else 0.0


def read(root: Path, masks: str) -> Coco:
    """Every picture that a JSON file describes.

    Pictures without a single annotation stay: there is nothing on them but background.

    Raises:
        PixelwiseError: a JSON file is damaged or contradicts itself or another, names more than
            254 things, none of its pictures is there, or nothing is outlined.
    """
    files = list_files(root)
    names, is_panoptic = annotation_files(root, files)
    documents = [parse(root / name) for name in names]
    categories, labels = categories_of(documents, is_panoptic)
    locate = Locator(pictures(files))
    found = (panoptic_cases if is_panoptic else instance_cases)(documents, names, locate)
    if not found.cases:
        raise PixelwiseError(_no_cases(root, documents, found))
    found, dropped = _only_outlined(root, found, documents[0])
    skeleton, fewer = _joints_of(documents, categories)
    sources = _sources(documents, labels, skeleton)
    notes = (*found.notes, *dropped, *fewer)
    if masks != "auto":
        notes += (f"The files say themselves what is where; --masks {masks} is not used.",)
    return Coco(
        "coco",
        root,
        _with_joints(categories, skeleton),
        found.cases,
        sources,
        tuple(root / file for file in _unpaired(files, found)),
        notes,
    )


def _only_outlined(root: Path, found: Found, first: Document) -> tuple[Found, list[str]]:
    """Without the annotations that outline nothing."""
    if any(case.segmented for case in found.cases):
        return found, []
    cases = tuple(
        replace(case, regions=tuple(filter(_is_outlined, case.regions))) for case in found.cases
    )
    kept = [region for case in cases for region in case.regions]
    dropped = sum(len(case.regions) for case in found.cases) - len(kept)
    if not kept:
        raise PixelwiseError(
            f"{first.path} holds {dropped} annotations of the pictures in {root}, and none of them "
            "has an outline or joints. Boxes alone are not learned from: export with "
            '"segmentation".'
        )
    notes = [f"{dropped} annotations without an outline are left out."] if dropped else []
    boxes = sum(region.segmentation is None for region in kept)
    if boxes:
        notes.append(
            f"{boxes} annotations have joints and no outline: their boxes are not learned from."
        )
    return replace(found, cases=cases), notes


def _is_outlined(region: Region) -> bool:
    if isinstance(region.segmentation, tuple):
        return any(len(polygon) >= 6 for polygon in region.segmentation)
    return region.segmentation is not None or _has_joints(region)


def _has_joints(region: Region) -> bool:
    return region.joints is not None and any(each > 0 for each in region.joints[2::3])


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
    documents: Sequence[Document], labels: Sequence[dict[Key, int]], skeleton: Skeleton | None
) -> tuple[Source, ...]:
    joints = (0, ()) if skeleton is None else (len(skeleton.joints), skeleton.mirrored)
    pairs = zip(documents, labels, strict=True)
    return tuple(Source(document.path, label, *joints) for document, label in pairs)


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
