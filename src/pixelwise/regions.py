"""Where the instances of an id map lie, how large they are and of what shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.layers import corners
from pixelwise.types import Image

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Regions:
    """N instances, measured; where one has no pixel everything is 0.

    ``area_px``: (N,) int64. ``boxes_xyxy``: (N, 4) int64, right and bottom exclusive. The others
    are NaN for what is no thing: ``centroids_xy``: (N, 2) px, a pixel's centre at + 0.5.
    ``eccentricity``: (N,) of the ellipse with the same second moments, 0 a circle, towards 1 a
    line. ``orientation_deg``: (N,) of its longer axis against the x axis, counter-clockwise as one
    looks at the picture, in [-90, 90]. ``mean_rgb``: (N, 3) in [0, 255].
    """

    area_px: NDArray[np.int64]
    boxes_xyxy: NDArray[np.int64]
    centroids_xy: Floats
    eccentricity: Floats
    orientation_deg: Floats
    mean_rgb: Floats

    @property
    def equivalent_diameter_px(self) -> Floats:
        """(N,): of the circle with the same area."""
        return equivalent_diameter(self.area_px)


def equivalent_diameter(area_px: NDArray[np.number]) -> Floats:
    """Diameter in px of the disc that has the same area."""
    diameter: Floats = 2 * np.sqrt(area_px / np.pi)
    return diameter


def measure(id_map: NDArray[np.int32], is_thing: NDArray[np.bool_], image: Image) -> Regions:
    """Measure each instance by scikit-image's ``regionprops``.

    It lists the pixels of what it measures: gigabytes for stuff that fills a large picture, which
    has an area and a box here and no shape.

    Args:
        id_map: (H, W) int32, n = instance n - 1, 0 = none.
        is_thing: (N,) bool, whether an instance's shape is measured.
        image: (H, W, 3) uint8 RGB that they were found in.
    """
    from skimage.measure import regionprops_table

    count = len(is_thing)
    area = np.bincount(id_map.ravel(), minlength=count + 1)[1:]
    number = np.arange(count + 1, dtype=np.int32)
    number[1:][~is_thing] = 0
    names = ("label", "centroid", "eccentricity", "orientation", "intensity_mean")
    table = regionprops_table(number[id_map], image, properties=names)  # type: ignore[no-untyped-call]
    measured = np.where(is_thing, 0.0, np.nan) * np.ones((7, 1))
    place = table["label"].astype(int) - 1
    measured[0, place], measured[1, place] = table["centroid-1"] + 0.5, table["centroid-0"] + 0.5
    measured[2, place] = table["eccentricity"]
    # Its angle is against the rows' axis, which points down.
    measured[3, place] = np.degrees(table["orientation"]) % 180 - 90
    for channel in range(3):
        measured[4 + channel, place] = table[f"intensity_mean-{channel}"]
    boxes = corners(id_map[None], count)
    return Regions(area, boxes, measured[:2].T, measured[2], measured[3], measured[4:].T)
