"""Otsu's threshold (1979) on the luminance; every connected patch of the rarer side is an object.

Learns nothing: the floor under the others.
"""

from __future__ import annotations

import cv2
import numpy as np

from contestants._job import Job
from instances import Clock, Ids, Image, Learned


class Otsu:
    """The same for every picture."""

    def learn(self, clock: Clock) -> Learned:
        """Nothing."""
        return Learned()

    def predict(self, image: Image) -> Ids:
        """See `Contestant`."""
        luminance = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        _, bright = cv2.threshold(luminance, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        is_rare = bright > 0 if (bright > 0).mean() < 0.5 else bright == 0
        _, ids = cv2.connectedComponents(is_rare.astype(np.uint8), connectivity=4)
        return np.asarray(ids, np.int32)


def build(job: Job) -> Otsu:
    """Nothing to build."""
    return Otsu()
