"""Pictures to try an exported file on: real ones where there are any, else made-up, extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from pixelwise.formats import Images
from pixelwise.held_out import choose
from pixelwise.loader import Look, looks
from pixelwise.madeup.nevi import sample_nevi
from pixelwise.madeup.people import sample_people
from pixelwise.run import Run
from pixelwise.store import ZOOM, Picture, shrink
from pixelwise.types import Annotation, Image, PixelwiseError, Sample

Each = TypeVar("Each")

_SEED = 20261126
_PICTURES = 8
_CALIBRATION = 32
# Decoding things one by one takes as long again as finding their classes.
_ANNOTATED, _ANNOTATED_THINGS = 128, 48
# With fewer pictures neither calibration nor a loss of 0.01 means anything.
_LEAST = 8


@dataclass(frozen=True, eq=False)
class Probes:
    """What a file is tried on.

    ``looks``: pictures whose results are compared. ``words``: what they are. ``annotated``: those
    to measure a loss on, and ``calibration``: (1, H, W, 3) uint8 each at working size; none where
    the precision needs neither.
    """

    looks: tuple[Look, ...]
    words: str
    annotated: tuple[Look, ...] = ()
    calibration: tuple[Images, ...] = ()


def gather(run: Run, precision: str, data: Path | None, masks: str | None) -> Probes:
    """The pictures that a precision is proven with.

    Args:
        run: of one model.
        precision: int8 needs annotated pictures: of ``data``, or else of the run's own.
        data: another folder; None for the run's own, where it is still there.
        masks: what the mask values of ``data`` mean; None: the same as in the run.

    Raises:
        PixelwiseError: ``data`` cannot be used, or int8 has no annotated pictures.
    """
    if precision == "int8":
        return _for_int8(run, data, masks)
    real = _real(run, data, masks)
    extreme = _extremes(run)
    if real is None:
        return Probes((*_made_up(run), *extreme), "made-up and extreme pictures")
    samples, words = real
    found = _looks(run, _spread(samples, _PICTURES))
    if len(found) < _PICTURES:
        found += _made_up(run)
        words = f"{words}, made-up ones"
    return Probes((*found, *extreme), f"{words} and extremes")


def odd_batches(size_hw: tuple[int, int]) -> list[Images]:
    """(B, H, W, 3) uint8 noise of sizes that no network can halve, about the working size."""
    rng = np.random.default_rng(_SEED)
    height, width = size_hw
    shapes = [(2, height + 1, width + 3), (1, 2 * height - 3, width - 1 + width % 2)]
    return [rng.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes]


def _real(run: Run, data: Path | None, masks: str | None) -> tuple[tuple[Sample, ...], str] | None:
    """Annotated pictures and what they are; None where the run's own folder cannot be used."""
    try:
        part = "val" if data is None else None
        chosen = choose(run, data, part, masks or run.recipe.masks)
    except PixelwiseError:
        if data is not None:
            raise
        return None
    return chosen.samples, f"pictures of {chosen.where}"


def _for_int8(run: Run, data: Path | None, masks: str | None) -> Probes:
    """Calibrated on what the run learned from, and measured on what it was validated on.

    Of another folder every other picture is for the one, and the rest for the other.
    """
    own = Path(run.recipe.data)
    if data is None and not own.is_dir():
        raise PixelwiseError(
            f"int8 is calibrated and measured on annotated pictures, and the run's own ({own}) are "
            "not there. Give a folder with --data."
        )
    masks = masks or run.recipe.masks
    if data is None:
        learned, kept = (choose(run, None, part, masks).samples for part in ("train", "val"))
        words = "pictures of the run's validation part"
    else:
        chosen = choose(run, data, None, masks)
        learned, kept = chosen.samples[1::2], chosen.samples[::2]
        words = f"pictures of {chosen.where}"
    if min(len(learned), len(kept)) < _LEAST // 2:
        raise PixelwiseError(
            f"int8 needs at least {_LEAST} annotated pictures, half of them to be measured on, and "
            f"there are {len(learned)} and {len(kept)}. Give a larger folder with --data."
        )
    at_most = _ANNOTATED if run.recipe.task == "semantic" else _ANNOTATED_THINGS
    annotated = _looks(run, _spread(kept, at_most))
    calibration = [look.image[None] for look in _looks(run, _spread(learned, _CALIBRATION))]
    shown = (*_spread(annotated, _PICTURES), *_extremes(run))
    if len(annotated) < _PICTURES:
        shown += _made_up(run)
    return Probes(shown, f"{words} and extremes", tuple(annotated), tuple(calibration))


def _looks(run: Run, samples: Sequence[Sample]) -> list[Look]:
    """One look at each; of large pictures seen through windows, at the middle."""
    found = []
    for sample in samples:
        every = looks(shrink(sample, run.recipe.size_hw, run.recipe.tile_px), run.recipe, 3)
        found.append(every[len(every) // 2])
    return found


def _made_up(run: Run) -> tuple[Look, ...]:
    """Lesions, or scenes with people where things or joints are looked for; sides are odd."""
    side_px = round(ZOOM * max(run.recipe.size_hw))
    samples = (
        sample_nevi(_PICTURES, _SEED, long_side_px=side_px)
        if run.recipe.task == "semantic"
        else sample_people(_PICTURES, _SEED, side_px)
    )
    return tuple(_look(run, _odd(sample.read_image())) for sample in samples)


def _extremes(run: Run) -> tuple[Look, ...]:
    """Black, white and noise, larger than the working size and odd."""
    height, width = (side + 1 for side in run.recipe.size_hw)
    noise = np.random.default_rng(_SEED).integers(0, 256, (height, width, 3), np.uint8)
    flat = [np.full((height, width, 3), value, np.uint8) for value in (0, 255)]
    return tuple(_look(run, _odd(image)) for image in (*flat, noise))


def _odd(image: Image) -> Image:
    """Without the last row and column where their number is even."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[: height - 1 + height % 2, : width - 1 + width % 2])


def _look(run: Run, image: Image) -> Look:
    """A picture of which nothing is known, as the run sees it."""
    nothing = Annotation(np.zeros(image.shape[:2], np.uint8))
    return looks(Picture("", image, nothing), run.recipe, 1)[0]


def _spread(things: Sequence[Each], at_most: int) -> list[Each]:
    """An even sample."""
    places = np.linspace(0, len(things) - 1, min(len(things), at_most)).astype(int)
    return [things[place] for place in places]
