"""Tasks: what the maps of a network mean. This is the page to read first.

Everything here is a dense prediction by one encoder-decoder. A task says which maps the model
must give, how an annotation becomes target maps, what a wrong map costs, and how maps become a
result again: two arrows and their inverses, in one object, in one file.

    annotation --encode--> target maps --loss--> named scalars
    maps       --decode--> result      --metric--> numbers

Each module in here has ``build(categories, loss, class_weights) -> Task``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.geometry import Warp
from pixelwise.metrics import Metric
from pixelwise.types import Annotation


class Task(Protocol):
    """One meaning of the maps."""

    @property
    def maps(self) -> Mapping[str, int]:
        """Map name -> channels the model must give."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The numbers that `decode` decides by, each of which says what it is; for exported files.

        "<map>": above it a logit of the map, or a probability where there is a prior, means
        something. "<map>_prior": what to add to the map to have logits.
        """

    def encode(self, annotation: Annotation, factor: int) -> dict[str, NDArray[np.float32]]:
        """Target maps of one picture.

        Args:
            annotation: at the working size times a whole number.
            factor: how many of the annotation's pixels make one of the map's.

        Returns:
            {"<map>": (C, h, w), "<map>_weight": (1, h, w)} float32; weight 0 = ignore.
        """

    def loss(self, maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Named scalar terms; what is minimised is their sum."""

    def decode(
        self, maps: Mapping[str, NDArray[np.float32]], warp: Warp, *, probs: bool = False
    ) -> Any:
        """The result for one picture, at its original size.

        Args:
            maps: {name: (C, h, w) float32}, before any activation.
            warp: the way from the original picture to the working size.
            probs: whether the result carries probabilities of every class.
        """

    def flipped(self, maps: Mapping[str, Tensor], axes: tuple[int, ...]) -> dict[str, Tensor]:
        """The maps of a mirrored picture, mirrored back.

        Args:
            maps: {name: (B, C, h, w)}.
            axes: what was mirrored: -1 left and right, -2 up and down, both, or nothing.
        """

    def score(self, truth: Annotation, result: Any) -> float:
        """One number in [0, 1] for one picture: what validation averages."""

    def metric(self) -> Metric:
        """An empty metric: ``update``, ``+``, ``compute``, and what a report asks of it."""
