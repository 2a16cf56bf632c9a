"""Which mask belongs to which picture, from nothing but their names.

A file is a mask when a folder above it says so (masks, labels, annotations, SegmentationClass,
trainannot, ...) or its own name does (NAME_mask, NAME_segmentation, mask_NAME, ...). Picture and
mask belong together when their names agree once those words are taken away.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from pixelwise.datasets._files import folder_of, pictures, stem
from pixelwise.types import PixelwiseError

Role = Literal["mask", "image", "other", ""]

_MASK_WORDS = frozenset(
    (
        *("mask", "masks", "label", "labels", "lbl", "matte", "mattes", "target", "targets"),
        *("annot", "annotation", "annotations", "gt", "gts", "truth", "groundtruth", "manual"),
        *("seg", "segs", "segmentation", "segmentations", "semantic"),
    )
)
_IMAGE_WORDS = frozenset(
    (
        *("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "rgb"),
        *("input", "inputs", "data", "original", "originals", "frames"),
    )
)
# Pictures made from others, and maps of objects instead of classes.
_OTHER_WORDS = frozenset(
    (
        *("collage", "collages", "overlay", "overlays", "visualization", "visualizations", "viz"),
        *("preview", "previews", "thumbnails", "superpixels", "roi"),
        *("panoptic", "instance", "instances", "object"),
    )
)
# Further words in the names of such folders: JPEGImages, SegmentationClass, ground_truth, gtFine.
_FILLERS = frozenset(
    ("jpeg", "jpg", "png", "ground", "class", "classes", "fine", "dir", "folder", "raw")
)
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_SUFFIX = re.compile(
    r"(?P<core>.+?)[ ._-]+(?:ground[ _-]?truth|gt|masks?|labels?|lbl|seg|segs|segmentations?|"
    r"annot|annotations?|lesion|matte|target|manual)$",
    re.IGNORECASE,
)
_PREFIX = re.compile(
    r"(?:ground[ _-]?truth|gt|mask|label|seg|segmentation|annotation)"
    r"(?:[ ._-]+|(?=\d))(?P<core>.+)$",
    re.IGNORECASE,
)
_IMAGE_AFFIX = re.compile(
    r"(?:(?:image|img|im|photo|picture)(?:[ ._-]+|(?=\d))(?P<after>.+)"
    r"|(?P<before>.+?)[ ._-]+(?:image|img|photo|picture|rgb))$",
    re.IGNORECASE,
)
_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif")


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its mask, as paths relative to the folder."""

    id: str
    image: str
    mask: str
    split: str | None = None


@dataclass(frozen=True)
class Pairs:
    """What was found in a folder. ``left_out``: files taken for neither picture nor mask."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    masks: frozenset[str] = field(default=frozenset(), repr=False)


def pair_up(files: Iterable[str]) -> Pairs:
    """Pair the pictures among ``files`` with their masks.

    Raises:
        PixelwiseError: two masks fit one picture, or two pictures one mask.
    """
    found = [file for file in pictures(list(files)) if role_of(folder_of(file)) != "other"]
    masks = _masks_among(found)
    images = [file for file in found if file not in masks]
    images, masks, notes = _beside(images, masks)
    matched = _match(images, masks)
    unique = _with_unique_ids(list(_to_pairs(matched)))
    pairs = tuple(sorted(unique, key=lambda pair: pair.id))
    used = {pair.image for pair in pairs} | {mask for ms in matched.values() for mask in ms}
    unpaired = tuple(file for file in found if file not in used)
    return Pairs(with_declared_splits(pairs), unpaired, notes, frozenset(masks))


def mask_core(name: str) -> str | None:
    """The name without the word that makes it a mask's: "a" for "a_mask"; None without one."""
    match = _SUFFIX.fullmatch(name) or _PREFIX.fullmatch(name)
    return match["core"] if match else None


@lru_cache(maxsize=4096)
def role_of(folder: str) -> Role:
    """What the names of the folders above a file say about it; the innermost word counts."""
    for part in reversed(folder.split("/")):
        words = set(_words(part))
        if words & _OTHER_WORDS:
            return "other"
        if words & _MASK_WORDS:
            return "mask"
        if words & _IMAGE_WORDS:
            return "image"
    return ""


@lru_cache(maxsize=4096)
def split_of(folder: str) -> str | None:
    """ "train", "val" or "test" where exactly one of them is named above a file."""
    named = {_SPLITS[word] for word in _words(folder) if word in _SPLITS}
    return named.pop() if len(named) == 1 else None


