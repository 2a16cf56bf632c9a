"""COCO's files brought together: one case for each picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pixelwise.datasets._coco_entries import Key, Picture, Region, Segmented
from pixelwise.datasets._coco_json import Document
from pixelwise.datasets._files import folder_of, stem
from pixelwise.datasets._joints import skeleton_in
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._roles import split_of
from pixelwise.types import PixelwiseError


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
        self.has_joints = any(skeleton_in(category) for category in document.categories)
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


def drafts_of(document: Document, source: str, files: Locator) -> dict[str, list[Region]]:
    """Where the pictures of a file lie -> its annotations of them.

    ``source``: the file's path relative to the folder.

    Raises:
        PixelwiseError: it lists a picture twice.
    """
    found = _Drafts(0, document, source, files)
    return {image: draft.regions for image, draft in found.drafts.items()}


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
    """File -> id: the name in the JSON without its ending and without the folders all share.

    Where that names two pictures, it is the file's path, without the ending if that is enough.
    """
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
    for longer in (_without_ending, str):
        counts = Counter(short.values())
        short = {file: n if counts[n] == 1 else longer(file) for file, n in short.items()}
    return short


def _without_ending(file: str) -> str:
    return file.rpartition(".")[0]


def _splits(sources: Mapping[str, str]) -> dict[str, str | None]:
    """File -> part, by the name of the JSON, its folder, or the picture's; two parts or none."""
    found: dict[str, str | None] = {}
    for file, source in sources.items():
        words = (stem(source), folder_of(source), folder_of(file))
        found[file] = next((part for word in words if (part := split_of(word))), None)
    if len(set(found.values()) - {None}) < 2:
        return dict.fromkeys(found)
    return found
