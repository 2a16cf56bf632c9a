"""What `check` calls an error, `train` refuses: before anything is written, at little cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch

from pixelwise import findings
from pixelwise.datasets import Dataset
from pixelwise.datasets._look import even_sample
from pixelwise.model import Model
from pixelwise.recipe import Recipe
from pixelwise.splits import Split
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError, Sample

_MOST_READ = 5_000


def refuse_errors(
    dataset: Dataset,
    samples: Sequence[Sample],
    splits: Sequence[Split],
    fingerprints: Mapping[str, str],
) -> None:
    """Refuse a dataset that would train a useless model or give a test known beforehand.

    Args:
        dataset: for its name and its categories.
        samples: all of it.
        splits: one, or one for each fold.
        fingerprints: id -> content hash of the image.

    Raises:
        PixelwiseError: an image, patient or lesion in more than one of the folder's own parts, or
            training annotations that show one category alone.
    """
    # A cross-validation does not follow the folder's own parts.
    for finding in findings.leaked(samples, fingerprints) if len(splits) == 1 else ():
        if finding.severity == "error":
            raise PixelwiseError(f"{finding.message} `pixelwise check {dataset.root}` lists them.")
    for split in splits:
        training = set(split.ids("train"))
        _refuse_one_category(dataset, [sample for sample in samples if sample.id in training])


def refuse_size(model: Model, recipe: Recipe) -> None:
    """Refuse a working size that the network cannot be trained on.

    Raises:
        PixelwiseError: it is no multiple of the network's stride, or batch normalisation would see
            a single number of some channel.
    """
    height, width = recipe.size_hw
    stride = model.stride
    if height % stride or width % stride:
        larger = tuple(-(-side // stride) * stride for side in recipe.size_hw)
        raise PixelwiseError(
            f"The working size {height} x {width} is no multiple of {stride}, the stride of the "
            f"network '{recipe.network}'. Take size_hw={larger}."
        )
    if recipe.batch > 1:
        return
    try:
        with torch.no_grad():
            model.train()(torch.zeros(1, 3, height, width))
    except ValueError:  # "Expected more than 1 value per channel when training"
        raise PixelwiseError(
            f"In batches of one image of {height} x {width} the network '{recipe.network}' shrinks "
            "an image to a single point, which batch normalisation cannot be trained on. Take "
            f"larger batches (--batch 2), images (--size {2 * max(height, width)}) or fewer "
            "poolings (--depth)."
        ) from None


def refuse_unreadable(failures: Sequence[str], usable: Collection[str], split: Split) -> None:
    """Refuse where most images, or all of a part, could not be read.

    Args:
        failures: a sentence for each image that was left out.
        usable: ids of the images that are left.
        split: which part each is in.

    Raises:
        PixelwiseError: they are; the message gives the first reason.
    """
    left = {part: len({*split.ids(part)}.intersection(usable)) for part in ("train", "val")}
    if failures and (len(failures) > sum(left.values()) or 0 in left.values()):
        raise PixelwiseError(
            f"{len(failures)} of {len(failures) + sum(left.values())} training and validation "
            f"images cannot be used. {failures[0]} `pixelwise check` lists the others."
        )


def _refuse_one_category(dataset: Dataset, samples: Sequence[Sample]) -> None:
    """Stops reading at the first sample that settles it, in most datasets the first of all."""
    present: set[int] = set()
    num_read = 0
    for index in even_sample(len(samples), _MOST_READ):
        try:
            annotation = samples[index].read_annotation()
        except PixelwiseError:  # named when all of them are read
            continue
        if _has_joints(annotation):
            return
        num_read += 1
        present |= _categories_in(annotation)
        if len(present) >= 2:
            return
    if not num_read:
        return
    raise PixelwiseError(
        f"{_shown(present, dataset.categories)} in the training part of {dataset.root}, so there "
        "is nothing to tell apart. Check that the masks are the right files, and what their "
        "values mean (--masks)."
    )


def _categories_in(annotation: Annotation) -> set[int]:
    found = np.bincount(annotation.semantic.ravel(), minlength=IGNORE + 1)[:IGNORE]
    # An object moved out by a later one has no pixel, and is there all the same.
    objects = annotation.labels[~annotation.crowd]
    return {*np.flatnonzero(found).tolist(), *objects.tolist()}


def _has_joints(annotation: Annotation) -> bool:
    return annotation.keypoints is not None and bool((annotation.keypoints[..., 2] > 0).any())


def _shown(present: Collection[int], categories: Sequence[Category]) -> str:
    if not present:
        return "Every pixel is left out (ignored)"
    return f"Every mask shows {categories[min(present)].name} alone"
