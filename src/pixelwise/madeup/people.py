"""Made-up scenes with people: exact masks, panoptic truth, and the joints of every person.

People are jointed bodies in three dimensions, posed and dressed at random, seen from every side,
among balls and crates, in rooms, streets, parks and on shores. Everything is painted on a finer
grid, and the truth is counted on that same grid. These pictures teach and test programs; they
are no evidence about photographs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.draw import palette
from pixelwise.files import refuse_unwritable, whole_folder
from pixelwise.madeup._backdrop import draw_backdrop
from pixelwise.madeup._coco import MOST_IMAGES, CocoFolder
from pixelwise.madeup._film import expose
from pixelwise.madeup._scene import (
    PERSON,
    Cast,
    Thing,
    drop_hidden,
    majority,
    render,
    seen_joints,
)
from pixelwise.madeup._workers import in_order
from pixelwise.skeletons import COCO
from pixelwise.types import Annotation, Category, Image, PixelwiseError, Sample

SKELETON = COCO
"""The joints of every person."""

_NAMES = ("sky", "wall", "ground", "grass", "water", "person", "ball", "box")
CATEGORIES: tuple[Category, ...] = tuple(
    Category(name, color, index >= PERSON, SKELETON if index == PERSON else None)
    for index, (name, color) in enumerate(zip(_NAMES, palette(len(_NAMES) + 1)[1:], strict=True))
)
"""Five kinds of stuff, then three of things; there is no background."""

_SIZE_HW = (192, 256)
_SMALLEST_SIDE_PX = 32
# Subsamples in a pixel's side; large pictures need fewer, for their bodies have more pixels.
_FINE, _COARSE, _LARGE_PX = 3, 2, 400


@dataclass(frozen=True)
class Scene:
    """``image`` (H, W, 3) uint8 RGB and what is true of it."""

    image: Image
    annotation: Annotation


def draw_people(
    seed: int,
    index: int,
    *,
    size_hw: tuple[int, int] = _SIZE_HW,
    people: tuple[int, int] = (1, 6),
    variety: float = 1.0,
) -> Scene:
    """Draw one made-up scene: a pure function of its arguments.

    The same numbers give the same bits on every machine with the same NumPy; nothing but sums,
    products and roots touches pixels. A pixel belongs to whoever has most of its subsamples.
    Instances come from the farthest to the nearest, all on one layer. Joints are labelled as people
    label COCO: visibility 2 where one is seen, 1 where it is hidden but the part of the body that
    it is in shows beside it, and 0 where nobody could say, outside the picture, and for what the
    own head or hair hides of a face.

    Args:
        seed: 0 or more; another seed is another collection.
        index: 0 or more; which scene.
        size_hw: height and width in pixels, 32 or more each.
        people: the fewest and the most people asked for, 0 to 20; where too little of one would
            be seen there are fewer.
        variety: 1 = patterned clothes, textured walls, strong light, hard poses. 0 = plain.

    Raises:
        PixelwiseError: a number out of its range.
    """
    _check(seed, index, size_hw, people, variety)
    layout, behind, camera, pixels = (
        np.random.default_rng(child) for child in np.random.SeedSequence([seed, index]).spawn(4)
    )
    factor = _FINE if max(size_hw) < _LARGE_PX else _COARSE
    backdrop = draw_backdrop(behind, size_hw, variety)
    cast = Cast(layout, backdrop, size_hw, factor, variety)
    number = int(layout.integers(people[0], people[1] + 1))
    things = [*cast.people(number), *cast.props(int(layout.integers(1, 5)))]
    fine_hw = size_hw[0] * factor, size_hw[1] * factor
    things, owner = drop_hidden(sorted(things, key=lambda thing: thing.foot_y), fine_hw)
    light = render(backdrop, things, owner, factor, cast.light)
    annotation = _annotate(backdrop.labels, things, owner, factor)
    return Scene(expose(camera, pixels, light, variety), annotation)


def make_people(
    count: int,
    seed: int,
    *,
    size_hw: tuple[int, int] = _SIZE_HW,
    people: tuple[int, int] = (1, 6),
    variety: float = 1.0,
) -> Iterator[Scene]:
    """The scenes 0 to ``count`` - 1 of a seed, drawn one by one; see `draw_people`."""
    for index in range(count):
        yield draw_people(seed, index, size_hw=size_hw, people=people, variety=variety)


def sample_people(
    count: int, seed: int, long_side_px: int, *, variety: float = 1.0
) -> list[Sample]:
    """Scenes as samples with the ids "made-up 0", "made-up 1", ..., drawn when first read.

    Args:
        count: how many.
        seed, variety: see `draw_people`.
        long_side_px: their width; three quarters of it are their height.
    """
    size_hw = _size(long_side_px)
    return [_sample(seed, index, size_hw, variety) for index in range(count)]


def write_people(
    out: Path,
    count: int,
    seed: int,
    *,
    long_side_px: int | None = None,
    variety: float = 1.0,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write ``count`` scenes as a folder in COCO's layout.

    ``images/000001.png`` and so on; under ``annotations`` ``panoptic_people.json`` with its
    ``panoptic_people/000001.png``, ``instances_people.json`` with the masks of all things, and
    ``person_keypoints_people.json`` with joints in pixels (pixel i covers [i, i + 1)). One thing
    has one number in all of them: 1000 times its picture's, and its place from far to near. The
    folder appears whole or not at all.

    Args:
        out: the folder to make; it must not exist or be empty.
        count: how many scenes, 1 to 16,776.
        seed, variety: see `draw_people`.
        long_side_px: width of the pictures, 256 where None; their height is three quarters.
        workers: processes that draw; they change nothing but the time.
        progress: called with the number of scenes written so far.

    Returns:
        ``out``.

    Raises:
        PixelwiseError: ``out`` holds something already, or a number is out of range.
    """
    if not 1 <= count <= MOST_IMAGES:
        raise PixelwiseError(
            f"A folder takes 1 to {MOST_IMAGES} scenes, for COCO's segment numbers have 24 bits, "
            f"not {count}. For more, write several folders with different seeds."
        )
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise PixelwiseError(
            f"{out} exists and is not an empty folder. Give a new folder, or empty this one."
        )
    draw = partial(draw_people, seed, size_hw=_size(long_side_px), variety=variety)
    refuse_unwritable(out)
    with whole_folder(out) as made:
        folder = CocoFolder(made, CATEGORIES)
        for number, scene in enumerate(in_order(draw, count, workers), start=1):
            folder.add(scene.image, scene.annotation)
            if progress is not None:
                progress(number)
        folder.finish()
    return out


