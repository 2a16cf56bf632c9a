"""The pictures and masks of a dataset, as every contestant gets them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from contestants._job import Case
from pixelwise.datasets import Dataset
from pixelwise.files import write_bytes
from pixelwise.splits import make_folds, make_group_folds
from pixelwise.types import IGNORE, LabelMap, PixelwiseError, Sample


def write_masks(dataset: Dataset, folder: Path) -> tuple[Sample, ...]:
    """Write each mask as ours reads it: a PNG of the picture's size, 0 or 255.

    Returns:
        the samples that can be read; the others are named and left out.

    Raises:
        PixelwiseError: more than one category besides the background.
    """
    if len(dataset.categories) != 2:
        raise PixelwiseError(
            f"{dataset.root} has {len(dataset.categories)} categories, and the benchmark compares "
            "on two. `MASKS=binary=NAME` makes everything but 0 one category."
        )
    samples = []
    for sample in (dataset[index] for index in range(len(dataset))):
        try:
            _write_mask(sample, mask_path(folder, sample.id))
            samples.append(sample)
        except PixelwiseError as error:
            print(f"Left out: {error}")
    return tuple(samples)


def mask_path(folder: Path, sample_id: str) -> Path:
    """Where the mask of a picture is."""
    return folder / f"{sample_id}.png"


def _write_mask(sample: Sample, path: Path) -> None:
    if path.exists():
        return
    labels = sample.read_annotation().semantic
    picture = cv2.imread(str(sample.files[0]), cv2.IMREAD_COLOR)
    if (labels == IGNORE).any():
        raise PixelwiseError(f"{sample.id} has pixels to ignore, which not every contestant can.")
    if picture is None or picture.shape[:2] != labels.shape:
        raise PixelwiseError(f"{sample.files[0]} cannot be read plainly, as the peers read it.")
    _, coded = cv2.imencode(".png", labels * np.uint8(255))
    write_bytes(path, coded.tobytes())


def read_mask(path: Path) -> LabelMap:
    """A mask file as (H, W) uint8, 0 or 1."""
    values = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if values is None:
        raise PixelwiseError(f"{path} is missing or damaged. Delete its folder and run again.")
    return (values > 0).astype(np.uint8)


def folds_of(
    samples: tuple[Sample, ...], folds: int, leave_out: str, masks: Path
) -> list[tuple[Case, ...]]:
    """The cases of every fold, split as `pixelwise train --folds` or ``--leave-out`` splits."""
    splits = (
        make_group_folds(samples, leave_out, seed=0)
        if leave_out
        else make_folds(samples, folds, seed=0)
    )
    files = {s.id: (str(s.files[0].resolve()), str(mask_path(masks, s.id))) for s in samples}
    return [
        tuple(Case(name, *files[name], split.parts[name]) for name in sorted(files))
        for split in splits
    ]
