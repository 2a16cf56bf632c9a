"""Panoptic segmentation: every pixel belongs to one thing of many, or to a kind of stuff.

Maps: "class" over stuff and things, "center" and "offset" as in `pixelwise.tasks._centers`.
Decoding after Cheng et al., "Panoptic-DeepLab", CVPR 2020, section 3.3: pixels of things go to the
centre they point at and have that thing's most frequent class; what is left is stuff, and kinds
with hardly a pixel, or things without a centre, are void.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.geometry import Warp
from pixelwise.metrics.matching import panoptic_quality
from pixelwise.metrics.segments import PanopticMetric
from pixelwise.tasks._segments import Segments
from pixelwise.tasks.instance import InstanceTask
from pixelwise.types import Annotation, Panoptic

# Of the picture: a kind of stuff below it is noise more often than not (the paper's 4,096 pixels of
# 641 x 641; half as much, and a fifth, measured worse: see LOG.md).
_LEAST_STUFF = 0.01


class PanopticTask(InstanceTask):
    """See the module; the maps are those of instances, and mean stuff as well."""

    @property
    def thresholds(self) -> dict[str, float]:
        """As of instances; stuff has at least a share "stuff" of the picture."""
        return {**super().thresholds, "stuff": _LEAST_STUFF}

    def loss(self, maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As of instances, centres and offsets for half: the classes have more to tell apart."""
        terms = super().loss(maps, targets)
        return {**terms, "center": 0.5 * terms["center"], "offset": 0.5 * terms["offset"]}

    def decode(
        self, maps: Mapping[str, NDArray[np.float32]], warp: Warp, *, probs: bool = False
    ) -> Panoptic:
        """Segments at the original size: things, the surest first, then stuff."""
        segments = Segments(maps, warp, self.categories, has_stuff=True)
        things, labels, scores = segments.things()
        least = _LEAST_STUFF * things.size
        ids, kinds, sure = segments.stuff(things, least, len(labels) + 1)
        return Panoptic(
            ids,
            np.concatenate([labels, kinds]),
            np.concatenate([scores, sure]),
            self.categories,
        )

    def score(self, truth: Annotation, result: Panoptic) -> float:  # type: ignore[override]
        """Panoptic quality of the picture."""
        return panoptic_quality(truth, result, self.categories, stuff=True)

    def metric(self) -> PanopticMetric:
        """An empty metric over these categories."""
        return PanopticMetric(self.categories)


build = PanopticTask
