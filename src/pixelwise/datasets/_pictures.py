"""Reading a picture as a person sees it, whatever the camera or the program wrote.

Pillow reads eight-bit files because it is strict: OpenCV was 1.5 times faster on dermoscopy JPEG
(and gave the same bytes), but fills the missing part of a cut-off JPEG with grey and says nothing.
Sixteen-bit and float files go to tifffile and OpenCV, because Pillow keeps only their upper bits.

Colour profiles are not applied: no other tool that people train with applies them either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageOps, UnidentifiedImageError

from pixelwise.types import Image, PixelwiseError

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif")
)
"""File name endings that are taken for pictures, in lower case."""

MAX_PIXELS = 2**28
# Pillow's own limit (2**26.4) refuses a slide scan of 200 million pixels; ours is checked instead.
Pil.MAX_IMAGE_PIXELS = MAX_PIXELS

_ORIENTATION = 0x0112  # the EXIF tag
# The depths that cameras, microscopes and scanners deliver inside 16-bit files.
_DEPTHS = (8, 10, 12, 14, 16)


@dataclass(frozen=True)
class Stored:
    """A picture's values as they are stored, upright.

    ``values``: (H, W) or (H, W, 3 or 4), any dtype. ``palette``: (n, 3) uint8 RGB where the
    values are indices into it. ``is_one_bit``: black and white only. ``is_lossy``: JPEG, so that
    no value is exact.
    """

    values: NDArray[Any]
    palette: NDArray[np.uint8] | None = None
    is_one_bit: bool = False
    is_lossy: bool = False


def read_image(path: Path) -> Image:
    """Read a picture as (H, W, 3) uint8 RGB, upright.

    EXIF rotation is applied; grey, palette and CMYK become RGB; transparency is laid on white,
    as a viewer shows it (the colour under a transparent pixel is arbitrary, and often black).
    Sixteen-bit values are divided by the smallest of 8, 10, 12, 14 and 16 bits that holds the
    file's maximum, since a 12-bit camera's file would otherwise come out nearly black. Of several
    pages or frames the first is read.

    Raises:
        PixelwiseError: unreadable, cut off, not a picture, or more than 2**28 pixels by its
            header (refused before anything is decoded); the message names the file.
    """
    with _naming(path):
        if _is_deep(path):
            return _to_rgb8(_read_deep(path))
        with _open(path) as picture:
            upright = _upright(_true_cmyk(picture))
            return np.asarray(_flatten(upright), dtype=np.uint8)


def read_stored(path: Path) -> Stored:
    """Read a picture's stored values, upright: what a mask means by them is decided elsewhere.

    Raises:
        PixelwiseError: as `read_image`.
    """
    with _naming(path):
        if _is_deep(path):
            return Stored(_read_deep(path))
        with _open(path) as picture:
            is_lossy = picture.format in ("JPEG", "MPO")
            upright = _upright(picture)
            if upright.mode == "P":
                return Stored(np.asarray(upright), _palette(upright))
            if upright.mode == "1":
                return Stored(np.asarray(upright.convert("L")), is_one_bit=True)
            if upright.mode not in ("L", "LA", "RGB", "RGBA"):
                upright = upright.convert("RGB")
            return Stored(np.asarray(upright), is_lossy=is_lossy)


def image_size_hw(path: Path) -> tuple[int, int]:
    """Height and width in pixels, upright, from the header alone.

    Raises:
        PixelwiseError: as `read_image`.
    """
    with _naming(path):
        if _is_tiff(path):
            return _tiff_size_hw(path)
        with _open(path) as picture:
            width, height = picture.size
            return (width, height) if _orientation(picture) >= 5 else (height, width)


def is_rotated(path: Path) -> bool:
    """Whether the file says by EXIF that it is to be turned or mirrored before it is looked at."""
    with _naming(path):
        if _is_tiff(path):
            return _tiff_orientation(path) != 1
        with _open(path) as picture:
            return _orientation(picture) != 1


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
    if path.stat().st_size == 0:
        return "is empty (0 bytes): copy it again, or take it out of the folder."
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
    with Pil.open(path) as picture:
        _refuse_enormous(path, *picture.size)
        yield picture


def _refuse_enormous(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PixelwiseError(f"{path} {_TOO_LARGE}")


def _orientation(picture: Pil.Image) -> int:
    # PNG: getexif() would decode the whole file to look for a chunk after the pixels. Pillow
    # turns TIFF by itself while loading.
    if picture.format == "TIFF" or (picture.format == "PNG" and "exif" not in picture.info):
        return 1
    value = picture.getexif().get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def _upright(picture: Pil.Image) -> Pil.Image:
    if _orientation(picture) == 1:
        picture.load()
        return picture
    turned: Pil.Image = ImageOps.exif_transpose(picture)
    return turned


def _true_cmyk(picture: Pil.Image) -> Pil.Image:
    """Pillow takes every CMYK JPEG for Adobe's inverted kind; one without Adobe's mark is not."""
    if picture.mode == "CMYK" and picture.format == "JPEG" and "adobe" not in picture.info:
        turned = _upright(picture)
        return Pil.fromarray(255 - np.asarray(turned), mode="CMYK")
    return picture


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


# --- sixteen bits and floats -------------------------------------------------------------------


def _is_tiff(path: Path) -> bool:
    if path.suffix.lower() not in (".tif", ".tiff"):
        return False
    with path.open("rb") as file:
        return file.read(2) in (b"II", b"MM")


def _is_deep(path: Path) -> bool:
    """Whether the file holds more than eight bits a channel."""
    if _is_tiff(path):
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            return bool(page.bitspersample > 8)
    with path.open("rb") as file:
        head = file.read(25)
    # PNG: signature, then the IHDR chunk, whose bit depth is byte 24 of the file.
    return len(head) == 25 and head.startswith(b"\x89PNG\r\n\x1a\n") and head[24] == 16


def _tiff_size_hw(path: Path) -> tuple[int, int]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        height, width = int(page.imagelength), int(page.imagewidth)
    _refuse_enormous(path, width, height)
    return (width, height) if _tiff_orientation(path) >= 5 else (height, width)


def _tiff_orientation(path: Path) -> int:
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages.first.tags.get("Orientation")
        return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _read_deep(path: Path) -> NDArray[Any]:
    """(H, W) or (H, W, C) of a 16-bit PNG or a deep TIFF, RGB order, upright."""
    if not _is_tiff(path):
        with _open(path):
            pass  # the size is checked before OpenCV decodes
        return _read_cv2(path)
    _tiff_size_hw(path)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        try:
            values = np.asarray(page.asarray())
        except ValueError:  # a compression for which tifffile wants a further library
            values = _read_cv2(path)
        if values.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            values = np.moveaxis(values, 0, -1)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            values = values.max() - values
    return _turn(values, _tiff_orientation(path))


def _read_cv2(path: Path) -> NDArray[Any]:
    # imdecode and not imread: imread cannot open every unicode path on Windows.
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    values = cv2.imdecode(np.fromfile(path, dtype=np.uint8), flags)
    if values is None:
        raise OSError("the decoder gave up")
    if values.ndim == 2:
        return values
    order = cv2.COLOR_BGRA2RGBA if values.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(values, order)


def _turn(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (1 to 8) to an array."""
    if orientation in (2, 4, 5, 7):
        values = values[:, ::-1] if orientation in (2, 5, 7) else values[::-1]
    quarter_turns = {3: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(values, quarter_turns))


def _to_rgb8(values: NDArray[Any]) -> Image:
    """Deep values, one to four channels, to (H, W, 3) uint8."""
    channels = values[..., None] if values.ndim == 2 else values
    alpha = channels.shape[2] in (2, 4)
    color = _to_8_bits(channels[..., :-1] if alpha else channels)
    if alpha:
        full = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1.0
        opacity = np.clip(channels[..., -1:] / full, 0, 1)
        color = np.rint(color * opacity + 255.0 * (1 - opacity)).astype(np.uint8)
    rgb = color if color.shape[2] == 3 else np.repeat(color[..., :1], 3, axis=2)
    return np.ascontiguousarray(rgb)


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if not (low >= 0 and high < 2**16):
        raise ValueError(
            f"its values go from {low:g} to {high:g}; a picture's are 0 to 1, or 0 to 65535"
        )
    if values.dtype.kind == "f" and high <= 1:
        full = 1.0
    else:
        full = next(2.0**bits - 1 for bits in _DEPTHS if high <= 2**bits - 1 or bits == 16)
    scaled = np.multiply(values, 255 / full, dtype=np.float32)
    eight: NDArray[np.uint8] = np.rint(np.nan_to_num(scaled)).clip(0, 255).astype(np.uint8)
    return eight
