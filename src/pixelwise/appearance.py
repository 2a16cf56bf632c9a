"""What an image looks like in a few numbers, so that one saved again or resized is recognised.

The code of an image is a perceptual hash: the signs, against their median, of its 256 lowest
frequencies (a discrete cosine transform of a 64 x 64 grey thumbnail), as in PDQ (Facebook, 2019).
Two codes of one image, saved again as JPEG, resized or brightened, differ in few of 256 bits; those
of two images in about half. See LOG.md for measured distances.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.types import Image, PixelwiseError, Sample

CODE_BITS = 256
CLOSE_BITS = 32
"""Codes that differ in at most so many bits are likely to be of one image."""
SEEN_BITS, SEEN_BITS_TURNED = 30, 20
"""Where codes are all that is known: the most bits by which images of one thing differ, as they are
and turned. Hardly any two others are so close."""
TURNS = 8
"""The ways to turn a rectangle by quarters and to mirror it."""

_SIDE = 64
_LOW, _COARSE = 16, 8
# Grey levels: with less detail than this, noise would decide the code.
_LEAST_DETAIL = 1.5
_AHEAD = 256


@dataclass(frozen=True, eq=False)
class Appearance:
    """An image in a few numbers.

    ``pixels``: hash of its size and decoded RGB values. ``code``: its perceptual hash, 64
    hexadecimal digits; "" where the image shows too little to have one. ``thumbnail``:
    (64, 64) float32 grey values.
    """

    pixels: str
    code: str
    thumbnail: NDArray[np.float32] = field(repr=False)


def appearance_of(image: Image) -> Appearance:
    """The appearance of an image."""
    digest = blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = small - cv2.GaussianBlur(small, (0, 0), 4)
    code = (
        np.packbits(bits_of(low_frequencies(small))).tobytes().hex()
        if detail.std() >= _LEAST_DETAIL
        else ""
    )
    return Appearance(digest.hexdigest(), code, small)


def appearances_of(
    samples: Sequence[Sample], on_progress: Callable[[int], None] = lambda done: None
) -> dict[str, Appearance]:
    """Sample id -> appearance; images that cannot be read are left out. Read by several threads."""
    found: dict[str, Appearance] = {}
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(samples), _AHEAD):
            chunk = samples[start : start + _AHEAD]
            for sample, each in zip(chunk, pool.map(_read, chunk), strict=True):
                if each is not None:
                    found[sample.id] = each
            on_progress(min(len(samples), start + _AHEAD))
    return found


def _read(sample: Sample) -> Appearance | None:
    try:
        return appearance_of(sample.read_image())
    except (PixelwiseError, OSError):
        return None


def low_frequencies(thumbnail: NDArray[np.float32]) -> NDArray[np.float32]:
    """(16, 16) float32: the lowest frequencies along y and x, without those of 0."""
    return np.asarray(cv2.dct(thumbnail)[1 : _LOW + 1, 1 : _LOW + 1], np.float32)


def bits_of(low: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(..., 256) bool: which of (..., 16, 16) frequencies are above their median."""
    flat = low.reshape(*low.shape[:-2], CODE_BITS)
    return np.asarray(flat > np.median(flat, axis=-1, keepdims=True), np.bool_)


def turned_frequencies(low: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """The (..., 16, 16) frequencies of thumbnails that are turned, see `turned`.

    A mirror image has the odd frequencies with the other sign; a quarter turn is a transposition
    and a mirror image.
    """
    sign = np.where(np.arange(1, _LOW + 1) % 2, np.float32(-1), np.float32(1))
    seen = low * sign if turn >= 4 else low
    for _ in range(turn % 4):
        seen = seen.swapaxes(-1, -2) * sign[:, None]
    return seen


def coarse_bits(thumbnail: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(63,) bool: the same of the lowest frequencies alone, which a crop changes less."""
    low = cv2.dct(thumbnail)[:_COARSE, :_COARSE].ravel()[1:]
    bits: NDArray[np.bool_] = low > np.median(low)
    return bits


def turned(thumbnail: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """The thumbnail turned by ``turn % 4`` quarters, and mirrored first from turn 4 on."""
    seen = thumbnail[:, ::-1] if turn >= 4 else thumbnail
    return np.ascontiguousarray(np.rot90(seen, turn % 4))


def code_signs(codes: Sequence[str]) -> NDArray[np.float32]:
    """(N, 256) float32 of -1 and 1, so that a product of two rows counts the bits they share."""
    packed = np.frombuffer(bytes.fromhex("".join(codes)), np.uint8)
    bits = np.unpackbits(packed).reshape(len(codes), CODE_BITS)
    return signs(bits.astype(np.bool_))


def signs(bits: NDArray[np.bool_]) -> NDArray[np.float32]:
    """-1 where False, 1 where True."""
    return np.where(bits, np.float32(1), np.float32(-1))