def with_declared_splits(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs as they are, or without their parts where those declare nothing.

    A folder that names one part only (CamVid's test frames alone) does not say how to split it.
    """
    if len({pair.split for pair in pairs} - {None}) >= 2:
        return tuple(pairs)
    return tuple(Pair(pair.id, pair.image, pair.mask) for pair in pairs)


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    """Lower-case words; "SegmentationClass" and "trainannot" are two each."""
    plain = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)
    words = [word.lower() for word in plain]
    return tuple(half for word in words for half in _halves(word))


def _halves(word: str) -> tuple[str, ...]:
    for split in _SPLITS:
        rest = word.removeprefix(split)
        if rest != word and rest in _MASK_WORDS | _IMAGE_WORDS:
            return split, rest
    return (word,)


def _masks_among(found: Sequence[str]) -> set[str]:
    in_folders = {file for file in found if role_of(folder_of(file)) == "mask"}
    others = [file for file in found if file not in in_folders]
    here = {(folder_of(file), stem(file)) for file in others}
    by_name = set()
    for file in others:
        core = mask_core(stem(file))
        # In a folder of pictures "label_7" may be a photograph of a label; with "7" beside it
        # it is a mask.
        if core is not None and (
            role_of(folder_of(file)) != "image" or (folder_of(file), core) in here
        ):
            by_name.add(file)
    return in_folders | by_name


def _beside(images: list[str], masks: set[str]) -> tuple[list[str], set[str], tuple[str, ...]]:
    """NAME.jpg with NAME.png beside it: where nothing else is a mask, the lossless one is."""
    if masks:
        return images, masks, ()
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in images:
        groups[folder_of(file), stem(file)].append(file)
    twins = [files for files in groups.values() if len(files) == 2 and _is_mixed(files)]
    if not twins:
        return images, masks, ()
    taken = {file for files in twins for file in files if not file.lower().endswith(_LOSSY)}
    note = "Of NAME.jpg and a lossless NAME side by side, the lossless file is taken for the mask."
    return [file for file in images if file not in taken], taken, (note,)


def _is_mixed(files: Sequence[str]) -> bool:
    return len({file.lower().endswith(_LOSSY) for file in files}) == 2


# --- matching ----------------------------------------------------------------------------------

_Key = tuple[str, str]


def _match(images: Sequence[str], masks: Iterable[str]) -> dict[str, list[str]]:
    """Picture -> the masks that fit it."""
    exact: dict[_Key, list[str]] = defaultdict(list)
    for image in images:
        exact[_folder_key(image), _name(image)].append(image)
    matched: dict[str, list[str]] = defaultdict(list)
    left = []
    for mask in sorted(masks):
        candidates = [exact.get((_folder_key(mask), name)) for name in _names_of_mask(mask)]
        hits = next((hit for hit in candidates if hit), [])
        if not hits:
            left.append(mask)
        for image in _one_of(hits, mask):
            matched[image].append(mask)
    _match_loosely([image for image in images if image not in matched], left, matched)
    return matched


def _match_loosely(
    images: Sequence[str], masks: Sequence[str], matched: dict[str, list[str]]
) -> None:
    """By bare names, in any case and any folder, where that is unique among what is left."""
    by_name: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for image in images:
        for name in {_name(image).casefold(), _without_image_word(_name(image)).casefold()}:
            by_name[split_of(folder_of(image)), name].append(image)
    for mask in masks:
        split = split_of(folder_of(mask))
        candidates = [by_name.get((split, name.casefold())) for name in _names_of_mask(mask)]
        hits = next((hit for hit in candidates if hit), [])
        if len(hits) == 1:
            matched[hits[0]].append(mask)


def _names_of_mask(mask: str) -> tuple[str, ...]:
    name = _name(mask)
    core = mask_core(name)
    # CamVid's own masks end in _L, which is too short a word to mean a mask anywhere else.
    short = name.removesuffix("_L")
    return tuple(dict.fromkeys((name, *([core] if core else []), short)))


def _without_image_word(name: str) -> str:
    match = _IMAGE_AFFIX.fullmatch(name)
    return (match["after"] or match["before"]) if match else name


@lru_cache(maxsize=4096)
def key_of_folder(folder: str) -> str:
    """A folder without the words that make it one of pictures, of masks: equal for the two."""
    parts = []
    for part in folder.split("/"):
        kept = _words(part)
        if set(kept) & (_MASK_WORDS | _IMAGE_WORDS):
            drop = _MASK_WORDS | _IMAGE_WORDS | _FILLERS
            kept = tuple(word for word in kept if word not in drop)
            parts.append("-".join(kept))
        else:
            parts.append(part.casefold())
    return "/".join(part for part in parts if part)


def _folder_key(file: str) -> str:
    return key_of_folder(folder_of(file))


def _name(file: str) -> str:
    # macOS writes "e" and its accent as two characters, everybody else as one.
    return unicodedata.normalize("NFC", stem(file))


def _one_of(images: Sequence[str], mask: str) -> Sequence[str]:
    if len(images) > 1:
        raise PixelwiseError(
            f"Two pictures fit the mask {mask}: {images[0]} and {images[1]}. Take one of them out."
        )
    return images


def _to_pairs(matched: dict[str, list[str]]) -> Iterable[Pair]:
    for image, masks in matched.items():
        lossless = [mask for mask in masks if not mask.lower().endswith(_LOSSY)] or masks
        if len(lossless) > 1:
            raise PixelwiseError(
                f"Two masks fit {image}: {lossless[0]} and {lossless[1]}. Take one of them out, or "
                "give the folder that holds only one of each."
            )
        key = _folder_key(image)
        name = f"{key}/{_name(image)}" if key else _name(image)
        yield Pair(name, image, lossless[0], split_of(folder_of(image)))


def _with_unique_ids(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """Where two ids came out equal ("A/1" and "a/1"), the path says more."""
    counts = Counter(pair.id for pair in pairs)
    for pair in pairs:
        path = pair.image.rpartition(".")[0]
        yield pair if counts[pair.id] == 1 else replace(pair, id=path)
