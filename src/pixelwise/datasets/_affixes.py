"""What the name of a file says: the image it belongs to, and whether it is a mask of it.

Words before and after the image's own name make a mask's: NAME_mask, NAME_cp_masks, "Mask of
NAME", NAME_1stHO. Some mean a mask wherever they stand (mask, label, gt); others do only beside the
image of that name (contour, lesion, L), for they are parts of images' names too. Images carry words
as well (NAME_orig, NAME_rgb, NAME_0000), which are taken away likewise.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from pixelwise.datasets._files import stem
from pixelwise.datasets._pictures import SUFFIXES

_SEPARATOR = r"[ ._-]+"
_STRONG = (
    r"ground[ _-]?truths?|gts?|masks?|labels?|lbl|segs?|segmentations?|annots?|annotations?|annos?|"
    r"matte|target|manual|trimap"
)
# Tools and people add these to what is a mask: NAME_cp_masks, NAME_Simple Segmentation,
# NAME_gtFine_labelTrainIds.
_MODIFIERS = (
    r"cp|simple|binary|bin|semantic|instance|object|final|corrected|human|manual|image|img|map|"
    r"ids|identities|predictions|class|classes|blockwise"
)
_WEAK = (
    r"contours?|outlined?|lesion|binary|bin|bw|predict|prediction|predicted|pred|lab|m|l|p|fg|"
    r"labell?ed|segmented|annotated|classified|watershed|threshold(?:ed)?|binarized|ann|"
    r"foreground|silhouette|alpha|matting|object[ _-]identities|object[ _-]predictions|"
    r"1stho|2ndho|ah|vk|truth"
)
_PEOPLE = r"(?:expert|annotator|rater|observer|reader|doctor|grader|ho)[ _-]?(?:\d+|[a-d])"
_OBSERVER = re.compile(
    rf".+?[ ._-](?P<who>(?:1st|2nd|3rd)HO|ah|vk|(?:manual|GT)[ _-]?\d+|{_PEOPLE})$", re.IGNORECASE
)
_SUFFIX = re.compile(rf"(?P<core>.+?){_SEPARATOR}(?:{_STRONG})$", re.IGNORECASE)
_NUMBERED = re.compile(
    rf"(?P<core>.+?){_SEPARATOR}(?:{_STRONG}|lesion|contour)[ _-]?(?P<number>\d{{1,4}})$",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?P<core>.*\d)(?:masks?|gt|labels?|seg)$", re.IGNORECASE)
_HINT = re.compile(rf"(?P<core>.+?){_SEPARATOR}(?:{_WEAK}|{_PEOPLE})$", re.IGNORECASE)
_MORE = re.compile(rf"(?P<core>.+?){_SEPARATOR}(?:{_MODIFIERS}|contour|lesion)$", re.IGNORECASE)
_PREFIX = re.compile(
    r"(?:(?:(?:count[ _])?masks?|labels?|segmentation|annotations?)[ _]of|lblimg|man_seg|"
    r"ground[ _-]?truth|gt|mask|label|seg|segmentation|annotation)"
    r"(?:[ ._-]+|(?=\d))(?P<core>.+)$",
    re.IGNORECASE,
)
_INFIX = re.compile(rf"(?P<before>.+?){_SEPARATOR}(?:{_STRONG})(?P<after>{_SEPARATOR}.+)$", re.I)
_IMAGE_WORDS = (
    r"image|img|photo|picture|rgb|orig|original|raw|sat|satellite|input|org|src|source|volume|"
    r"leftImg8bit|dermoscopic[ _]image"
)
_IMAGE_AFFIX = re.compile(
    r"(?:(?:image|img|im|photo|picture|volume)(?:[ ._-]+|(?=\d))(?P<after>.+)"
    rf"|(?P<before>.+?){_SEPARATOR}(?:{_IMAGE_WORDS})"
    # DRIVE's 21_training.tif, the Cell Tracking Challenge's t000.tif.
    r"|(?P<number>\d+)_(?:training|test)|t(?P<frame>\d{3,4}))$",
    re.IGNORECASE,
)
_IMAGE_INFIX = re.compile(
    rf"(?P<before>.+?){_SEPARATOR}(?:image|img|rgb|volume)(?P<after>{_SEPARATOR}.+)$", re.IGNORECASE
)
CHANNEL = re.compile(r"(?P<core>.+)_(?P<channel>\d{4})$")
"""nnU-Net's names of images: the case, then the number of the channel."""
# What is made from an image or a mask and is neither: kind -> the words that end the name.
_DERIVED = {
    "probabilities": r"(?:pixel |object )?probabilit(?:y|ies)|prob|probs|heat[ _-]?map|uncertainty",
    "features": r"features|object feature image|cp_flows|flows|distances?|centers?|centres?",
    "drawings": r"cp_outlines?|outlines|overlay|overlaid|blend|vis|visualization|preview|thumb",
    "parts of objects": r"parts_\d+",
}
_DERIVED_SUFFIX = {
    kind: re.compile(rf"(?P<core>.+?){_SEPARATOR}(?:{words})$", re.IGNORECASE)
    for kind, words in _DERIVED.items()
}
_HAS_DERIVED = re.compile(
    r"prob|heat|uncertainty|feature|flows|distance|outline|overlai?[dy]|blend|vis|preview|thumb|"
    r"drawing|parts|cent|track",
    re.IGNORECASE,
)
_DERIVED_PREFIX = {
    "drawings": re.compile(r"(?:drawing|outlines)[ _]of[ _](?P<core>.+)$", re.IGNORECASE),
    "tracks": re.compile(r"man_track(?P<core>.+)$", re.IGNORECASE),
}
_COLORED = re.compile(rf".+?{_SEPARATOR}(?:colou?red|colou?rs?|rgb|vis)$", re.IGNORECASE)


