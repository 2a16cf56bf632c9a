"""Near-duplicates in a dataset: one image saved again, resized, turned, brightened or cropped.

Every pair is compared by its codes (a matrix product; 10,000 images take seconds). Pairs with
close codes, or near ones as after a crop, are laid over each other and their details compared.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.appearance import (
    CLOSE_BITS,
    CODE_BITS,
    TURNS,
    Appearance,
    bits_of,
    coarse_bits,
    code_signs,
    low_frequencies,
    signs,
    turned,
    turned_frequencies,
)

MOST_COMPARED = 20_000
"""Among more images than this only exact copies are looked for."""

Indices = NDArray[np.int64]
Thumbnail = NDArray[np.float32]

_BLOCK = 1024
# Of the others, each image is compared with so many, the nearest by their codes.
_MOST_NEIGHBOURS = 20
# Pairs that are not close and worth laying over each other all the same, as an image and its crop
# are: bits of 256, and of the 63 lowest; so many for each image.
_NEAR_BITS, _NEAR_COARSE_BITS, _MOST_NEAR = 96, 14, 5
# How well two images must agree, laid over each other, by the bits in which their codes differ.
# Measured: copies 0.51 or more below 24 bits, others up to 0.48 from 26 bits on and up to 0.83
# from 80 bits on. See LOG.md.
_BITS, _AGREEMENT = (20, 32, 48, 96), (0.35, 0.55, 0.7, 0.88)
_WORTH_ALIGNING = 0.35
_EVERYWHERE = np.full((64, 64), 255, np.uint8)
_CROPPED_SIDES = (64, 61, 58, 54)
_AT_ONCE = 256


def near_duplicates(appearances: Mapping[str, Appearance]) -> tuple[tuple[str, ...], ...]:
    """Groups of two or more images that are one image, or nearly; ids sorted, groups too.

    Args:
        appearances: sample id -> what the image looks like. Images without a code are left out;
            of more than `MOST_COMPARED` images nothing is compared.
    """
    by_pixels: dict[str, list[str]] = defaultdict(list)
    for name in sorted(appearances):
        if appearances[name].code:
            by_pixels[appearances[name].pixels].append(name)
    if not 1 <= len(by_pixels) <= MOST_COMPARED:
        return ()
    different = [appearances[names[0]] for names in by_pixels.values()]
    members: dict[int, list[str]] = defaultdict(list)
    for names, group in zip(by_pixels.values(), _groups(different), strict=True):
        members[group] += names
    return tuple(sorted(tuple(sorted(ids)) for ids in members.values() if len(ids) > 1))


def _groups(looks: Sequence[Appearance]) -> list[int]:
    """The group of each image, joining those that agree; the nearest pairs are tried first."""
    parent = list(range(len(looks)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    pairs = _pairs(looks)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(pairs), _AT_ONCE):
            tried = [
                pair for pair in pairs[start : start + _AT_ONCE] if root(pair[1]) != root(pair[2])
            ]
            for (_, a, b, _), is_same in zip(
                tried, pool.map(partial(_is_one, looks), tried), strict=True
            ):
                if is_same:
                    parent[max(root(a), root(b))] = min(root(a), root(b))
    return [root(place) for place in range(len(looks))]


def _is_one(looks: Sequence[Appearance], pair: tuple[int, int, int, int]) -> bool:
    """Whether the two images of a pair agree once the second is turned and laid over the first."""
    bits, a, b, turn = pair
    likeness = agreement(looks[a].thumbnail, turned(looks[b].thumbnail, turn))
    return likeness >= float(np.interp(bits, _BITS, _AGREEMENT))


def _pairs(looks: Sequence[Appearance]) -> list[tuple[int, int, int, int]]:
    """Pairs worth laying over each other, nearest first: bits apart, two places, turn."""
    thumbnails = [each.thumbnail for each in looks]
    codes = code_signs([each.code for each in looks])
    low = np.stack([low_frequencies(each) for each in thumbnails])
    coarse = np.stack([coarse_bits(each) for each in thumbnails])
    close: set[tuple[int, int, int, int]] = set()
    near: set[tuple[int, int, int, int]] = set()
    for turn in range(TURNS):
        others = signs(bits_of(turned_frequencies(low, turn))) if turn else codes
        for bits, a, b in _neighbours(codes, others):
            is_close = bits <= CLOSE_BITS
            close.update(_tuples(bits, a, b, turn, is_close))
            if turn == 0:
                is_coarse = (coarse[a] != coarse[b]).sum(axis=1) <= _NEAR_COARSE_BITS
                is_near = ~is_close & (bits <= _NEAR_BITS) & is_coarse
                near.update(_tuples(bits, a, b, turn, is_near))
    return sorted(close) + sorted(near)[: _MOST_NEAR * len(looks)]


def _tuples(
    bits: Indices, a: Indices, b: Indices, turn: int, keep: NDArray[np.bool_]
) -> Iterator[tuple[int, int, int, int]]:
    for distance, one, other in zip(
        bits[keep].tolist(), a[keep].tolist(), b[keep].tolist(), strict=True
    ):
        # Unturned, a pair is the same both ways.
        yield distance, *(sorted((one, other)) if turn == 0 else (one, other)), turn


def _neighbours(
    codes: NDArray[np.float32], others: NDArray[np.float32]
) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Block by block of images, the nearest others: bits apart, and the places of both."""
    most = min(_MOST_NEIGHBOURS, len(codes) - 1)
    for start in range(0, len(codes), _BLOCK):
        block = codes[start : start + _BLOCK]
        bits = (CODE_BITS - block @ others.T) / 2
        rows = np.arange(len(block))
        bits[rows, rows + start] = CODE_BITS + 1  # itself
        nearest = np.argpartition(bits, max(0, most - 1), axis=1)[:, :most]
        away = np.take_along_axis(bits, nearest, axis=1).ravel().astype(np.int64)
        yield away, np.repeat(rows + start, most), nearest.ravel().astype(np.int64)


