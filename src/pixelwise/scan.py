"""Reading every picture and mask of a dataset once, and keeping only numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from pixelwise.appearance import Appearance, appearance_of
from pixelwise.datasets._files import is_picture
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.objects import Objects, measure
from pixelwise.people import People, measure_people
from pixelwise.types import IGNORE, Annotation, Category, LabelMap, PixelwiseError, Sample

NOTHING = Objects(np.zeros(0, np.int64), np.zeros(0, np.int64))
"""A picture without instances."""

# Masks and pictures wait in memory for their turn; this many at most.
_AHEAD = 64


@dataclass(frozen=True)
class Seen:
    """What one picture and its mask are like, in numbers.

    ``problem``: why it cannot be used, a sentence; then the rest is empty. ``pixels``: of each
    category. ``border`` and ``middle``: share of foreground (every category but the first) along
    the picture's edge and in its middle quarter. ``mask_hw`` is the mask file's own size (the
    picture's where there is no such file), ``mask_print`` a hash of the annotation. ``objects``:
    its instances in numbers. ``people``: those who can have joints, None where nobody can.
    ``appearance``: what the image looks like.
    """

    sample: Sample
    problem: str | None = None
    image_hw: tuple[int, int] = (0, 0)
    mask_hw: tuple[int, int] = (0, 0)
    pixels: tuple[int, ...] = ()
    border: float = 0.0
    middle: float = 0.0
    mask_print: str = ""
    objects: Objects = NOTHING
    people: People | None = None
    appearance: Appearance | None = None

    @property
    def foreground(self) -> float:
        """Share of labelled pixels that are not of the first category."""
        return sum(self.pixels[1:]) / max(1, sum(self.pixels))

    @property
    def has_outlines(self) -> bool:
        """Whether any pixel is of an instance or of another category than the first."""
        return len(self.objects) > 0 or any(self.pixels[1:])


def scan(
    samples: Sequence[Sample], categories: Sequence[Category], on_progress: Callable[[int], None]
) -> tuple[Seen, ...]:
    """Read pictures and masks by several threads (the decoders let others run meanwhile).

    Args:
        samples: what to read.
        categories: of the dataset.
        on_progress: gets the number done so far.
    """
    seen: list[Seen] = []
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for chunk in _chunks(samples):
            seen += pool.map(lambda sample: see(sample, categories), chunk)
            on_progress(len(seen))
    return tuple(seen)


def see(sample: Sample, categories: Sequence[Category]) -> Seen:
    """Read one picture and its mask."""
    try:
        image = sample.read_image()
        annotation = sample.read_annotation()
        mask = next((file for file in sample.files[1:] if is_picture(file.name)), None)
        mask_hw = annotation.size_hw if mask is None else image_size_hw(mask)
    except PixelwiseError as error:
        return Seen(sample, str(error))
    labels = annotation.semantic
    counts = np.bincount(labels.ravel(), minlength=IGNORE + 1)[: len(categories)]
    return Seen(
        sample,
        None,
        (image.shape[0], image.shape[1]),
        mask_hw,
        tuple(counts.tolist()),
        *_border_and_middle(labels),
        _print(annotation),
        measure(annotation) if len(annotation) else NOTHING,
        measure_people(annotation, categories),
        appearance_of(image),
    )


def _print(annotation: Annotation) -> str:
    """A hash of what is true of a picture, in whatever files it is written."""
    digest = blake2b(digest_size=16)
    for part in (annotation.semantic, annotation.layers, annotation.labels, annotation.crowd):
        digest.update(np.ascontiguousarray(part).tobytes())
    for more in (annotation.keypoints, annotation.boxes):
        if more is not None:
            digest.update(more.tobytes())
    return digest.hexdigest()


def _border_and_middle(labels: LabelMap) -> tuple[float, float]:
    foreground = (labels > 0) & (labels != IGNORE)
    height, width = labels.shape
    edges = (foreground[0], foreground[-1], foreground[:, 0], foreground[:, -1])
    middle = foreground[height // 4 : -(-3 * height // 4), width // 4 : -(-3 * width // 4)]
    return float(np.concatenate(edges).mean()), float(middle.mean())


def _chunks(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    for start in range(0, len(samples), _AHEAD):
        yield samples[start : start + _AHEAD]
