"""Instance segmentation: things are counted, and each gets its own pixels.

Maps: "class" as in semantic segmentation (background and kinds of things), "center" and "offset"
as in `pixelwise.tasks._centers`. Decoding: pixels of things go to the centre they point at.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.geometry import Warp
from pixelwise.metrics.matching import panoptic_quality
from pixelwise.metrics.segments import InstanceMetric
from pixelwise.tasks import _centers
from pixelwise.tasks._segments import Segments
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.types import Annotation, Category, Instances


class InstanceTask:
    """See the module; the first of ``categories`` is the background."""

    def __init__(
        self,
        categories: tuple[Category, ...],
        loss: Mapping[str, float],
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.categories = categories
        self._classes = SemanticTask(categories, loss, class_weights)

    @property
    def maps(self) -> dict[str, int]:
        """Channels of "class", "center" and "offset"."""
        return {**self._classes.maps, **_centers.MAPS}

    @property
    def thresholds(self) -> dict[str, float]:
        """Those of "class", and what a centre is."""
        return {**self._classes.thresholds, **_centers.THRESHOLDS}

    def encode(self, annotation: Annotation, factor: int) -> dict[str, NDArray[np.float32]]:
        """Class shares, the heatmap of centres, and offsets, with their weights."""
        return {
            **self._classes.encode(annotation, factor),
            **_centers.encode(annotation, factor),
        }

    def loss(self, maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The recipe's losses on the classes, and those of centres and offsets."""
        return {**self._classes.loss(maps, targets), **_centers.loss(maps, targets)}

    def decode(
        self, maps: Mapping[str, NDArray[np.float32]], warp: Warp, *, probs: bool = False
    ) -> Instances:
        """Instances at the original size, the surest first; ``probs`` changes nothing."""
        segments = Segments(maps, warp, self.categories)
        id_map, labels, scores = segments.things()
        return Instances(id_map, labels, scores, self.categories)

    def flipped(self, maps: Mapping[str, Tensor], axes: tuple[int, ...]) -> dict[str, Tensor]:
        """Maps mirrored back; offsets point the other way."""
        return _centers.flipped(maps, axes)

    def score(self, truth: Annotation, result: Instances) -> float:
        """Panoptic quality of the picture's things."""
        return panoptic_quality(truth, result, self.categories, stuff=False)

    def metric(self) -> InstanceMetric:
        """An empty metric over these categories."""
        return InstanceMetric(self.categories)


build = InstanceTask
