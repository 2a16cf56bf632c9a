"""Poses by ViTPose and ViTPose+, with weights that others trained on real people.

Xu et al., "ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation" (NeurIPS 2022);
"ViTPose++: Vision Transformer for Generic Body Pose Estimation" (TPAMI 2024). A detector finds the
people; the network looks at each by itself and draws a heatmap for every joint.

from pixelwise.outside import vitpose
poses = vitpose.load("usyd-community/vitpose-base-simple")(image)   # (H, W, 3) uint8 RGB -> Poses
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise import device as devices
from pixelwise import skeletons
from pixelwise.datasets import _joints
from pixelwise.draw import palette
from pixelwise.joints import similarity, skeleton_of
from pixelwise.model import normalise
from pixelwise.networks import MEAN, SPREAD
from pixelwise.networks._hub import Wish, fetch, read_normalisation
from pixelwise.outside import detector as detectors
from pixelwise.outside._crops import Crop, read_joints
from pixelwise.outside._pretrained import as_batch, load_pretrained
from pixelwise.predictor import check_image
from pixelwise.types import Category, Image, Poses, Skeleton

_WISH = Wish(
    "ViTPose model", "--model", "usyd-community/vitpose-base-simple", "VitPoseForPoseEstimation"
)
_CLASSES = {"vitpose": "VitPoseForPoseEstimation"}
# How many people are looked at together: what 16 crops take is little beside the weights.
_TOGETHER = 16
# Joints below count for nothing in the COCO evaluation of ViTPose's authors either. Whoever needs
# to be surer has the scores; what is marked missing nobody gets back.
_LEAST_SCORE = 0.2
# Two boxes of one person give one pose twice; more alike than this, as in that evaluation, the
# surer one stays.
_SAME = 0.9
# Which of ViTPose+'s six experts learned with so many joints: COCO's is the first, then AI
# Challenger, MPII, AP-10K (animals, also with 17 joints), APT-36K and COCO-WholeBody.
_EXPERTS = {14: 1, 16: 2, 133: 5}
_ANIMALS = 3


@dataclass(frozen=True)
class VitPosePredictor:
    """ViTPose with a detector, ready to predict. Stateless: one object serves many threads.

    ``categories``: background, and person with the joints. ``find_people``: image -> boxes, see
    `pixelwise.outside.detector`. ``size_hw``: of a crop. ``expert``: of ViTPose+. ``flips``: also
    look at the mirror image, as its published numbers do.
    """

    categories: tuple[Category, ...]
    find_people: Callable[[Image], detectors.Boxes]
    model: Any
    size_hw: tuple[int, int]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    expert: int | None
    device: torch.device
    flips: bool = True

    def __call__(self, image: Image) -> Poses:
        """The poses of the people in a picture.

        Args:
            image: (H, W, 3) uint8 RGB, any size.

        Raises:
            PixelwiseError: not such an array.
        """
        check_image(image)
        return self.within(image, *self.find_people(image))

    def within(
        self, image: Image, boxes: NDArray[np.float64], scores: NDArray[np.float32]
    ) -> Poses:
        """The poses of people whose boxes are known.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (N, 4) xyxy in its pixels; they may reach beyond it.
            scores: (N,) in [0, 1], how sure it is that someone is there.
        """
        crops = [Crop.around(box, self.size_hw) for box in boxes]
        joints = len(self.skeleton.joints)
        found = np.zeros((len(crops), joints, 3), np.float32)
        for first in range(0, len(crops), _TOGETHER):
            some = slice(first, first + _TOGETHER)
            found[some] = self._joints(image, crops[some])
        found[found[..., 2] < _LEAST_SCORE] = (np.nan, np.nan, 0)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        kept, sure = _ranked(found, scores, areas, self.skeleton)
        return Poses(found[kept], sure[kept], self.categories, (image.shape[0], image.shape[1]))

    @property
    def skeleton(self) -> Skeleton:
        """The joints it finds."""
        return skeleton_of(self.categories)[1]

    def _joints(self, image: Image, crops: Sequence[Crop]) -> NDArray[np.float64]:
        """(N, K, 3) x, y and score, in the picture's pixels."""
        heatmaps = self._heatmaps([crop.cut(image, self.size_hw) for crop in crops])
        places, scores = read_joints(heatmaps)
        map_hw = (heatmaps.shape[2], heatmaps.shape[3])
        home = np.stack([crop.home(xy, map_hw) for crop, xy in zip(crops, places, strict=True)])
        # A crop reaches beyond the picture. What lies there, by more than the network can tell,
        # is in no picture.
        step = np.array([crop.step_px(map_hw) for crop in crops])[:, None, None]
        size_wh = (image.shape[1], image.shape[0])
        is_off = ((home < -step) | (home > size_wh + step)).any(axis=-1)
        scores[is_off] = 0
        return np.concatenate([home, scores[..., None]], axis=-1)

    @torch.inference_mode()
    def _heatmaps(self, cuts: Sequence[Image]) -> NDArray[np.float32]:
        """(N, K, h, w), about 1 at a joint; averaged with the mirror image's.

        In float32 everywhere: joints are read off to a fraction of a pixel, and bfloat16 knows
        heights to 1 part in 256 only.
        """
        images = normalise(as_batch(cuts, self.device), self.mean, self.spread)
        expert = None if self.expert is None else torch.full((len(cuts),), self.expert)
        chosen = None if expert is None else expert.to(self.device)
        maps = self.model(pixel_values=images, dataset_index=chosen).heatmaps
        if self.flips:
            mirrored = self.model(pixel_values=images.flip(-1), dataset_index=chosen).heatmaps
            maps = (maps + mirrored[:, list(self.skeleton.mirrored)].flip(-1)) / 2
        values: NDArray[np.float32] = maps.float().cpu().numpy()
        return values


