"""COCO's files brought together: one case for each picture, one list of categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise.datasets._coco_json import Document, Key, Picture, Region, Segmented
from pixelwise.datasets._files import folder_of, stem
from pixelwise.datasets._joints import skeleton_of
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._pairs import split_of
from pixelwise.draw import palette
from pixelwise.types import Category, PixelwiseError

_MOST_CATEGORIES = 255
_BACKGROUND = re.compile(r"_*background_*", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    """A picture and what the files say of it.

    ``image``, ``mask``: paths relative to the dataset's folder. ``documents``: indices of the
    files that speak of it, the one that its ids of categories are from first.
    """

    id: str
    image: str
    picture: Picture
    documents: tuple[int, ...]
    split: str | None
    regions: tuple[Region, ...] = ()
    segmented: Segmented | None = None
    mask: str | None = None


@dataclass(frozen=True)
class Found:
    """Cases, what is missing or belongs to none of them, and notes."""

    cases: tuple[Case, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


# --- categories ----------------------------------------------------------------------------------


def categories_of(
    documents: Sequence[Document], is_panoptic: bool
) -> tuple[tuple[Category, ...], list[dict[Key, int]]]:
    """All categories that the files name, and for each file its ids as indices into them.

    Files number their categories as they like (train and validation of two exports); what has one
    name is one category. Of instances the background comes first, whether it is listed or not.

    Raises:
        PixelwiseError: more than 255, or a panoptic category that says not whether it is a thing.
    """
    entries: dict[str, Mapping[str, Any]] = {} if is_panoptic else {"background": {}}
    names = [_names(document, is_panoptic) for document in documents]
    for document, named in zip(documents, names, strict=True):
        for category in document.categories:
            name = named[category["id"]]
            entries[name] = {**category, **entries.get(name, {})}
    if len(entries) > _MOST_CATEGORIES:
        raise PixelwiseError(
            f"{documents[0].path} names {len(entries)} categories (with the background); "
            f"{_MOST_CATEGORIES} can be told apart at most. Keep those you need, and the "
            "annotations of these."
        )
    places = {name: place for place, name in enumerate(entries)}
    labels = [{key: places[name] for key, name in named.items()} for named in names]
    return _categories(entries, is_panoptic, documents[0].path), labels


def _names(document: Document, is_panoptic: bool) -> dict[Key, str]:
    """Category id -> name; two of one name are told apart by their ids."""
    counts = Counter(category["name"] for category in document.categories)
    named: dict[Key, str] = {}
    for category in document.categories:
        name = category["name"]
        if not is_panoptic and _BACKGROUND.fullmatch(name):
            name = "background"
        elif counts[name] > 1:
            name = f"{name} ({category['id']})"
        named[category["id"]] = name
    return named


def _categories(
    entries: Mapping[str, Mapping[str, Any]], is_panoptic: bool, path: Path
) -> tuple[Category, ...]:
    colors = _colors(entries, is_panoptic)
    if is_panoptic:
        unsaid = [name for name, entry in entries.items() if "isthing" not in entry]
        if unsaid:
            raise PixelwiseError(
                f"{path} does not say whether {unsaid[0]} is counted one by one: give every "
                'category "isthing": 1 (a sheep) or 0 (a meadow).'
            )
    return tuple(
        Category(
            name,
            color,
            bool(entry["isthing"]) if is_panoptic else place > 0,
            skeleton_of(entry),
        )
        for place, ((name, entry), color) in enumerate(zip(entries.items(), colors, strict=True))
    )


def _colors(
    entries: Mapping[str, Mapping[str, Any]], is_panoptic: bool
) -> Sequence[tuple[int, int, int]]:
    """The files' own where every category has one, else the palette's."""
    given = [entry.get("color") for name, entry in entries.items() if name != "background"]
    own = [(color[0], color[1], color[2]) for color in given if color and _is_color(color)]
    has_background = "background" in entries
    if len(own) < len(given) or not own:
        return palette(len(entries) + is_panoptic)[int(is_panoptic) :]
    rest = iter(own)
    black = (0, 0, 0)
    return [black if has_background and name == "background" else next(rest) for name in entries]


def _is_color(color: Any) -> bool:
    return (
        isinstance(color, list)
        and len(color) == 3
        and all(isinstance(each, int) and 0 <= each <= 255 for each in color)
    )


# --- pictures with outlines ----------------------------------------------------------------------


def instance_cases(documents: Sequence[Document], sources: Sequence[str], files: Locator) -> Found:
    """One case for each picture that is there, whatever number of files describe it.

    ``sources``: the documents' paths relative to the folder.

    Raises:
        PixelwiseError: two files describe one picture, and differently.
    """
    drafts: dict[str, _Draft] = {}
    missing: list[str] = []
    notes: list[str] = []
    for index in _richest_first(documents):
        document, source = documents[index], sources[index]
        if not document.regions:
            count = len(document.pictures)
            notes.append(f"{source} has no annotations: its {count} pictures are left out.")
            continue
        found = _Drafts(index, document, source, files)
        missing += found.missing
        shared = [image for image in found.drafts if image in drafts]
        drafts.update({i: draft for i, draft in found.drafts.items() if i not in drafts})
        if shared:
            notes += _join(shared, drafts, found, sources)
    return Found(tuple(_cases(drafts, sources)), tuple(missing), tuple(notes))


class _Draft:
    """A case while it is put together."""

    def __init__(self, picture: Picture, document: int) -> None:
        self.picture = picture
        self.documents = [document]
        self.regions: list[Region] = []


class _Drafts:
    """The pictures of one file by where they lie."""

    def __init__(self, index: int, document: Document, source: str, files: Locator) -> None:
        self.source = source
        self.index = index
        self.has_joints = any(skeleton_of(category) for category in document.categories)
        self.drafts: dict[str, _Draft] = {}
        self.missing: list[str] = []
        by_id: dict[Key, _Draft] = {}
        for picture in document.pictures.values():
            image = files.find(picture.name, source)
            if image is None:
                self.missing.append(picture.name)
                continue
            if image in self.drafts:
                raise PixelwiseError(
                    f"{source} lists {image} twice, as {self.drafts[image].picture.name} and "
                    f"{picture.name}. Take one of them out."
                )
            by_id[picture.id] = self.drafts[image] = _Draft(picture, index)
        for region in document.regions:
            if region.picture in by_id:
                by_id[region.picture].regions.append(region)


def _richest_first(documents: Sequence[Document]) -> list[int]:
    """The file with all the categories before the one that has only people's joints."""

    def key(index: int) -> tuple[int, int, int]:
        return -len(documents[index].categories), -documents[index].count, index

    return sorted(range(len(documents)), key=key)


