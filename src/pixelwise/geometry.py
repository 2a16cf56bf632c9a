"""One affine matrix per sample moves everything: image, label map and points forward, maps back.

Points are (x, y) in pixels with pixel i covering [i, i + 1), as everywhere in the package. OpenCV
puts the centre of a pixel at an integer; the half-pixel shift between the two is in `_cv_matrix`
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.types import IGNORE, Annotation, Image, LabelMap

Matrix = NDArray[np.float64]
"""(3, 3) float64, acting on columns (x, y, 1)."""

Whole = TypeVar("Whole", bound=np.integer)

# Motions and positions that are straight, or between two pixels, but for rounding.
_STRAIGHT = 1e-12
_BETWEEN = 1e-7

# Below this scale a bilinear sample skips source pixels, and the picture is averaged first.
_AREA_BELOW = 0.75


def scaling(factor_x: float, factor_y: float) -> Matrix:
    """The matrix that stretches x and y about the origin."""
    return np.diag([factor_x, factor_y, 1.0])


def translation(dx_px: float, dy_px: float) -> Matrix:
    """The matrix that moves a point by (dx, dy) pixels."""
    return np.array([[1.0, 0.0, dx_px], [0.0, 1.0, dy_px], [0.0, 0.0, 1.0]])


def rotation(angle_deg: float) -> Matrix:
    """The matrix that turns a point about the origin, clockwise as seen on the screen."""
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def shear(angle_deg: float) -> Matrix:
    """The matrix that shifts x in proportion to y."""
    return np.array([[1.0, np.tan(np.deg2rad(angle_deg)), 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def _cv_matrix(matrix: Matrix) -> Matrix:
    """The same motion for coordinates whose integers are pixel centres, as OpenCV's."""
    return (translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5))[:2]