def load(
    model: str | Path,
    *,
    detector: str | Path | None = None,
    flips: bool = True,
    device: str = "auto",
) -> VitPosePredictor:
    """Load ViTPose or ViTPose+ for predicting, from a folder or the hub.

    The hub is asked only for what is named, or where ``model`` is a name on it.

    Args:
        model: a folder, or a name on the hub such as "usyd-community/vitpose-base-simple".
        detector: likewise, what finds the people; None for RT-DETR (`detector.DEFAULT`), "none"
            where every picture is of one person.
        flips: also look at mirror images and average.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        PixelwiseError: the transformers library is not installed, there is no such model or
            detector, or it is something else.
    """
    place = devices.pick(device)
    folder, commit = fetch(str(model), wish=_WISH)
    found = load_pretrained(folder, _CLASSES, _WISH, place)
    skeleton = _skeleton(found.labels, found.said)
    mean, spread = read_normalisation(folder) or (MEAN, SPREAD)
    backbone = found.model.config.backbone_config
    name = None if detector is None else str(detector)
    return VitPosePredictor(
        categories=_categories(skeleton),
        find_people=detectors.load(name, may_ask=commit is not None, device=place),
        model=found.model,
        size_hw=(backbone.image_size[0], backbone.image_size[1]),
        mean=tuple(mean),
        spread=tuple(spread),
        expert=_expert(skeleton) if backbone.num_experts > 1 else None,
        device=place,
        flips=flips,
    )


def _ranked(
    keypoints: NDArray[np.float32],
    scores: NDArray[np.float32],
    areas_px: NDArray[np.float64],
    skeleton: Skeleton,
) -> tuple[list[int], NDArray[np.float32]]:
    """Which poses stay, the surest first, and the scores of all.

    A pose's score is that of its box times the mean of its joints that were found, as in COCO's
    evaluation by ViTPose's authors. One without any joint is none; of two alike the surer stays.
    """
    is_found = keypoints[..., 2] > 0
    means = keypoints[..., 2].sum(axis=1) / np.maximum(is_found.sum(axis=1), 1)
    sure = np.clip(scores * means, 0, 1).astype(np.float32)
    alike = similarity(
        np.nan_to_num(keypoints), np.maximum(areas_px, 1.0), keypoints, skeleton.sigmas
    )
    kept: list[int] = []
    for place in np.argsort(-sure, kind="stable").tolist():
        if sure[place] > 0 and not (alike[kept, place] > _SAME).any():
            kept.append(place)
    return kept, sure


def _categories(skeleton: Skeleton) -> tuple[Category, ...]:
    black, color = palette(2)
    return Category("background", black), Category("person", color, True, skeleton)


def _skeleton(labels: Sequence[str], said: Mapping[str, Any]) -> Skeleton:
    """COCO's, or what the configuration says of its joints: names and, as ``edges``, limbs."""
    names = tuple(_plain(label) for label in labels)
    is_coco = len(names) == len(skeletons.COCO.joints)
    if names == skeletons.COCO.joints or (is_coco and all(n.startswith("label_") for n in names)):
        return skeletons.COCO
    edges = said.get("edges")
    found = _joints.skeleton_in(
        {"keypoints": list(names), "skeleton": edges if _are_pairs(edges) else ()}
    )
    assert found is not None
    return found


def _plain(label: str) -> str:
    """L_Eye is left_eye, as in COCO."""
    name = label.casefold().replace(" ", "_").replace("-", "_")
    side, _, rest = name.partition("_")
    return f"{ {'l': 'left', 'r': 'right'}[side] }_{rest}" if side in ("l", "r") and rest else name


def _are_pairs(edges: Any) -> bool:
    return isinstance(edges, list) and all(
        isinstance(pair, list) and all(isinstance(end, int) for end in pair) for pair in edges
    )


def _expert(skeleton: Skeleton) -> int:
    """Which of ViTPose+'s experts speaks for these joints."""
    if skeleton == skeletons.COCO:
        return 0
    return _EXPERTS.get(len(skeleton.joints), _ANIMALS)
