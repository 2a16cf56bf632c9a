"""Why no image of a folder has a mask, and what to do: a sentence for what is there instead."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from pixelwise.datasets._affixes import mask_core, name_of
from pixelwise.datasets._files import folder_of, glimpse
from pixelwise.datasets._formats import foreign_notes
from pixelwise.datasets._pairs import Pairs

_EXPECTED = (
    "Expected, for example, images/NAME.jpg with masks/NAME.png, or NAME.jpg beside NAME_mask.png."
)

_MOST_SHOWN = 5
_OTHER_FORMS = (
    *(".json", ".geojson", ".xml", ".mat", ".npy", ".npz", ".h5", ".hdf5", ".roi"),
    *("roiset.zip", "rois.zip"),
)


def why_no_pairs(root: Path, found: Pairs) -> str:
    """One or two sentences about a folder in which nothing pairs."""
    images = [file for file in found.unpaired if file not in found.masks]
    foreign = "".join(f" {note}" for note in foreign_notes(glimpse(root)))
    if found.masks and images:
        return (
            f"No mask in {root} has the name of a picture: {len(images)} pictures such as "
            f"{images[0]}, {len(found.masks)} masks such as {min(found.masks)}. "
            f"{_on_further_words(images, found.masks) or _EXPECTED}"
        )
    if found.masks:
        return f"{root} holds {len(found.masks)} masks and no pictures.{foreign} {_EXPECTED}"
    if not images and not found.derived:
        return f"{root} holds no pictures that could have masks.{foreign} {_EXPECTED}"
    one = next(iter(images), min(found.derived, default=""))
    found_images = f"{root} holds {len(images)} pictures such as {one}, but no masks."
    cure = _on_derived(found) or _on_twin_folders(images) or _cure(root)
    return f"{found_images}{foreign} {cure}"


def _on_further_words(images: Sequence[str], masks: Iterable[str]) -> str:
    """p1_liver_mask and p1_kidney_mask: a mask for each class, in files of their own."""
    names = {name_of(image) for image in images}
    words: dict[str, str] = {}
    for mask in sorted(masks):
        name = mask_core(name_of(mask)) or name_of(mask)
        parts = re.split(r"(?<=[^ ._-])(?=[ ._-])", name)
        for place in range(len(parts) - 1, 0, -1):
            if "".join(parts[:place]) in names:
                words.setdefault("".join(parts[place:]).strip(" ._-"), mask)
                break
    if not words:
        return ""
    shown = ", ".join(sorted(words)[:_MOST_SHOWN])
    return (
        f"The masks' names have further words ({shown}): where each is a class of its own, merge "
        "the masks of an image into one file with a number for each class; where one class is "
        "wanted, give a folder that holds its masks alone."
    )


def _on_twin_folders(images: Sequence[str]) -> str:
    """Two folders with files of the same names: which of them holds masks is not told."""
    names: dict[str, set[str]] = defaultdict(set)
    for image in images:
        names[folder_of(image)].add(name_of(image))
    twins = [a for a in names if any(names[a] == names[b] for b in names if a != b)]
    if len(twins) != 2:
        return ""
    one, other = sorted(twins)
    return (
        f"{one or 'The top'} and {other} hold files of the same names, but neither is called as "
        "folders of masks are: call the one that holds them masks."
    )


def _on_derived(found: Pairs) -> str:
    """What is there in the place of masks, and how to make masks of it; "" for nothing."""
    told = {
        "probabilities": "probabilities: save what is to be found as a mask (in ilastik, export "
        "the Simple Segmentation)",
        "features": "features: export the masks instead",
        "drawings": "a drawing for people to look at: export the masks instead",
        "tracks": "tracks: put the masks of the objects there",
        "parts of objects": "parts of objects: put the masks of the objects there",
    }
    return " ".join(
        f"{min(file for file in found.derived if found.derived[file] == kind)} holds {told[kind]}."
        for kind in sorted(set(found.derived.values()))
    )


def _cure(root: Path) -> str:
    """Where outlines are there in another form, say so instead of repeating the layout."""
    other = [file for file in glimpse(root) if file.lower().endswith(_OTHER_FORMS)]
    if other:
        return (
            f"Outlines in other forms ({other[0]}) are not read: export them as mask pictures, "
            "for example masks/NAME.png."
        )
    return _EXPECTED
