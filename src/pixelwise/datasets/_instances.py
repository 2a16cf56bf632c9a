"""From the masks of single objects to an annotation: who lies on top, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pixelwise.draw import palette
from pixelwise.layers import lay, touched
from pixelwise.types import IGNORE, Annotation, Category, LabelMap, PixelwiseError
from pixelwise.words import count

Mask = NDArray[np.bool_]
Layers = NDArray[np.uint16]

_MOST_IDS = 65_535
_MOST_CATEGORIES = 255
_TABLE = 2**24


def thing_categories(names: Sequence[str]) -> tuple[Category, ...]:
    """The background, and things with these names in the palette's colours.

    Raises:
        PixelwiseError: more than 254 names.
    """
    if len(names) >= _MOST_CATEGORIES:
        raise PixelwiseError(
            f"{len(names)} kinds of objects are named; {_MOST_CATEGORIES - 1} can be told apart at "
            "most. Merge some of them."
        )
    colors = palette(len(names) + 1)
    things = zip(names, colors[1:], strict=True)
    return Category("background", colors[0]), *(Category(name, c, True) for name, c in things)


def from_masks(
    masks: Iterable[Mask],
    labels: Sequence[int],
    size_hw: tuple[int, int],
    *,
    crowd: Sequence[bool] | None = None,
    void: Mask | None = None,
) -> Annotation:
    """An annotation on a background (category 0) from masks that may overlap.

    Args:
        masks: (H, W) bool each, taken one at a time. labels, crowd: of each mask.
        size_hw: height and width in pixels.
        void: (H, W) bool, where nothing is known.

    Raises:
        PixelwiseError: more than 65,535 masks.
    """
    return on_layers(
        lay(masks, size_hw), labels, np.zeros(size_hw, np.uint8), crowd=crowd, void=void
    )


def forget(annotation: Annotation, mask: Mask) -> None:
    """Ignore (255) what is background in a mask: something is there, and nobody outlined it.

    Args:
        annotation: its semantic map is changed. mask: (H, W) bool.
    """
    annotation.semantic[mask & (annotation.semantic == 0)] = IGNORE


def forget_box(annotation: Annotation, box_xyxy: Sequence[float]) -> None:
    """The same for all pixels that a box touches, in pixels."""
    part = annotation.semantic[touched(box_xyxy)]
    part[part == 0] = IGNORE


def boxed_among(
    shapes: Mapping[str, Mapping[str, int]], rectangle: str, with_area: Sequence[str]
) -> tuple[frozenset[str], list[str]]:
    """The classes whose rectangles are boxes, because they are outlined elsewhere, and notes.

    Args:
        shapes: class -> kind of shape -> number. rectangle: the kind that may be a box.
        with_area: all kinds that are outlines.
    """
    boxed = {
        name: counts[rectangle]
        for name, counts in shapes.items()
        if counts.get(rectangle)
        and any(counts.get(kind) for kind in with_area if kind != rectangle)
    }
    return frozenset(boxed), [
        f"{count(number, 'rectangle')} of {name} beside outlines of the same class: nothing inside "
        "is learned from. Where a rectangle is the outline, draw it as a polygon."
        for name, number in sorted(boxed.items())
    ]


def from_ids(
    ids: NDArray[np.integer], labels: dict[int, int], *, void: Mask | None = None
) -> Annotation:
    """An annotation on a background from a map of numbers, 0 where there is no object.

    Args:
        ids: (H, W), a number for each object, not necessarily 1, 2, 3.
        labels: number -> category; numbers that are missing here are no objects.
        void: (H, W) bool, where nothing is known.
    """
    numbers = np.array([number for number in sorted(labels) if number > 0], np.int64)
    layer = renumbered(ids, numbers)
    kinds = [labels[int(number)] for number in numbers]
    return on_layers(layer[None], kinds, np.zeros(ids.shape, np.uint8), void=void)


def renumbered(ids: NDArray[np.integer], numbers: NDArray[np.int64]) -> NDArray[np.uint16]:
    """(H, W) uint16: k where ``ids`` is the k-th of the sorted ``numbers``, 0 elsewhere.

    Raises:
        PixelwiseError: more than 65,535 numbers.
    """
    if len(numbers) > _MOST_IDS:
        raise PixelwiseError(
            f"{len(numbers):,} objects in one picture; {_MOST_IDS:,} can be told apart at most. "
            "Cut the picture in parts."
        )
    if not len(numbers):
        return np.zeros(ids.shape, np.uint16)
    low, high = int(ids.min()), max(int(ids.max()), int(numbers[-1]))
    if low >= 0 and high < _TABLE:
        # Looking numbers up takes a tenth of the time of searching them.
        table = np.zeros(high + 1, np.uint16)
        table[numbers] = np.arange(1, len(numbers) + 1)
        looked_up: NDArray[np.uint16] = table[ids]
        return looked_up
    place = np.searchsorted(numbers, ids).clip(0, len(numbers) - 1)
    return np.where(numbers[place] == ids, place + 1, 0).astype(np.uint16)


def on_layers(
    layers: Layers,
    labels: Sequence[int],
    ground: LabelMap,
    *,
    crowd: Sequence[bool] | None = None,
    void: Mask | None = None,
) -> Annotation:
    """An annotation whose semantic map is painted from its instances.

    Where instances overlap the smaller is seen; a crowd is seen (as 255) where no instance is,
    and void (255) lies on top of all.

    Args:
        layers: (L, H, W), see `Annotation`. labels, crowd: of each instance.
        ground: (H, W) category where there is no instance.
    """
    is_crowd = np.zeros(len(labels), np.bool_) if crowd is None else np.array(crowd, np.bool_)
    kinds = np.array(labels, np.int64)
    painted = np.where(is_crowd, IGNORE, kinds).astype(np.uint8)
    layers = layers if len(labels) else layers[:0]
    seen = _on_top(layers, is_crowd)
    semantic = np.where(seen > 0, np.concatenate(([np.uint8(0)], painted))[seen], ground)
    if void is not None:
        semantic[void] = IGNORE
    return Annotation(semantic, layers, kinds, is_crowd)


def _on_top(layers: Layers, is_crowd: Mask) -> NDArray[np.uint16]:
    """(H, W): the smallest instance at each pixel, 0 for none; crowds lie below all others."""
    if not len(layers):
        return np.zeros(layers.shape[1:], np.uint16)
    if len(layers) == 1:
        only: NDArray[np.uint16] = layers[0]
        return only
    area = np.bincount(layers.ravel(), minlength=len(is_crowd) + 1).astype(np.float64)
    area[1:] += is_crowd * float(layers.size)
    area[0] = np.inf
    seen: NDArray[np.uint16] = layers[0].copy()
    smallest = area[seen]
    for layer in layers[1:]:
        here = area[layer]
        smaller = here < smallest
        seen[smaller], smallest[smaller] = layer[smaller], here[smaller]
    return seen
