"""The nouns everything else speaks in: categories, annotations, samples, results.

Shapes and units, everywhere in the package:

=============  ====================================================================
image          (H, W, 3) uint8 RGB, numpy
images         (B, 3, H, W) float32, normalised, torch
semantic       (H, W) uint8 class index, 255 = ignore
layers         (L, H, W) uint16: n = instance n - 1 is here, 0 = none
id_map         (H, W) int32: n = segment n - 1, 0 = none
maps           {map name: (B, C, h, w) float32}, before any activation
targets        the same keys, and "<name>_weight" (B, 1, h, w), 0 = ignore
probs          (C, H, W) float32 in [0, 1]
points, boxes  (x, y) in pixels; arrays are (y, x); a name that could be either says so
=============  ====================================================================

Pixel i covers [i, i + 1) and its centre is i + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
class Skeleton:
    """The joints of a category, as its dataset names them.

    ``joints``: K names. ``limbs``: pairs of joint indices that are drawn as a line. ``mirrored``:
    (K,) for each joint the one that stands in its place in a mirror image. ``sigmas``: (K,) how
    far annotators scatter, relative to the root of the area (COCO's object keypoint similarity).
    """

    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    mirrored: tuple[int, ...]
    sigmas: tuple[float, ...]


@dataclass(frozen=True)
class Category:
    """One class of pixels: its name and the RGB colour it is drawn in.

    ``is_thing``: whether it is counted one by one (a sheep) or not (a meadow, the background).
    ``source_id``: its number in the files of its dataset (COCO's ``categories``), under which it
    stands in result files; None where the dataset has none.
    """

    name: str
    color: tuple[int, int, int]
    is_thing: bool = False
    skeleton: Skeleton | None = None
    source_id: int | None = None


def source_ids(categories: Sequence[Category], first: int = 0) -> tuple[int, ...]:
    """The number of each category in files: its dataset's own, or counted from ``first``.

    The dataset's own are used where every category has one, and no two the same. A background, the
    first of ``categories``, may have none; it gets a number that is free.
    """
    given = [category.source_id for category in categories]
    known = [each for each in given if each is not None]
    if len(set(known)) < len(known) or any(each is None for each in given[1:]) or not known:
        return tuple(range(first, first + len(categories)))
    free = next(number for number in range(len(known) + 1) if number not in known)
    return tuple(free if each is None else each for each in given)


def _no_layers() -> NDArray[np.uint16]:
    return np.zeros((0, 0, 0), np.uint16)


@dataclass(frozen=True, eq=False)
class Annotation:
    """What is true of one picture: its classes and, where they are known, its instances.

    Attributes:
        semantic: (H, W) uint8 index into the dataset's categories, 255 = ignore: void, and the
            regions of crowds.
        layers: (L, H, W) uint16; where ``layers[l]`` is n, instance n - 1 is. One layer holds
            instances that do not overlap; those that do lie in different ones. An instance may
            have no pixel left (moved out of the picture).
        labels: (N,) int64 category of each instance.
        crowd: (N,) bool: a region of many that nobody told apart. Neither learned from nor
            counted as missed.
        keypoints: (N, K, 3) float32 x, y, visibility (0 not known, 1 hidden, 2 seen); None where
            the dataset has no joints.
        mirrored: (K,) joint order in a mirror image, see `Skeleton`.
        boxes: (N, 4) float32 xyxy in pixels where a dataset gives boxes and no outlines, NaN for
            an instance without one; None where the pixels say it.
    """

    semantic: LabelMap
    layers: NDArray[np.uint16] = field(default_factory=_no_layers)
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    crowd: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    keypoints: NDArray[np.float32] | None = None
    mirrored: tuple[int, ...] = ()
    boxes: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.semantic.dtype != np.uint8 or self.semantic.ndim != 2:
            raise PixelwiseError(
                "An annotation's semantic map must be (H, W) uint8, "
                f"not {self.semantic.shape} {self.semantic.dtype}."
            )
        if not len(self.layers):
            object.__setattr__(self, "layers", np.zeros((0, *self.semantic.shape), np.uint16))
        if self.layers.dtype != np.uint16 or self.layers.shape[1:] != self.semantic.shape:
            raise PixelwiseError(
                f"An annotation's layers must be (L, {self.semantic.shape[0]}, "
                f"{self.semantic.shape[1]}) uint16, not {self.layers.shape} {self.layers.dtype}."
            )
        if self.labels.shape != self.crowd.shape or int(self.layers.max(initial=0)) > len(self):
            raise PixelwiseError(
                f"An annotation's layers hold instance {int(self.layers.max(initial=0))}, but it "
                f"has {len(self.labels)} labels and {len(self.crowd)} crowd marks."
            )

    def __len__(self) -> int:
        """How many instances there are, crowds among them."""
        return len(self.labels)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.semantic.shape[0], self.semantic.shape[1]

    @property
    def areas_px(self) -> NDArray[np.int64]:
        """(N,) int64: pixels of each instance."""
        counts = np.bincount(self.layers.ravel(), minlength=len(self) + 1)
        return counts[1:].astype(np.int64)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """(H, W) bool: where one instance is."""
        found: NDArray[np.bool_] = (self.layers == index + 1).any(axis=0)
        return found


@dataclass(frozen=True)
class Sample:
    """One case of a dataset; pixels are read only when asked for.

    ``id`` is unique in its dataset and stable between machines. ``groups`` are named facts
    about the case (diagnosis, patient, clip, site). ``split`` is "train", "val" or "test" where
    the folder itself says so. ``files`` are the image first, then what annotates it. ``is_sized``:
    whether the annotation says how large the image was that it was drawn on.
    """

    id: str
    files: tuple[Path, ...]
    read_image: Callable[[], Image] = field(repr=False)
    read_annotation: Callable[[], Annotation] = field(repr=False)
    groups: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    is_sized: bool = True


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


@dataclass(frozen=True, eq=False)
class Instances:
    """The instances found in one picture, at the picture's own size; no two overlap.

    ``id_map``: (H, W) int32, n = instance n - 1, 0 = none; every instance has at least a pixel.
    ``labels``: (N,) int64 index into ``categories``. ``scores``: (N,) float32 in [0, 1].
    """

    id_map: NDArray[np.int32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    categories: tuple[Category, ...]

    def __post_init__(self) -> None:
        assert self.id_map.dtype == np.int32 and self.id_map.ndim == 2
        assert self.labels.shape == self.scores.shape
        assert int(self.id_map.max(initial=0)) <= len(self.labels)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.labels)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """(H, W) bool: where one instance is."""
        found: NDArray[np.bool_] = self.id_map == index + 1
        return found


class Panoptic(Instances):
    """Things one by one and stuff by kind, every pixel in at most one of them.

    As `Instances`, whose members are here called segments: one for each thing, and one for all of
    a picture's stuff of one category. 0 in ``id_map`` is void.
    """


@dataclass(frozen=True, eq=False)
class Poses:
    """The poses found in one picture, in the picture's own pixels, the surest first.

    ``keypoints``: (N, K, 3) float32 x, y and the joint's score in [0, 1]; a joint that was not
    found is NaN, NaN, 0. ``scores``: (N,) float32 in [0, 1], of each pose as a whole. ``ids``: (N,)
    int64 where poses were followed through a video: the same number is the same person, -1 = too
    short to tell (see `tracking`).
    """

    keypoints: NDArray[np.float32]
    scores: NDArray[np.float32]
    categories: tuple[Category, ...]
    size_hw: tuple[int, int]
    ids: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        assert self.keypoints.ndim == 3 and self.keypoints.shape[2] == 3
        assert self.scores.shape == (len(self.keypoints),)
        assert self.ids is None or self.ids.shape == self.scores.shape

    def __len__(self) -> int:
        """How many there are."""
        return len(self.scores)

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N, K) which joints were found."""
        return np.asarray(self.keypoints[..., 2] > 0)
