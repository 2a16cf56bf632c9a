"""Semantic segmentation: every pixel gets a class.

One map, "class": 1 channel of foreground logits for two classes (binary cross-entropy,
threshold 0), C channels for more (softmax cross-entropy, arg max). Targets are class shares of
each map pixel's area, so that the border's position survives the smaller grid; logits are
brought to the picture's own size before they are compared, never labels after.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor

from pixelwise.geometry import Warp
from pixelwise.losses import check_losses, weighted_sum
from pixelwise.maps import class_shares
from pixelwise.metrics.semantic import SemanticMetric, confusion
from pixelwise.types import Annotation, Category, Semantic


class SemanticTask:
    """See the module; ``class_weights`` (C,) multiplies each class's share of cross-entropies.

    Raises:
        PixelwiseError: a loss that is not there, or that takes no class weights.
    """

    def __init__(
        self,
        categories: tuple[Category, ...],
        loss: Mapping[str, float],
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        check_losses(loss, class_weights is not None)
        self.categories = categories
        self._loss = dict(loss)
        self._class_weights = None if class_weights is None else torch.from_numpy(class_weights)

    @property
    def is_binary(self) -> bool:
        """Whether one logit per pixel says it all."""
        return len(self.categories) == 2

    @property
    def maps(self) -> dict[str, int]:
        """The "class" map's channels."""
        return {"class": 1 if self.is_binary else len(self.categories)}

    @property
    def thresholds(self) -> dict[str, float]:
        """The foreground's logit is above "class"; of more classes the highest logit decides."""
        return {"class": 0.0} if self.is_binary else {}

    def encode(self, annotation: Annotation, factor: int) -> dict[str, NDArray[np.float32]]:
        """Class shares (1 or C, h, w) and the known share of each map pixel (1, h, w)."""
        shares, known = class_shares(annotation.semantic, len(self.categories), factor)
        return {"class": shares[1:] if self.is_binary else shares, "class_weight": known}

    def loss(self, maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The recipe's losses, each by its name and times its weight."""
        logits = maps["class"]
        weights = None if self._class_weights is None else self._class_weights.to(logits.device)
        return weighted_sum(self._loss, logits, targets["class"], targets["class_weight"], weights)

    def decode(
        self, maps: Mapping[str, NDArray[np.float32]], warp: Warp, *, probs: bool = False
    ) -> Semantic:
        """Labels at the original size, strip by strip, so that memory stays small."""
        height, width = warp.source_hw
        labels = np.empty((height, width), np.uint8)
        confidence = np.empty((height, width), np.float32)
        kept = np.empty((len(self.categories), height, width), np.float32) if probs else None
        for rows, strip in warp.maps_back(maps["class"]):
            labels[rows], confidence[rows] = self._decide(strip)
            if kept is not None:
                kept[:, rows] = self.probabilities(strip)
        return Semantic(labels, confidence, self.categories, kept)

    def _decide(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Class index and its probability from logits (1 or C, rows, W)."""
        if self.is_binary:
            return (logits[0] > 0).astype(np.uint8), expit(np.abs(logits[0]))
        shares = softmax(logits, axis=0)
        return shares.argmax(axis=0).astype(np.uint8), shares.max(axis=0)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """(C, ...) in [0, 1] from logits (1 or C, ...)."""
        if self.is_binary:
            foreground = expit(logits[0])
            return np.stack([1 - foreground, foreground])
        shares: NDArray[np.float32] = softmax(logits, axis=0)
        return shares

    def flipped(self, maps: Mapping[str, Tensor], axes: tuple[int, ...]) -> dict[str, Tensor]:
        """Class maps carry no direction: mirroring the grid is all."""
        return {name: torch.flip(values, dims=axes) for name, values in maps.items()}

    def score(self, truth: Annotation, result: Semantic) -> float:
        """Jaccard: the foreground's, or the mean over the categories in truth or prediction."""
        counts = confusion(truth.semantic, result.labels, len(self.categories))
        right = np.diagonal(counts)
        either = counts.sum(axis=0) + counts.sum(axis=1) - right
        if self.is_binary:
            return float(right[1] / either[1]) if either[1] else 1.0
        present = either > 0
        return float((right[present] / either[present]).mean()) if present.any() else 1.0

    def metric(self) -> SemanticMetric:
        """An empty metric over these categories."""
        return SemanticMetric(self.categories)


build = SemanticTask
