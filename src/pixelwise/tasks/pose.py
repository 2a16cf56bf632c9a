"""Pose: where the joints of everybody are, and which of them belong together.

Maps: "joint", a heatmap for each of the K joints of a skeleton (logits above a prior), and "limb",
for each of its L limbs the y and the x of a unit vector along it, as in
`pixelwise.tasks._fields`; a skeleton without limbs has no second map. All people are in the same
maps, so that a picture costs the same whoever is in it. Decoding: the tops of the heatmaps are
joints, two of them make a limb where the field between them points from one to the other, and
limbs that share a joint make a person (`pixelwise.tasks._assembly`).

After Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
TPAMI 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.geometry import Warp
from pixelwise.joints import skeleton_of
from pixelwise.limbs import Limbs
from pixelwise.metrics.poses import PoseMetric, pose_quality
from pixelwise.tasks import _fields
from pixelwise.tasks._assembly import THRESHOLD, assemble
from pixelwise.types import Annotation, Category, PixelwiseError, Poses

_LOSSES = {"joint": _fields.joint_loss, "limb": _fields.limb_loss}


class PoseTask:
    """See the module.

    Args:
        categories: the first with a skeleton says what the joints are.
        loss: name of a map -> weight of what it costs.
        class_weights: none, for joints are no classes.

    Raises:
        PixelwiseError: no category has joints; another loss, or class weights.
    """

    def __init__(
        self,
        categories: tuple[Category, ...],
        loss: Mapping[str, float],
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.categories = categories
        _, self._skeleton = skeleton_of(categories)
        self._limbs = Limbs.of(self._skeleton)
        if class_weights is not None:
            raise PixelwiseError("Poses have no classes to weigh. Leave class weights out.")
        if set(loss) - set(_LOSSES) or set(self.maps) - set(loss):
            raise PixelwiseError(
                f"The losses of poses are {' and '.join(_LOSSES)}, each with its weight, not "
                f"{', '.join(loss)}. Leave the losses out for 1 of each."
            )
        self._loss = dict(loss)

    @property
    def maps(self) -> dict[str, int]:
        """Channels of "joint" and, where the skeleton has limbs, of "limb"."""
        channels = {"joint": len(self._skeleton.joints), "limb": 2 * len(self._limbs)}
        return {name: count for name, count in channels.items() if count}

    @property
    def thresholds(self) -> dict[str, float]:
        """A joint is a top of "joint" with this probability."""
        return {"joint": THRESHOLD, "joint_prior": _fields.PRIOR}

    def encode(self, annotation: Annotation, factor: int) -> dict[str, NDArray[np.float32]]:
        """Heatmaps and fields with their weights: see `pixelwise.tasks._fields.encode`."""
        return _fields.encode(annotation, self.categories, self._skeleton, self._limbs, factor)

    def loss(self, maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What wrong heatmaps and wrong fields cost, each times its weight."""
        return {
            name: self._loss[name]
            * _LOSSES[name](maps[name], targets[name], targets[f"{name}_weight"])
            for name in self.maps
        }

    def decode(
        self, maps: Mapping[str, NDArray[np.float32]], warp: Warp, *, probs: bool = False
    ) -> Poses:
        """Poses in the original picture's pixels, the surest first; ``probs`` changes nothing.

        A joint beyond the picture's edge, in what was added to fit the working size, is not found.
        """
        joint = maps["joint"]
        limb = maps.get("limb", np.zeros((0, *joint.shape[1:]), np.float32))
        keypoints, scores = assemble(joint, limb, self._limbs, _fields.PRIOR)
        keypoints = _home(keypoints, warp, joint.shape[1:])
        is_someone = (keypoints[..., 2] > 0).any(axis=1)
        keypoints, scores = keypoints[is_someone], scores[is_someone]
        order = np.argsort(-scores, kind="stable")
        return Poses(keypoints[order], scores[order], self.categories, warp.source_hw)

    def flipped(self, maps: Mapping[str, Tensor], axes: tuple[int, ...]) -> dict[str, Tensor]:
        """Maps mirrored back: directions along a mirrored axis change sign.

        Mirrored once, left and right change places as well; mirrored along both axes a picture is
        only turned.
        """
        found = {name: torch.flip(values, dims=axes) for name, values in maps.items()}
        if len(axes) % 2:
            found["joint"] = found["joint"][:, list(self._skeleton.mirrored)]
        if "limb" in found:
            found["limb"] = self._directions_back(found["limb"], axes)
        return found

    def _directions_back(self, limb: Tensor, axes: tuple[int, ...]) -> Tensor:
        """(B, 2 L, h, w) fields of which the grid is mirrored back already."""
        pairs = limb.reshape(len(limb), len(self._limbs), 2, *limb.shape[2:])
        sign = torch.ones(len(self._limbs), 2)
        for axis in axes:
            sign[:, axis] *= -1
        if len(axes) % 2:
            pairs = pairs[:, list(self._limbs.mirrored)]
            sign *= torch.from_numpy(self._limbs.sign)[:, None]
        back: Tensor = pairs * sign.to(pairs)[..., None, None]
        return back.flatten(1, 2)

    def score(self, truth: Annotation, result: Poses) -> float:
        """How alike the people of the picture and those found are, in [0, 1]."""
        return pose_quality(truth, result, self.categories)

    def metric(self) -> PoseMetric:
        """An empty metric over these categories."""
        return PoseMetric(self.categories)


def _home(
    keypoints: NDArray[np.float32], warp: Warp, size_hw: tuple[int, ...]
) -> NDArray[np.float32]:
    """Joints (N, K, 3) in map pixels as those of the picture; NaN, NaN, 0 outside of it."""
    xy = warp.points_back(keypoints[..., :2].reshape(-1, 2).astype(np.float64), size_hw)
    height, width = warp.source_hw
    found = keypoints.astype(np.float32)
    found[..., :2] = xy.reshape(*keypoints.shape[:2], 2)
    is_in = ((found[..., :2] >= 0) & (found[..., :2] < (width, height))).all(axis=-1)
    found[~is_in] = np.nan, np.nan, 0
    return found


build = PoseTask
