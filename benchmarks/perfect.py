"""The maps of a network that makes no mistake: the most that decoding can be given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pixelwise.tasks._centers import PRIOR

_LEAST = 1e-4


def perfect_maps(targets: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Maps from the target maps of instance or panoptic segmentation, (C, h, w) float32 each."""
    shares = targets["class"]
    return {
        "class": logit(shares) if len(shares) == 1 else np.log(np.maximum(shares, _LEAST)),
        "center": logit(targets["center"]) - np.float32(PRIOR),
        "offset": targets["offset"],
    }


def logit(shares: np.ndarray) -> np.ndarray:
    """The logit of probabilities, which are kept away from 0 and 1."""
    shares = np.clip(shares, _LEAST, 1 - _LEAST)
    return np.log(shares / (1 - shares)).astype(np.float32)
