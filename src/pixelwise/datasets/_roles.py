"""What the names of folders say: whether they hold images or masks, and of which part.

Folders are named in words of which a few are known: JPEGImages, SegmentationClass, labelsTr,
trainannot, TRAIN_MASKS, "2. Ground Truths". Case and separators do not matter.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Role = Literal["mask", "image", "other", ""]

MASK_WORDS = frozenset(
    (
        *("mask", "masks", "label", "labels", "lbl", "matte", "mattes", "target", "targets"),
        *("annot", "annots", "annotation", "annotations", "anno", "annos", "gt", "gts", "truth"),
        *("truths", "groundtruth", "groundtruths", "manual", "trimap", "trimaps"),
        *("seg", "segs", "segmentation", "segmentations", "semantic"),
    )
)
IMAGE_WORDS = frozenset(
    (
        *("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "rgb"),
        *("input", "inputs", "data", "original", "originals", "frames"),
    )
)
# Images made from others, and maps of objects instead of classes.
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
# Short forms that name a part only beside a word for images or masks: imagesTr, DUTS-TE-Mask.
_SHORT_SPLITS = {"tr": "train", "ts": "test", "te": "test"}
_KNOWN = MASK_WORDS | IMAGE_WORDS | _OTHER_WORDS | _FILLERS | _SPLITS.keys() | _SHORT_SPLITS.keys()
_LONGEST_FIRST = sorted(_KNOWN, key=lambda word: (-len(word), word))
# Words that end compounds whose beginning may be anything: defaultannot, pedmasks.
_ENDINGS = ("annotations", "segmentations", "segmentation", "images", "labels", "masks", "annot")


@lru_cache(maxsize=4096)
def role_of(folder: str) -> Role:
    """What the names of the folders above a file say about it; the innermost word counts."""
    for part in reversed(folder.split("/")):
        words = set(words_of(part))
        if words & _OTHER_WORDS:
            return "other"
        if words & MASK_WORDS:
            return "mask"
        if words & IMAGE_WORDS:
            return "image"
    return ""


@lru_cache(maxsize=4096)
def split_of(folder: str) -> str | None:
    """ "train", "val" or "test" where exactly one of them is named above a file."""
    named = {_SPLITS[word] for word in words_of(folder) if word in _SPLITS}
    for part in folder.split("/"):
        words = set(words_of(part))
        if words & (MASK_WORDS | IMAGE_WORDS):
            named |= {_SHORT_SPLITS[word] for word in words if word in _SHORT_SPLITS}
    return named.pop() if len(named) == 1 else None


def says_what_it_holds(name: str) -> bool:
    """Whether a folder's name is that of a part, or made of words for images or masks alone.

    "masks" and "JPEGImages" are; "Kvasir-SEG" and "data" are names of whole datasets.
    """
    words = set(words_of(name))
    known = (MASK_WORDS | IMAGE_WORDS | _OTHER_WORDS | _FILLERS) - {"data"}
    return bool(words & _SPLITS.keys()) or words <= known


@lru_cache(maxsize=4096)
def key_of_folder(folder: str) -> str:
    """A folder without the words that make it one of images, of masks: equal for the two."""
    parts = []
    for part in folder.split("/"):
        kept = words_of(part)
        if set(kept) & (MASK_WORDS | IMAGE_WORDS):
            drop = MASK_WORDS | IMAGE_WORDS | _FILLERS
            kept = tuple(word for word in kept if word not in drop)
            parts.append("-".join(kept))
        else:
            parts.append(part.casefold())
    return "/".join(part for part in parts if part)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words; "SegmentationClass", "trainannot" and "JPEGIMAGES" are two each."""
    plain = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)
    words = [word.lower() for word in plain]
    return tuple(part for word in words for part in _parts_of(word))


def _parts_of(word: str) -> tuple[str, ...]:
    """The known words that a word is put together from; itself where it is not."""
    if word in _KNOWN:
        return (word,)
    for known in _LONGEST_FIRST:
        rest = word.removeprefix(known)
        parts = _parts_of(rest) if rest not in ("", word) else ()
        if parts and all(part in _KNOWN for part in parts):
            return known, *parts
    ending = next((each for each in _ENDINGS if word.endswith(each)), "")
    return (word.removesuffix(ending), ending) if ending else (word,)
