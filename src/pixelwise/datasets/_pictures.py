"""Reading a picture as a person sees it, whatever the camera or the program wrote.

Pillow reads eight-bit files because it is strict: OpenCV was 1.5 times faster on dermoscopy JPEG
(and gave the same bytes), but fills the missing part of a cut-off JPEG with grey and says nothing.
Sixteen-bit and float files go to tifffile and OpenCV (see `_deep`), because Pillow keeps only their
upper bits.

Colour profiles are not applied: no other tool that people train with applies them either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import UnidentifiedImageError

from pixelwise.datasets._deep import is_deep, read_deep, to_rgb8
from pixelwise.datasets._formats import foreign_format
from pixelwise.datasets._orientation import orientation_of, turn
from pixelwise.datasets._tiff import Tags, is_tiff, read_tags, refuse_several
from pixelwise.types import Image, PixelwiseError

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif")
)
"""File name endings that are taken for pictures, in lower case."""

MAX_PIXELS = 200_000_000
# Pillow's own limit (2**26.4) refuses a slide scan; ours is checked instead. An image of so many
# pixels takes 0.8 GB in Pillow and 0.6 GB as an array.
Pil.MAX_IMAGE_PIXELS = MAX_PIXELS

# No other decoder of Pillow's is asked: some start programs, and their files are named instead.
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM")
_BAND_PIXELS = 2**22
_MOVING = (".gif", ".png", ".apng", ".webp")


@dataclass(frozen=True)
class Stored:
    """An image's values as they are stored, upright.

    ``values``: (H, W) or (H, W, 2, 3 or 4), any dtype. ``palette``: (n, 3) uint8 RGB where the
    values are indices into it. ``is_one_bit``: black and white only. ``is_lossy``: JPEG, so that
    no value is exact. ``is_white_zero``: a TIFF that asks for its smallest number to be shown
    white; the values are its numbers all the same.
    """

    values: NDArray[Any]
    palette: NDArray[np.uint8] | None = None
    is_one_bit: bool = False
    is_lossy: bool = False
    is_white_zero: bool = False


def read_image(path: Path, white_level: float | None = None, *, first: bool = False) -> Image:
    """Read an image as (H, W, 3) uint8 RGB, upright.

    EXIF rotation is applied; grey, palette and CMYK become RGB; transparency is laid on white,
    as a viewer shows it (the colour under a transparent pixel is arbitrary, and often black).

    Args:
        path: the file.
        white_level: of a file with more than 8 bits a channel, the number that is white; see
            `_deep`. None = what its type means.
        first: whether of a moving image the first frame is enough; it is refused otherwise.

    Raises:
        PixelwiseError: unreadable, cut off, not an image, several pages or frames, channels
            without a meaning, or more than `MAX_PIXELS` by its header (refused before anything is
            decoded); the message names the file.
    """
    with _naming(path):
        tags = _checked_tags(path)
        if tags.is_deep if tags else _is_deep_png(path):
            return to_rgb8(read_deep(path, tags), path, white_level)
        with _open(path) as image:
            if not first:
                _refuse_frames(path, image)
            # Pillow turns TIFF by itself.
            return turn(_rgb(image), 1 if tags else orientation_of(path, image))


def read_stored(path: Path) -> Stored:
    """Read an image's stored values, upright: what a mask means by them is decided elsewhere.

    Raises:
        PixelwiseError: as `read_image`.
    """
    with _naming(path):
        tags = _checked_tags(path)
        if tags.is_deep if tags else _is_deep_png(path):
            deep = read_deep(path, tags)
            return Stored(deep.values, is_white_zero=deep.is_white_zero)
        with _open(path) as image:
            _refuse_frames(path, image)
            stored = _stored(image)
            if tags:
                return _as_numbered(tags, stored)
            return replace(stored, values=turn(stored.values, orientation_of(path, image)))


def _stored(image: Pil.Image) -> Stored:
    """What Pillow's modes hold, not turned (of TIFF: upright)."""
    is_lossy = image.format in ("JPEG", "MPO")
    image.load()
    if image.mode == "P":
        return _indices(image)
    if image.mode == "1":
        return Stored(np.asarray(image.convert("L")), is_one_bit=True)
    if "transparency" in image.info and image.mode in ("L", "RGB"):
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return Stored(np.asarray(image), is_lossy=is_lossy)


def _indices(image: Pil.Image) -> Stored:
    """Palette indices; as colours with alpha where an index other than 0 in use is transparent."""
    values, colors = np.asarray(image), _palette(image)
    alpha = image.info.get("transparency")
    if alpha is None:
        return Stored(values, colors)
    clear = [alpha] if isinstance(alpha, int) else [i for i, a in enumerate(alpha) if a == 0]
    if set(clear) & set(np.unique(values).tolist()) <= {0}:
        if 0 in clear and len(colors):
            colors[0] = 0  # what is transparent is the ground, which colours write black
        return Stored(values, colors)
    return Stored(np.asarray(image.convert("RGBA")))


def _as_numbered(tags: Tags, stored: Stored) -> Stored:
    """The numbers of a TIFF whose smallest is shown white, which Pillow turns round.

    Faxes' compressions count white as 0 by their own convention: those are kept as shown.
    """
    if not tags.is_white_zero or tags.is_fax or stored.values.ndim == 3:
        return stored
    return replace(stored, values=255 - stored.values, is_white_zero=True)


