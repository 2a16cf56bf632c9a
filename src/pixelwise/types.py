"""The nouns everything else speaks in: categories, annotations, samples, results.

Shapes and units, everywhere in the package:

=============  ====================================================================
image          (H, W, 3) uint8 RGB, numpy
images         (B, 3, H, W) float32, normalised, torch
semantic       (H, W) uint8 class index, 255 = ignore
maps           {map name: (B, C, h, w) float32}, before any activation
targets        the same keys, and "<name>_weight" (B, 1, h, w), 0 = ignore
probs          (C, H, W) float32 in [0, 1]
points, boxes  (x, y) in pixels; arrays are (y, x); a name that could be either says so
=============  ====================================================================

Pixel i covers [i, i + 1) and its centre is i + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

IGNORE = 255
"""The value in a label map that no loss and no metric looks at."""

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""
LabelMap = NDArray[np.uint8]
"""(H, W) uint8 class index, 255 = ignore."""
FloatArray = NDArray[np.floating[Any]]

# Named facts that tie pictures together: the same skin, the same person, the same film.
# A split never puts one value of them on both sides.
TOGETHER = ("patient", "lesion", "video", "clip")
# Named facts a split balances, and a report tabulates first.
STRATA = ("diagnosis",)


class PixelwiseError(ValueError):
    """Something in the user's input is wrong; the message says what to do about it."""


@dataclass(frozen=True)
class Category:
    """One class of pixels: its name and the RGB colour it is drawn in."""

    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Annotation:
    """What is true of one picture.

    ``semantic``: (H, W) uint8 index into the dataset's categories, 255 = ignore.
    """

    semantic: LabelMap

    def __post_init__(self) -> None:
        if self.semantic.dtype != np.uint8 or self.semantic.ndim != 2:
            raise PixelwiseError(
                "An annotation's semantic map must be (H, W) uint8, "
                f"not {self.semantic.shape} {self.semantic.dtype}."
            )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.semantic.shape[0], self.semantic.shape[1]


@dataclass(frozen=True)
class Sample:
    """One case of a dataset; pixels are read only when asked for.

    ``id`` is unique in its dataset and stable between machines. ``groups`` are named facts
    about the case (diagnosis, patient, clip, site). ``split`` is "train", "val" or "test" where
    the folder itself says so. ``files`` are the image first, then what annotates it.
    """

    id: str
    files: tuple[Path, ...]
    read_image: Callable[[], Image] = field(repr=False)
    read_annotation: Callable[[], Annotation] = field(repr=False)
    groups: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None


@dataclass(frozen=True)
class Semantic:
    """A semantic segmentation of one picture, at the picture's own size.

    ``labels``: (H, W) uint8 index into ``categories``. ``confidence``: (H, W) float32 in [0, 1],
    the probability the model gives the label it chose. ``probs``: (C, H, W) float32 where asked
    for; with two categories C is 2 and probs[1] is the foreground's.
    """

    labels: LabelMap
    confidence: NDArray[np.float32]
    categories: tuple[Category, ...]
    probs: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        assert self.labels.dtype == np.uint8 and self.labels.ndim == 2
        assert self.confidence.shape == self.labels.shape
        assert self.probs is None or self.probs.shape[1:] == self.labels.shape
