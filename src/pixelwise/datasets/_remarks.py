"""What is said of any dataset, whatever its layout: names that look alike, turned images, links."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import tifffile
from PIL import Image as Pil

from pixelwise.datasets._files import is_picture
from pixelwise.datasets._look import even_sample
from pixelwise.datasets._pictures import image_size_hw, is_rotated
from pixelwise.types import Category, PixelwiseError, Sample
from pixelwise.words import count

# Opening so many headers takes about half a second; of more images an even sample is opened.
_MOST_OPENED = 1_000
_MOST_LISTED = 50_000
_MOST_SHOWN = 4


def remarks(
    root: Path, categories: Sequence[Category], samples: Sequence[Sample]
) -> tuple[str, ...]:
    """A sentence for each doubt about a folder that no layout can settle."""
    return *_alike(categories), *_turned(root, samples), *_outside(root, samples)


# --- names ---------------------------------------------------------------------------------------


def _alike(categories: Sequence[Category]) -> list[str]:
    """Names that are one but for capitals, blanks, hyphens, or how an accent is written."""
    found: dict[str, list[str]] = defaultdict(list)
    for category in categories:
        plain = unicodedata.normalize("NFKC", category.name).casefold()
        found[re.sub(r"[\s_\-\u200b\ufeff]+", "", plain) or plain].append(category.name)
    return [
        f"The class names {_quoted(names)} are the same but for capitals, blanks or hyphens, and "
        "are different classes here. If they are one class, correct the labels."
        for names in found.values()
        if len(names) > 1
    ]


def _quoted(names: Sequence[str]) -> str:
    shown = [f'"{name}"' for name in names[:_MOST_SHOWN]]
    more = len(names) - _MOST_SHOWN
    last = f"{more} more" if more > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}"


# --- images that EXIF turns ----------------------------------------------------------------------


def _turned(root: Path, samples: Sequence[Sample]) -> list[str]:
    """Images whose EXIF orientation may or may not hold for their annotation.

    Where the sizes tell, which they do for a quarter turn of an image that is not square, there is
    no doubt: the annotation is of the turned image, or it is refused.
    """
    places = even_sample(len(samples), _MOST_OPENED)
    found = [samples[place].files[0] for place in places if _is_doubtful(samples[place])]
    if not found:
        return []
    of_how_many = f" of {len(places):,} looked at" if len(places) < len(samples) else ""
    return [
        f"{count(len(found), 'image')}{of_how_many} with an EXIF orientation, for example "
        f"{_relative(found[0], root)}, and no size that tells what the annotation was drawn on: it "
        "is taken for drawn on the image as EXIF turns it. Look at the contact sheet (check "
        "--out); if it was drawn on the image as stored, save the images without the orientation."
    ]


def _is_doubtful(sample: Sample) -> bool:
    image = sample.files[0]
    with suppress(PixelwiseError):
        if not is_rotated(image):
            return False
        masks = [file for file in sample.files[1:] if is_picture(file.name)]
        if masks and all(is_rotated(mask) for mask in masks):
            return False
        return not sample.is_sized or _stored_hw(image) in (image_size_hw(image), None)
    return False  # what cannot be read is named when it is read


def _stored_hw(image: Path) -> tuple[int, int] | None:
    """Height and width before the orientation is applied; None where nothing can tell."""
    try:
        if image.suffix.lower() in (".tif", ".tiff"):  # Pillow gives the size of the turned image
            with tifffile.TiffFile(image) as tiff:
                page = tiff.pages.first
                return int(page.imagelength), int(page.imagewidth)
        with Pil.open(image) as stored:
            return stored.height, stored.width
    except (OSError, ValueError, Pil.DecompressionBombError):
        return None


# --- links ---------------------------------------------------------------------------------------


def _outside(root: Path, samples: Sequence[Sample]) -> list[str]:
    """Files of the dataset that are links to a place outside its folder."""
    inside = os.path.realpath(root)

    @lru_cache(maxsize=65_536)
    def real(folder: Path) -> str:
        return os.path.realpath(folder)

    def leads_out(file: Path) -> bool:
        where = os.path.realpath(file) if file.is_symlink() else real(file.parent)
        return os.path.commonpath((inside, where)) != inside

    places = even_sample(len(samples), _MOST_LISTED)
    files = (file for place in places for file in samples[place].files)
    found = [file for file in files if leads_out(file)]
    if not found:
        return []
    return [
        f"{count(len(found), 'file')} behind links that lead out of the folder, for example "
        f"{_relative(found[0], root)}, which is {os.path.realpath(found[0])}."
    ]


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()