@lru_cache(maxsize=65536)
def name_of(file: str) -> str:
    """The name without folder and ending; accents as one character, as all but macOS write them."""
    return unicodedata.normalize("NFC", stem(file))


def mask_core(name: str) -> str | None:
    """The name without the word that makes it a mask's: "a" for "a_mask"; None without one."""
    match = _SUFFIX.fullmatch(name) or _PREFIX.fullmatch(name)
    return match["core"] if match else None


def hinted_core(name: str) -> str | None:
    """The same for words that make a mask only beside the image: "a" for "a_contour"."""
    match = _HINT.fullmatch(name) or _GLUED.fullmatch(name)
    return match["core"] if match else inner_core(name)


def inner_core(name: str) -> str | None:
    """The name without a mask's word before its end: "a" for "a_mask_1", "a_7" for "a_mask_7".

    Which of the two is the image's name depends on the images.
    """
    counted, infix = _NUMBERED.fullmatch(name), _INFIX.fullmatch(name)
    if counted is not None:
        return counted["core"]
    return None if infix is None else infix["before"] + infix["after"]


@lru_cache(maxsize=65536)
def names_of_mask(name: str) -> tuple[str, ...]:
    """The names an image of this mask may have, the likeliest first: itself, then ever less."""
    core = mask_core(name) or hinted_core(name)
    found = [name, *_stripped(core or _without_ending(name))]
    infix = _INFIX.fullmatch(name)
    if infix is not None:
        found.append(infix["before"] + infix["after"])
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=65536)
def names_of_image(name: str) -> tuple[str, ...]:
    """The names a mask of this image may give it: itself, or without the word for an image."""
    affix, infix = _IMAGE_AFFIX.fullmatch(name), _IMAGE_INFIX.fullmatch(name)
    found = [name]
    if affix is not None:
        found.append(next(group for group in affix.groups() if group))
    if infix is not None:
        found.append(infix["before"] + infix["after"])
    channel = CHANNEL.fullmatch(name)
    if channel is not None:
        found.append(channel["core"])
    return tuple(dict.fromkeys(found))


def number_of_mask(name: str) -> tuple[str, str] | None:
    """Image and number where several masks of one image are counted: "a", "1" for "a_mask_1"."""
    match = _NUMBERED.fullmatch(name)
    return (match["core"], match["number"]) if match else None


def observer_of(name: str) -> str | None:
    """Who drew a mask, where its name says so: "1stHO", "manual2", "expert3"."""
    match = _OBSERVER.fullmatch(name)
    return match["who"] if match else None


def derived_from(name: str) -> tuple[str, str] | None:
    """Image and kind of what is neither image nor mask: "a", "probabilities"."""
    if not _HAS_DERIVED.search(name):
        return None  # one look instead of five at what nearly every file is
    for kind, pattern in (*_DERIVED_PREFIX.items(), *_DERIVED_SUFFIX.items()):
        match = pattern.fullmatch(name)
        if match is not None:
            return match["core"], kind
    return None


def is_colored(name: str) -> bool:
    """Whether a name says that a mask is drawn in colours, for people to look at."""
    return _COLORED.fullmatch(name) is not None


def _stripped(core: str) -> Iterator[str]:
    """The name, without the ending of an image file, and without further words at its end."""
    while core:
        yield core
        if (base := _without_ending(core)) != core:
            core = base
            continue
        match = _SUFFIX.fullmatch(core) or _MORE.fullmatch(core)
        core = match["core"] if match else ""


def _without_ending(name: str) -> str:
    """The name without the ending of an image file: "a" for "a.jpg", as in "a.jpg.png"."""
    base, ending = os.path.splitext(name)  # noqa: PTH122 - a name, and no path
    return base if base and ending.lower() in SUFFIXES else name