@dataclass(frozen=True)
class Warp:
    """An affine motion from a source picture to a target picture.

    ``matrix`` takes a source point (x, y, 1) to a target point; ``source_hw`` and ``target_hw``
    are the two sizes in pixels.
    """

    matrix: Matrix
    source_hw: tuple[int, int]
    target_hw: tuple[int, int]

    @classmethod
    def fit(cls, source_hw: tuple[int, int], target_hw: tuple[int, int]) -> Warp:
        """Scale the source uniformly until it just fits the target, and centre it (letterbox)."""
        (source_h, source_w), (target_h, target_w) = source_hw, target_hw
        scale = min(target_h / source_h, target_w / source_w)
        shift = translation((target_w - scale * source_w) / 2, (target_h - scale * source_h) / 2)
        return cls(scaling(scale, scale), source_hw, target_hw).then(shift)

    @classmethod
    def window(
        cls,
        source_hw: tuple[int, int],
        target_hw: tuple[int, int],
        scale: float,
        center_xy: tuple[float, float],
    ) -> Warp:
        """See a part of the source: the target's middle shows ``center_xy``.

        ``scale``: target pixels along the side of a source pixel.
        """
        height, width = target_hw
        to_middle = translation(-center_xy[0], -center_xy[1])
        return cls(
            translation(width / 2, height / 2) @ scaling(scale, scale) @ to_middle,
            source_hw,
            target_hw,
        )

    def inverse(self) -> Warp:
        """The way back, from target to source."""
        matrix = np.asarray(np.linalg.inv(self.matrix), np.float64)
        return Warp(matrix, self.target_hw, self.source_hw)

    def then(self, matrix: Matrix) -> Warp:
        """This motion, then another one within the target."""
        return Warp(matrix @ self.matrix, self.source_hw, self.target_hw)

    def finer(self, factor: int) -> Warp:
        """The same motion onto a target with ``factor`` times as many pixels along each side."""
        height, width = self.target_hw
        target_hw = (height * factor, width * factor)
        return Warp(scaling(factor, factor) @ self.matrix, self.source_hw, target_hw)

    def image(self, image: Image) -> Image:
        """Move a picture: (H, W, 3) uint8 at ``source_hw`` to ``target_hw``.

        Bilinear, averaged over areas first where it shrinks; what lies outside the source mirrors
        it, so that no artificial edge appears.
        """
        matrix = self.matrix
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        if scale < _AREA_BELOW:
            height, width = self.source_hw
            small_hw = (max(1, round(height * scale)), max(1, round(width * scale)))
            image = cv2.resize(image, small_hw[::-1], interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
            matrix = matrix @ scaling(width / small_hw[1], height / small_hw[0])
        return cv2.warpAffine(  # type: ignore[return-value]
            image,
            _cv_matrix(matrix),
            self.target_hw[::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101 if min(image.shape[:2]) > 1 else cv2.BORDER_REPLICATE,
        )

    def labels(self, labels: LabelMap) -> LabelMap:
        """Move a label map by its nearest value; what lies outside the source is 255 = ignore."""
        return self._nearest().take(labels, IGNORE)

    def _nearest(self) -> Places:
        """The source pixel under the centre of each target pixel.

        OpenCV's own way takes one side where a centre lies between two pixels: labels shrunk by one
        half move by a quarter of a pixel, and the other way in another version of it.
        """
        (height, width), (rows, columns) = self.source_hw, self.target_hw
        (a, b, c), (d, e, f) = np.linalg.inv(self.matrix)[:2]
        x, y = np.arange(columns) + 0.5, np.arange(rows) + 0.5
        if max(abs(b), abs(d)) < _STRAIGHT:
            return Places.of(_pixels(e * y + f, height)[:, None], _pixels(a * x + c, width), width)
        if max(abs(a), abs(e)) < _STRAIGHT:  # a quarter turn
            return Places.of(_pixels(d * x + f, height), _pixels(b * y + c, width)[:, None], width)
        at_x = _inside((b * y + c)[:, None] + a * x, width)
        at_y = _inside((e * y + f)[:, None] + d * x, height)
        return Places.of(at_y, at_x, width)

    def annotation(self, annotation: Annotation) -> Annotation:
        """Move every field of an annotation."""
        nearest = self._nearest()
        layers = [nearest.take(layer, 0) for layer in annotation.layers]
        return replace(
            annotation,
            semantic=nearest.take(annotation.semantic, IGNORE),
            layers=np.stack(layers) if layers else np.zeros((0, *self.target_hw), np.uint16),
            keypoints=self._keypoints(annotation),
            boxes=None if annotation.boxes is None else self._boxes(annotation.boxes),
        )

    def _boxes(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The upright boxes around the moved corners of boxes (N, 4) xyxy."""
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2).astype(np.float64)
        moved = self.points(corners).reshape(-1, 4, 2)
        return np.hstack([moved.min(axis=1), moved.max(axis=1)]).astype(np.float32)

    def _keypoints(self, annotation: Annotation) -> NDArray[np.float32] | None:
        """Joints moved; in a mirror image left and right change places."""
        if annotation.keypoints is None:
            return None
        moved = annotation.keypoints.copy()
        xy = moved[..., :2].reshape(-1, 2).astype(np.float64)
        moved[..., :2] = self.points(xy).reshape(*moved.shape[:2], 2)
        if np.linalg.det(self.matrix[:2, :2]) < 0 and annotation.mirrored:
            moved = moved[:, list(annotation.mirrored)]
        return moved

    def points(self, points_xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (N, 2), x and y in source pixels, to target pixels."""
        return points_xy @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def stride_xy(self, size_hw: tuple[int, ...]) -> NDArray[np.float64]:
        """(2,) target pixels along x and y of a pixel of maps of a size that cover the target."""
        return np.array([self.target_hw[1] / size_hw[1], self.target_hw[0] / size_hw[0]])

    def points_back(
        self, points_xy: NDArray[np.float64], size_hw: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Bring points found in maps home to the source.

        Args:
            points_xy: (N, 2) x and y in pixels of the maps.
            size_hw: of the maps, which cover the whole target.
        """
        return self.inverse().points(points_xy * self.stride_xy(size_hw))

    def maps_back(
        self, maps: NDArray[np.float32], *, rows: int = 512
    ) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Bring maps predicted on the target home to the source, ``rows`` rows at a time.

        Args:
            maps: (C, h, w) float32 covering the whole target, at any stride.
            rows: height of a strip; the memory held is C x rows x W floats.

        Yields:
            the rows of the source that a strip covers, and the strip, (C, rows, W) float32,
            interpolated bilinearly.
        """
        height, width = self.source_hw
        home = np.linalg.inv(self.matrix) @ scaling(*self.stride_xy(maps.shape[1:]))
        zoom = _whole_zoom(home)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            if zoom:
                strip = _enlarged(maps, zoom, slice(top, bottom), width)
            else:
                matrix = _cv_matrix(translation(0, -top) @ home)
                size = (width, bottom - top)
                strip = np.stack([_sample(channel, matrix, size) for channel in maps])
            yield slice(top, bottom), strip


def resize_labels(values: NDArray[Whole], size_hw: tuple[int, int]) -> NDArray[Whole]:
    """(H, W) whole numbers stretched to another size by the nearest, which moves nothing."""
    height, width = values.shape
    stretch = scaling(size_hw[1] / width, size_hw[0] / height)
    return Warp(stretch, (height, width), size_hw)._nearest().take(values, 0)


@dataclass(frozen=True, eq=False)
class Places:
    """Where each target pixel's value comes from.

    ``flat``: (h, w) int32 place in the source laid out in one row, 0 where there is none.
    ``outside``: (h, w) bool, there is none; None where every pixel has one.
    """

    flat: NDArray[np.int32]
    outside: NDArray[np.bool_] | None

    @classmethod
    def of(cls, rows: NDArray[np.int32], columns: NDArray[np.int32], width: int) -> Places:
        """From rows and columns that broadcast to (h, w), -1 outside, of a source so wide."""
        outside = (rows < 0) | (columns < 0)
        flat = rows * np.int32(width) + columns
        if not outside.any():
            return cls(flat, None)
        flat[outside] = 0
        return cls(flat, outside)

    def take(self, values: NDArray[Whole], outside: int) -> NDArray[Whole]:
        """The values (H, W) of the source at these places, and ``outside`` where there are none."""
        found = values.ravel().take(self.flat)
        if self.outside is not None:
            found[self.outside] = outside
        return found


def _pixels(at: NDArray[np.float64], size: int) -> NDArray[np.int32]:
    """The pixel that holds each position along a side of ``size`` pixels; -1 outside.

    A position between two pixels takes the one or the other by the parity of the bits of its
    distance from the middle, which has as many of both in every regular row of numbers (Thue
    1906): so that half of all edges move one way and half the other. On the other side of the
    middle it is the other one, so that mirror images stay mirror images.
    """
    nearest = np.rint(at)
    pixel = np.floor(at).astype(np.int32)
    is_between = np.abs(at - nearest) < _BETWEEN
    border = nearest[is_between].astype(np.int32)
    from_middle = 2 * border - size
    is_odd = np.bitwise_count(np.abs(from_middle)) & 1
    pixel[is_between] = border - (is_odd ^ (from_middle > 0))
    # The source's own edges have a pixel on one side alone.
    pixel[is_between & (nearest == 0)], pixel[is_between & (nearest == size)] = 0, size - 1
    pixel[(pixel < 0) | (pixel >= size)] = -1
    return pixel


def _inside(at: NDArray[np.float64], size: int) -> NDArray[np.int32]:
    """As `_pixels`, for turned images, where no row of positions lies between pixels."""
    pixel = np.floor(at, out=at).astype(np.int32)
    pixel[pixel >= size] = -1
    return pixel


def _whole_zoom(matrix: Matrix) -> int:
    """How many times larger a motion makes things, where it does that alone; 0 elsewhere."""
    zoom = round(float(matrix[0, 0]))
    return zoom if zoom >= 1 and np.allclose(matrix, scaling(zoom, zoom), atol=1e-9) else 0


def _enlarged(maps: NDArray[np.float32], zoom: int, rows: slice, width: int) -> NDArray[np.float32]:
    """Some rows of maps made a whole number of times larger: as `_sample`, several times faster.

    A map row more on each side is enlarged with them, so that strips fit together.
    """
    first = max(0, rows.start // zoom - 1)
    last = min(maps.shape[1], -(-rows.stop // zoom) + 1)
    size_wh = (maps.shape[2] * zoom, (last - first) * zoom)
    inside = slice(rows.start - first * zoom, rows.stop - first * zoom)
    found = np.empty((len(maps), rows.stop - rows.start, width), np.float32)
    for channel, target in zip(maps, found, strict=True):
        larger = cv2.resize(channel[first:last], size_wh, interpolation=cv2.INTER_LINEAR)
        target[:] = larger[inside, :width]
    return found


def _sample(
    channel: NDArray[np.float32], matrix: Matrix, size_wh: tuple[int, int]
) -> NDArray[np.float32]:
    return cv2.warpAffine(  # type: ignore[return-value]
        channel, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