def image_size_hw(path: Path) -> tuple[int, int]:
    """Height and width in pixels, upright, from the header alone.

    Raises:
        PixelwiseError: as `read_image`.
    """
    with _naming(path):
        if is_tiff(path):
            tags = read_tags(path)
            (height, width), orientation = tags.size_hw, tags.orientation
            _refuse_enormous(path, width, height)
        else:
            with _open(path) as image:
                width, height = image.size
                orientation = orientation_of(path, image)
        return (width, height) if orientation >= 5 else (height, width)


def is_rotated(path: Path) -> bool:
    """Whether the file says by EXIF that it is to be turned or mirrored before it is looked at."""
    with _naming(path):
        if is_tiff(path):
            return orientation_of(path) != 1
        with _open(path) as image:
            return orientation_of(path, image) != 1


def moving_notes(paths: Sequence[Path]) -> tuple[str, ...]:
    """A sentence for each moving image (GIF, APNG, WebP) among these, of which one frame is used.

    Files that cannot be read have none: they are named where they are read.
    """
    notes = []
    for path in (path for path in paths if path.suffix.lower() in _MOVING):
        try:
            with _naming(path), _open(path) as image:
                frames = _num_frames(image)
        except PixelwiseError:
            continue
        if frames > 1:
            notes.append(
                f"{path} is a moving image of {frames} frames: the first was taken. For all, make "
                f"it a video (ffmpeg -i {path.name} {path.stem}.mp4) or one image for each frame."
            )
    return tuple(notes)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence that names the file."""
    try:
        yield
    except (PixelwiseError, MemoryError):
        raise
    # Decoders raise nearly every built-in exception on broken bytes; none may reach the user.
    except Exception as error:
        raise PixelwiseError(f"{path} {_reason(path, error)}") from error


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist (any more)."
    if isinstance(error, PermissionError):
        return "may not be read: ask for permission to read it, or take it out of the folder."
    if isinstance(error, Pil.DecompressionBombError):
        return _TOO_LARGE
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read: {error.strerror}."
    if path.stat().st_size == 0:
        return "is empty (0 bytes): copy it again, or take it out of the folder."
    foreign = foreign_format(path)
    if foreign is not None:
        return foreign
    if isinstance(error, UnidentifiedImageError | tifffile.TiffFileError):
        return (
            f"is not a picture, although its name ends in {path.suffix}: replace it, or take it "
            "out of the folder."
        )
    return f"is damaged or cut off ({error}): copy it again, or take it out of the folder."


_TOO_LARGE = (
    f"claims more than {MAX_PIXELS:,} pixels in its header, which is the most that is read: cut it "
    "into tiles, or make it smaller."
)


@contextmanager
def _open(path: Path) -> Iterator[Pil.Image]:
    """Open with Pillow, header only."""
    with Pil.open(path, formats=_FORMATS) as image:
        _refuse_enormous(path, *image.size)
        yield image


def _refuse_enormous(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PixelwiseError(f"{path} {_TOO_LARGE}")


def _checked_tags(path: Path) -> Tags | None:
    """The tags of a TIFF, with all that it is refused for by them; None for other formats.

    Raises:
        PixelwiseError: too large, several pages, or channels without a meaning.
    """
    if not is_tiff(path):
        return None
    tags = read_tags(path)
    height, width = tags.size_hw
    _refuse_enormous(path, width, height)
    refuse_several(path, tags)
    return tags


def _is_deep_png(path: Path) -> bool:
    """Whether the file has more than 8 bits; its size is checked before it is decoded."""
    if not is_deep(path):
        return False
    with _open(path):
        return True


def _num_frames(image: Pil.Image) -> int:
    # A JPEG of several (MPO) is a phone's image with its depth or brightness map.
    if image.format not in ("GIF", "PNG", "WEBP"):
        return 1
    return int(getattr(image, "n_frames", 1))


def _refuse_frames(path: Path, image: Pil.Image) -> None:
    frames = _num_frames(image)
    if frames > 1:
        raise PixelwiseError(
            f"{path} is a moving image of {frames} frames, where one image was expected. Save each "
            "frame as a file of its own."
        )


def _rgb(image: Pil.Image) -> Image:
    """(H, W, 3) uint8, transparent parts on white, by bands: the whole twice is too much memory."""
    image.load()
    # Pillow takes every CMYK JPEG for Adobe's inverted kind; one without Adobe's mark is not.
    is_inverted = image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        band = image if bottom - top == height else image.crop((0, top, width, bottom))
        if is_inverted:
            band = Pil.fromarray(255 - np.asarray(band), mode="CMYK")
        pixels[top:bottom] = np.asarray(_flatten(band))
    return pixels


def _flatten(picture: Pil.Image) -> Pil.Image:
    """To RGB, transparent parts on white."""
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    seen = picture.convert("RGBA")
    white = Pil.new("RGBA", seen.size, (255, 255, 255, 255))
    return Pil.alpha_composite(white, seen).convert("RGB")


def _palette(picture: Pil.Image) -> NDArray[np.uint8]:
    colors = np.asarray(picture.getpalette("RGB") or [], dtype=np.uint8)
    return colors.reshape(-1, 3)
