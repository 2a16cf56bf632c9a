"""People cut out of a picture as ViTPose saw them, and joints read off its heatmaps.

Xu et al., "ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation" (NeurIPS 2022),
learned with the unbiased data processing of Huang et al., "The Devil is in the Details" (CVPR
2020): lengths are measured between pixel centres, so that the outermost pixels of a crop, and of
its heatmap, lie on the border of the box. Inside this module, as there, the centre of the first
pixel is 0; boxes come and joints leave in the package's count, in which it is 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pixelwise.geometry import Matrix, scaling, translation
from pixelwise.joints import PIXEL_MIDDLE
from pixelwise.types import Image

# The part of a picture around a box that the network learned with.
_PADDING = 1.25
# COCO's pictures are 640 pixels long at most: it learned with crops that were shrunk to a third,
# without averaging. Where film shrinks more, that much is averaged, or grain looks like structure.
_LEARNED_SHRINK = 3.0
# Of heatmaps, before the logarithm. As wide as the hills themselves (2 pixels) it moves tops near a
# border by up to half a pixel, and those beside a second hill by 0.17 on average; this by 0.001.
_BLUR_SIGMA_PX = 0.8
_BLUR_REACH_PX = 5
_LEAST = 1e-3


@dataclass(frozen=True)
class Crop:
    """Where a person is looked at: the box, widened to the network's shape and padded.

    ``left_top``, ``sides``: (x, y) in pixels of the picture, counted from the first one's centre.
    """

    left_top: tuple[float, float]
    sides: tuple[float, float]

    @classmethod
    def around(cls, box: NDArray[np.float64], size_hw: tuple[int, int]) -> Crop:
        """The crop for a box, xyxy, of at least a pixel, for a network that sees ``size_hw``."""
        width, height = np.maximum(box[2:] - box[:2], 1.0)
        aspect = size_hw[1] / size_hw[0]
        width, height = max(width, height * aspect), max(height, width / aspect)
        width, height = width * _PADDING, height * _PADDING
        # The numbers of the box as they are: so the original reads COCO's boxes.
        x, y = (box[:2] + box[2:]) / 2
        return cls((float(x - width / 2), float(y - height / 2)), (float(width), float(height)))

    def onto(self, size_hw: tuple[int, int]) -> Matrix:
        """From the picture onto a grid of this size, from centre to centre of the outermost."""
        (left, top), (width, height) = self.left_top, self.sides
        grow = scaling((size_hw[1] - 1) / width, (size_hw[0] - 1) / height)
        return np.asarray(grow @ translation(-left, -top), np.float64)

    def cut(self, image: Image, size_hw: tuple[int, int]) -> Image:
        """What the network sees: (h, w, 3) uint8, bilinear, black outside the picture."""
        (left, top), (width, height) = self.left_top, self.sides
        x, y = _inside(left, image.shape[1]), _inside(top, image.shape[0])
        right = _inside(left + width + 1, image.shape[1])
        bottom = _inside(top + height + 1, image.shape[0])
        part = image[y : bottom + 1, x : right + 1]
        part, shrunk = _averaged(part, int(height / size_hw[0] / _LEARNED_SHRINK))
        matrix = self.onto(size_hw) @ translation(x, y) @ shrunk
        return cv2.warpAffine(  # type: ignore[return-value]
            part, matrix[:2], size_hw[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )

    def step_px(self, size_hw: tuple[int, int]) -> float:
        """From pixel to pixel of a grid of this size, in pixels of the picture."""
        return self.sides[1] / (size_hw[0] - 1)

    def home(self, places: NDArray[np.float64], size_hw: tuple[int, int]) -> NDArray[np.float64]:
        """(K, 2) x and y on a grid of this size -> in the picture, in the package's count."""
        matrix = np.linalg.inv(self.onto(size_hw))
        return np.asarray(places @ matrix[:2, :2].T + matrix[:2, 2] + PIXEL_MIDDLE, np.float64)


def _inside(place: float, side: int) -> int:
    """The pixel at or before a place, or the nearest one there is."""
    return int(min(max(place, 0), side - 1))


def _averaged(part: Image, factor: int) -> tuple[Image, Matrix]:
    """A picture shrunk by about ``factor``, and the matrix from its pixels to those it had."""
    if factor < 2:
        return part, np.eye(3)
    height, width = part.shape[:2]
    small_wh = (max(1, width // factor), max(1, height // factor))
    small: Image = cv2.resize(part, small_wh, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    middle = translation(PIXEL_MIDDLE, PIXEL_MIDDLE)
    grow = scaling(width / small_wh[0], height / small_wh[1])
    return small, np.linalg.inv(middle) @ grow @ middle


def read_joints(
    heatmaps: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The top of each heatmap, to a fraction of a pixel.

    Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation" (CVPR
    2020), section 3.2: a step of Newton's method on the logarithm of the smoothed map, from its
    highest pixel. Where the map is no hill there, or its top not within a pixel, that pixel stays.

    Args:
        heatmaps: (N, K, h, w) float32, about 1 at a joint.

    Returns:
        (N, K, 2) float64 x and y, 0 at the centre of the first pixel; (N, K) float32 the highest
        values, cut to [0, 1].
    """
    flat = heatmaps.reshape(*heatmaps.shape[:2], -1)
    highest = flat.argmax(axis=2)
    scores = np.clip(flat.max(axis=2), 0, 1)
    y, x = np.divmod(highest, heatmaps.shape[3])
    shifts = _newton(_around(_smoothed(heatmaps), y, x))
    return np.stack([x, y], axis=-1) + shifts, scores


def _smoothed(heatmaps: NDArray[np.float32]) -> NDArray[np.float64]:
    """The logarithm of the smoothed maps, with their border repeated around them."""
    smooth = gaussian_filter(
        heatmaps, _BLUR_SIGMA_PX, radius=_BLUR_REACH_PX, axes=(2, 3), mode="mirror"
    )
    edge = ((0, 0), (0, 0), (1, 1), (1, 1))
    return np.pad(np.log(np.maximum(smooth, _LEAST)).astype(np.float64), edge, mode="edge")


def _around(
    padded: NDArray[np.float64], y: NDArray[np.intp], x: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(N, K, 3, 3) the pixels around a place of each map."""
    maps = padded.reshape(-1, *padded.shape[2:])
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))
    near: NDArray[np.float64] = windows[np.arange(len(maps)), y.ravel(), x.ravel()]
    return near.reshape(*y.shape, 3, 3)


def _newton(near: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, K, 2) from the middle of 3 x 3 pixels to the top of the parabola through them."""
    slope_x, slope_y = near[..., 1, 2] - near[..., 1, 0], near[..., 2, 1] - near[..., 0, 1]
    twice = 2 * near[..., 1, 1]
    bend_x = near[..., 1, 2] + near[..., 1, 0] - twice
    bend_y = near[..., 2, 1] + near[..., 0, 1] - twice
    twist = (near[..., 2, 2] + near[..., 0, 0] - near[..., 0, 2] - near[..., 2, 0]) / 4
    spread = bend_x * bend_y - twist**2
    is_hill = (bend_x < 0) & (spread > 1e-12)
    safe = np.where(is_hill, spread, 1.0)
    shift_x = (twist * slope_y - bend_y * slope_x) / 2 / safe
    shift_y = (twist * slope_x - bend_x * slope_y) / 2 / safe
    shifts = np.stack([shift_x, shift_y], axis=-1)
    fits = is_hill & (np.abs(shifts) <= 1).all(axis=-1)
    return np.where(fits[..., None], shifts, 0.0)