def _join(
    shared: Iterable[str], drafts: Mapping[str, _Draft], found: _Drafts, sources: Sequence[str]
) -> Iterator[str]:
    """Add the joints of a second file to the same objects of a first."""
    taken: Counter[str] = Counter()
    for image in shared:
        known = {region.id: region for region in drafts[image].regions}
        for region in found.drafts[image].regions:
            if region.id is None or region.id not in known:
                raise PixelwiseError(
                    f"{sources[drafts[image].documents[0]]} and {found.source} both describe "
                    f"{image}, and not the same objects (annotation {region.id} is in the second "
                    "only). Take one of the files out, or merge them."
                )
            if found.has_joints and known[region.id].joints is None:
                known[region.id].joints = region.joints
                taken[image] += 1
        if taken[image]:
            drafts[image].documents.append(found.index)
    if not taken:
        yield f"{found.source} is left out: another file describes the same objects."


def _cases(drafts: Mapping[str, _Draft], sources: Sequence[str]) -> Iterator[Case]:
    ids = _ids({image: draft.picture.name for image, draft in drafts.items()})
    splits = _splits({image: sources[draft.documents[0]] for image, draft in drafts.items()})
    for image, draft in sorted(drafts.items(), key=lambda item: ids[item[0]]):
        yield Case(
            ids[image],
            image,
            draft.picture,
            tuple(draft.documents),
            splits[image],
            tuple(draft.regions),
        )


# --- pictures with panoptic masks ----------------------------------------------------------------


def panoptic_cases(documents: Sequence[Document], sources: Sequence[str], files: Locator) -> Found:
    """One case for each picture that is there with its PNG.

    Raises:
        PixelwiseError: two files describe one picture.
    """
    found: dict[str, tuple[int, Picture, Segmented, str]] = {}
    missing: list[str] = []
    for index, (document, source) in enumerate(zip(documents, sources, strict=True)):
        by_picture = {each.picture: each for each in document.segmented}
        for picture in document.pictures.values():
            segmented = by_picture.get(picture.id)
            image = files.find(picture.name, source)
            mask = files.find(segmented.name, source, is_mask=True) if segmented else None
            if image is None or mask is None or segmented is None:
                missing.append(image or mask or picture.name)
                continue
            if image in found:
                raise PixelwiseError(
                    f"{sources[found[image][0]]} and {source} both describe {image}. Take one of "
                    "the files out."
                )
            found[image] = index, picture, segmented, mask
    ids = _ids({image: entry[1].name for image, entry in found.items()})
    splits = _splits({image: sources[entry[0]] for image, entry in found.items()})
    cases = (
        Case(ids[image], image, picture, (index,), splits[image], segmented=segmented, mask=mask)
        for image, (index, picture, segmented, mask) in found.items()
    )
    return Found(tuple(sorted(cases, key=lambda case: case.id)), tuple(missing), ())


# --- names and parts -----------------------------------------------------------------------------


def _ids(names: Mapping[str, str]) -> dict[str, str]:
    """File -> id: the name in the JSON without its ending and without the folders all share."""
    if not names:
        return {}
    folders = [folder_of(name).split("/") for name in names.values()]
    shared = 0
    while all(len(each) > shared and each[shared] == folders[0][shared] for each in folders):
        shared += 1
    short = {
        file: "/".join([*folder[shared:], stem(name)])
        for (file, name), folder in zip(names.items(), folders, strict=True)
    }
    counts = Counter(short.values())
    return {file: name if counts[name] == 1 else file for file, name in short.items()}


def _splits(sources: Mapping[str, str]) -> dict[str, str | None]:
    """File -> part, by the name of the JSON, its folder, or the picture's; two parts or none."""
    found: dict[str, str | None] = {}
    for file, source in sources.items():
        words = (stem(source), folder_of(source), folder_of(file))
        found[file] = next((part for word in words if (part := split_of(word))), None)
    if len(set(found.values()) - {None}) < 2:
        return dict.fromkeys(found)
    return found