def _sample(seed: int, index: int, size_hw: tuple[int, int], variety: float) -> Sample:
    @cache
    def drawn() -> Scene:
        return draw_people(seed, index, size_hw=size_hw, variety=variety)

    return Sample(
        id=f"made-up {index}",
        files=(),
        read_image=lambda: drawn().image,
        read_annotation=lambda: drawn().annotation,
    )


def _size(long_side_px: int | None) -> tuple[int, int]:
    if long_side_px is None:
        return _SIZE_HW
    return round(long_side_px * _SIZE_HW[0] / _SIZE_HW[1]), long_side_px


def _annotate(
    stuff: NDArray[np.uint8],
    things: list[Thing],
    fine_owner: NDArray[np.uint8],
    factor: int,
) -> Annotation:
    owner = majority(fine_owner, factor)
    labels = np.array([thing.category for thing in things], np.int64)
    kinds = np.concatenate([[0], labels]).astype(np.uint8)
    return Annotation(
        semantic=np.where(owner > 0, kinds[owner], stuff),
        layers=owner[None].astype(np.uint16),
        labels=labels,
        crowd=np.zeros(len(things), np.bool_),
        keypoints=seen_joints(things, owner, factor),
        mirrored=SKELETON.mirrored,
    )


def _check(
    seed: int, index: int, size_hw: tuple[int, int], people: tuple[int, int], variety: float
) -> None:
    if seed < 0 or index < 0:
        raise PixelwiseError(f"seed and index must be 0 or more, not {seed} and {index}.")
    if min(size_hw) < _SMALLEST_SIDE_PX:
        raise PixelwiseError(
            f"A scene of {size_hw[0]} x {size_hw[1]} is too small; each side needs at least "
            f"{_SMALLEST_SIDE_PX} pixels."
        )
    if not 0 <= people[0] <= people[1] <= 20:
        raise PixelwiseError(
            f"people is the fewest and the most, between 0 and 20, not {people[0]} and {people[1]}."
        )
    if not 0 <= variety <= 1:
        raise PixelwiseError(f"variety lies between 0 and 1, not at {variety}.")