def agreement(a: Thumbnail, b: Thumbnail) -> float:
    """How well two thumbnails agree, -1 to 1, once the one is laid over the other.

    The correlation of their details, each place's by the contrast there: the rim of a round field
    of view, which all images of one camera share, counts no more than the skin within it.
    """
    score, warp, inner, outer = max(
        (
            _found_in(inner, outer, side)
            for inner, outer in ((a, b), (b, a))
            for side in _CROPPED_SIDES
        ),
        key=lambda found: found[0],
    )
    if score < _WORTH_ALIGNING:
        return -1.0
    try:
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
        _, fitted = cv2.findTransformECC(
            _details(inner), _details(outer), warp, cv2.MOTION_AFFINE, criteria, _EVERYWHERE, 3
        )
    except cv2.error:  # the two have nothing in common
        return -1.0
    laid = cv2.warpAffine(
        outer,
        fitted,
        outer.shape,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    first, second = (
        _by_contrast(each)[3:-3, 3:-3].ravel() for each in (inner, np.asarray(laid, np.float32))
    )
    return float(np.nan_to_num(np.corrcoef(first, second)[0, 1]))


def _found_in(
    inner: Thumbnail, outer: Thumbnail, side: int
) -> tuple[float, NDArray[np.float32], Thumbnail, Thumbnail]:
    """How well ``inner`` is found in ``outer`` when it shows that much of it, and where."""
    small = cv2.resize(_details(inner), (side, side), interpolation=cv2.INTER_AREA)
    scores = cv2.matchTemplate(_details(outer), small, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(scores)
    scale = side / len(inner)
    return best, np.array([[scale, 0, x], [0, scale, y]], np.float32), inner, outer


def _details(thumbnail: Thumbnail) -> Thumbnail:
    return np.asarray(thumbnail - cv2.GaussianBlur(thumbnail, (0, 0), 4), np.float32)


def _by_contrast(thumbnail: Thumbnail) -> Thumbnail:
    fine = np.asarray(thumbnail - cv2.GaussianBlur(thumbnail, (0, 0), 2), np.float32)
    contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2))
    return np.asarray(fine / (contrast + 3), np.float32)
