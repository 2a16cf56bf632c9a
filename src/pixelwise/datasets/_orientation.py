"""How an image file says that it is to be turned, and turning it.

The tag is EXIF's (0x0112), or XMP's ``tiff:Orientation`` where there is no EXIF. It is read from
the file's own blocks, without decoding a pixel: Pillow finds a PNG's tag after the pixels only by
decoding them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pil

_TAG = 0x0112
_PNG = b"\x89PNG\r\n\x1a\n"
# A block of metadata beyond this is not looked into.
_MOST_BYTES = 2**22
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([1-8])")


def orientation_of(path: Path, image: Pil.Image | None = None) -> int:
    """The EXIF orientation of a file, 1 (upright) to 8; 1 where it says none or nonsense.

    Args:
        path: the file.
        image: the same file, opened with Pillow; needed for all formats but PNG and TIFF.
    """
    with path.open("rb") as file:
        head = file.read(8)
        if head == _PNG:
            return _of_png(file)
    if head[:2] in (b"II", b"MM") and (image is None or image.format == "TIFF"):
        return _of_tiff(path)
    return 1 if image is None else valid(image.getexif().get(_TAG))


def turn(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (1 to 8) to an array (H, W) or (H, W, C)."""
    if orientation == 1:
        return values
    if orientation in (2, 4, 5, 7):
        values = values[:, ::-1] if orientation in (2, 5, 7) else values[::-1]
    quarter_turns = {3: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(values, quarter_turns))


def _of_tiff(path: Path) -> int:
    with tifffile.TiffFile(path) as tiff:
        return valid(tiff.pages.first.tags.get("Orientation"))


def _of_png(file: BinaryIO) -> int:
    """From the chunks eXIf, or XMP in iTXt, before or after the pixels."""
    xmp = 1
    for kind, length in png_chunks(file):
        if kind == b"eXIf" and length <= _MOST_BYTES:
            return _of_exif(file.read(length))
        if kind == b"iTXt" and length <= _MOST_BYTES:
            data = file.read(length)
            found = _XMP.search(data) if data.startswith(b"XML:com.adobe.xmp") else None
            xmp = int(found[1]) if found else xmp
    return xmp


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """(kind, length) of each chunk of a PNG opened after its signature, the file at its data."""
    start = 8
    while True:
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        start += 12 + length


def _of_exif(data: bytes) -> int:
    exif = Pil.Exif()
    try:
        exif.load(data)
        return valid(exif.get(_TAG))
    except Exception:  # damaged metadata says nothing, whatever the parser raises
        return 1


def valid(tag: object) -> int:
    """A tag's value, or a tag of tifffile's, as an orientation; 1 where it is none."""
    value = getattr(tag, "value", tag)
    return value if isinstance(value, int) and value in range(1, 9) else 1
