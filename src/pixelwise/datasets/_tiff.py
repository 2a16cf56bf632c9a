"""TIFF files: what their tags say, which of them are one image, and their values as stored.

tifffile reads what has more than eight bits a channel, OpenCV (libtiff) what tifffile needs a
further library for. A file of several pages or of channels without a meaning is refused: the first
page of a stack is not the stack.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from pixelwise.datasets._orientation import valid
from pixelwise.types import PixelwiseError

_DEFLATE = (8, 32946)
_CCITT = (2, 3, 4)
_MINISWHITE, _RGB, _SEPARATED = 0, 2, 5
_ALPHA = (1, 2)
# Pages that are counted; a file with more is a stack in any case.
_MOST_PAGES = 64
_MOST_PAGE_SAMPLES = 4
# A page of the same shape (within so much) and smaller is the image again, for a preview.
_SAME_SHAPE = 0.02


@dataclass(frozen=True)
class Tags:
    """What a TIFF's tags say of its first page.

    ``bits``: of a channel. ``is_signed``: integers with a sign, or floats. ``is_white_zero``:
    photometric interpretation 0, where the smallest number is shown white. ``is_fax``: compressed
    as faxes are, which count white as 0 whatever the writer meant by its numbers. ``alpha``:
    whether the last channel says how opaque a pixel is. ``num_pages``: images of its size or
    another shape; previews of it are not counted. ``orientation``: EXIF's, 1 to 8.
    """

    size_hw: tuple[int, int]
    channels: int
    bits: int
    is_signed: bool
    photometric: int
    compression: int
    alpha: bool
    num_pages: int
    axes: str
    orientation: int = 1

    @property
    def is_deep(self) -> bool:
        """Whether it holds other values than 0 to 255, or two channels, which Pillow knows less."""
        return self.bits > 8 or self.is_signed or self.channels == 2

    @property
    def is_white_zero(self) -> bool:
        """Whether the smallest number is shown white."""
        return self.photometric == _MINISWHITE

    @property
    def is_fax(self) -> bool:
        """Whether numbers follow the convention of faxes, and not of who wrote them."""
        return self.compression in _CCITT

    @property
    def is_cmyk(self) -> bool:
        """Whether its four channels are inks."""
        return self.photometric == _SEPARATED and self.channels == 4


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF does, whatever its name."""
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_tags(path: Path) -> Tags:
    """The tags of a TIFF, without reading a pixel."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        pages, axes = _pages(tiff)
        extra = tuple(int(each) for each in page.extrasamples)
        return Tags(
            (int(page.imagelength), int(page.imagewidth)),
            int(page.samplesperpixel),
            int(page.bitspersample),
            int(page.sampleformat) != 1,
            int(page.photometric),
            int(page.compression),
            bool(extra) and extra[-1] in _ALPHA,
            pages,
            axes,
            valid(page.tags.get("Orientation")),
        )


def refuse_several(path: Path, tags: Tags) -> None:
    """Refuse a file that is not one image of one, three or four known channels.

    Raises:
        PixelwiseError: several pages, or channels without a meaning.
    """
    if tags.num_pages > 1:
        more = "at least " if tags.num_pages >= _MOST_PAGES else ""
        axes = f" (a stack, axes {tags.axes})" if tags.axes else " (a stack, or channels as pages)"
        raise PixelwiseError(
            f"{path} holds {more}{tags.num_pages} pages{axes}, where one image was expected. Save "
            "each page as a file of its own, in images and masks alike; pages that are the "
            "channels of one image as one RGB file."
        )
    if not _has_known_channels(tags):
        raise PixelwiseError(
            f"{path} has {tags.channels} channels; an image has 1 (grey), 3 (RGB) or these and an "
            "alpha channel. Save the channels to use as a grey or an RGB file."
        )


def _has_known_channels(tags: Tags) -> bool:
    if tags.channels in (1, 3):
        return True
    if tags.channels == 2:
        return tags.alpha
    # A fourth channel of an RGB file that is no alpha (near infrared) is not shown by viewers.
    return tags.channels == 4 and (tags.alpha or tags.photometric in (_RGB, _SEPARATED))


def _pages(tiff: tifffile.TiffFile) -> tuple[int, str]:
    """How many images there are beside previews, and their axes where the file names them."""
    first = tiff.pages.first
    axes = ""
    count = max(1, int(first.imagedepth))
    if tiff.is_imagej:
        described = tiff.imagej_metadata or {}
        count = max(count, int(described.get("images", 1)))
        names = {"frames": "T", "slices": "Z", "channels": "C"}
        axes = "".join(axis for name, axis in names.items() if int(described.get(name, 1)) > 1)
    others = sum(not _is_preview(page, first) for page in islice(tiff.pages, 1, _MOST_PAGES))
    return max(count, 1 + others), axes


def _is_preview(page: Any, first: Any) -> bool:
    """Whether a page is the first again, smaller, or its transparency."""
    kind = int(getattr(page, "subfiletype", 0) or 0)
    if kind & 5:
        return True
    height, width = int(page.imagelength), int(page.imagewidth)
    full_h, full_w = int(first.imagelength), int(first.imagewidth)
    is_smaller = height < full_h and width < full_w
    return is_smaller and abs(height * full_w / (width * full_h) - 1) <= _SAME_SHAPE


def read_values(path: Path, tags: Tags) -> NDArray[Any]:
    """(H, W) or (H, W, C): the numbers of the first page as they are stored, not turned."""
    if tags.compression != 1 and tags.compression not in _DEFLATE:
        return read_cv2(path)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        _refuse_false_lengths(page, path.stat().st_size)
        try:
            values = np.asarray(page.asarray())
        except (ValueError, NotImplementedError):
            return _unpacked(path, tags)  # a library is needed for 10, 12 or 14 packed bits
        if values.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            values = np.moveaxis(values, 0, -1)
    return values


def _unpacked(path: Path, tags: Tags) -> NDArray[Any]:
    """By OpenCV, which moves packed bits to the upper end of 16."""
    values = read_cv2(path)
    return values >> (16 - tags.bits) if 8 < tags.bits < 16 else values


def _refuse_false_lengths(page: Any, file_bytes: int) -> None:
    """Refuse strips that claim more bytes than the file has, or that unpack to more than a strip.

    tifffile would unpack a strip whatever it grows to.
    """
    if sum(page.databytecounts) > 2 * file_bytes:
        raise OSError("its strips claim more bytes than the file has")
    if int(page.compression) not in _DEFLATE:
        return
    expected = int(np.prod(page.chunks)) * page.dtype.itemsize
    reader = page.parent.filehandle
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        reader.seek(offset)
        unpacked = zlib.decompressobj().decompress(reader.read(length), expected + 1)
        if len(unpacked) > expected:
            raise OSError("its strips unpack to more than the image holds")


def read_cv2(path: Path) -> NDArray[Any]:
    """(H, W) or (H, W, C) of a PNG or TIFF by OpenCV, RGB order, not turned."""
    # imdecode and not imread: imread cannot open every unicode path on Windows.
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    values = cv2.imdecode(np.fromfile(path, dtype=np.uint8), flags)
    if values is None:
        raise OSError("the decoder gave up")
    if values.ndim == 2:
        return values
    values[..., :3] = values[..., 2::-1].copy()  # cvtColor knows fewer types
    return values
