"""The sheet a made-up picture is painted on: coordinates, noise, strokes.

Lengths are in long sides of the picture, never in pixels, and every random number is drawn before
the number of pixels matters. So one seed gives one picture, at any size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Field = NDArray[np.float32]
"""(H, W) float32, or (H, W, 3) float32 where it is said to have colour."""
Points = NDArray[np.float32]
"""(N, 2) float32 (x, y) in long sides from the picture's centre."""
Rng = np.random.Generator

# OpenCV takes coordinates in 1/16 of a pixel when told so.
_SHIFT = 4
# Cubic upsampling of independent normal values leaves this standard deviation, measured.
_CUBIC_STD = 0.85
# Finer noise than this would be lost in the lens, and slow to draw.
_FINEST_CELLS = 256


@dataclass(frozen=True)
class Canvas:
    """``height`` and ``width`` in pixels; ``extent_hw`` the same in long sides, before rounding."""

    height: int
    width: int
    extent_hw: tuple[float, float]

    @property
    def scale(self) -> int:
        """Pixels in one long side."""
        return max(self.height, self.width)

    def grid(self) -> tuple[Field, Field]:
        """y (H, 1) and x (1, W) of the pixel centres, in long sides from the picture's centre."""
        tall, wide = self.extent_hw
        y = ((np.arange(self.height) + 0.5) / self.height - 0.5) * tall
        x = ((np.arange(self.width) + 0.5) / self.width - 0.5) * wide
        return y.astype(np.float32)[:, None], x.astype(np.float32)[None, :]

    def pixels(self, points: Points) -> NDArray[np.int32]:
        """(N, 2) points in sixteenths of a pixel, as OpenCV's drawing functions take them."""
        tall, wide = self.extent_hw
        size = np.array([self.width / wide, self.height / tall])
        centre = np.array([self.width, self.height]) / 2 - 0.5
        found: NDArray[np.int32] = np.round((points * size + centre) * 2**_SHIFT).astype(np.int32)
        return found


def noise(rng: Rng, canvas: Canvas, cells: float) -> Field:
    """Smooth noise, mean 0 and standard deviation about 1; ``cells`` waves fit in a long side."""
    return _to_pixels(_grid(rng, canvas, cells), canvas)


def fractal(rng: Rng, canvas: Canvas, cells: float, octaves: int, fade: float = 0.5) -> Field:
    """Noise on ``octaves`` scales, each twice as fine and ``fade`` times as strong as the last."""
    total = _grid(rng, canvas, cells)
    # Enlarged from octave to octave, and to the picture's size only once: that is the slow part.
    for octave in range(1, octaves):
        finer = _grid(rng, canvas, cells * 2**octave)
        coarse = cv2.resize(total, finer.shape[::-1], interpolation=cv2.INTER_CUBIC)
        total = np.asarray(coarse, np.float32) + np.float32(fade**octave) * finer
    norm = np.float32(np.sqrt(np.sum(fade ** (2.0 * np.arange(octaves)))))
    return _to_pixels(total / norm, canvas)


def _grid(rng: Rng, canvas: Canvas, cells: float) -> Field:
    """Independent normal values, one for each of ``cells`` to the long side."""
    tall, wide = canvas.extent_hw
    cells = min(cells, _FINEST_CELLS)
    shape = max(round(cells * tall), 1) + 2, max(round(cells * wide), 1) + 2
    return rng.standard_normal(shape, dtype=np.float32)


def _to_pixels(grid: Field, canvas: Canvas) -> Field:
    is_finer = grid.shape[0] > canvas.height
    spread = np.float32(1.0 if is_finer else _CUBIC_STD)
    how = cv2.INTER_AREA if is_finer else cv2.INTER_CUBIC
    size = canvas.width, canvas.height
    return np.asarray(cv2.resize(grid / spread, size, interpolation=how), np.float32)


def ramp(values: Field, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    smooth: Field = t * t * (3 - 2 * t)
    return smooth


def honeycomb(rng: Rng, canvas: Canvas, cells: float, disorder: float) -> Field:
    """A hexagonal lattice, bent and broken by noise: 1 on its lines, 0 in the middle of its holes.

    Three plane waves at 120 degrees sum to a lattice whose maxima are the holes. ``disorder`` is
    0 for a perfect one, 1 for one that is hardly there.
    """
    y, x = canvas.grid()
    bend = 0.8 * disorder / cells
    x = x + bend * noise(rng, canvas, cells / 5)
    y = y + bend * noise(rng, canvas, cells / 5)
    turn = rng.uniform(0, np.pi)
    waves = np.zeros((canvas.height, canvas.width), np.float32)
    for angle in turn + np.arange(3) * 2 * np.pi / 3:
        towards = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        waves += np.cos(np.float32(2 * np.pi * cells) * (towards[0] * x + towards[1] * y))
    waves += np.float32(2 * disorder) * noise(rng, canvas, 1.6 * cells)
    lattice: Field = np.clip((3 - waves) / np.float32(4.5), 0, 1)
    return lattice


def curve(start: ArrayLike, bend: ArrayLike, end: ArrayLike) -> Points:
    """A quadratic Bezier curve through 24 points."""
    t = np.linspace(0, 1, 24, dtype=np.float32)[:, None]
    a, b, c = (np.asarray(point, np.float32) for point in (start, bend, end))
    found: Points = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
    return found


def stroke(
    layer: NDArray[np.uint8], canvas: Canvas, points: Points, width: float, strength: float = 1.0
) -> None:
    """Draw a line into an (H, W) uint8 layer; thinner than a pixel becomes fainter, not wider."""
    width_px = width * canvas.scale
    value = round(255 * strength * min(width_px, 1.0))
    line = [canvas.pixels(points)]
    thickness = max(round(width_px), 1)
    cv2.polylines(layer, line, False, value, thickness, cv2.LINE_AA, _SHIFT)


def disc(
    layer: NDArray[np.uint8],
    canvas: Canvas,
    centre_xy: Iterable[float],
    radius: float,
    rim: float = 0.0,
) -> None:
    """Draw a filled disc into an (H, W) uint8 layer, or with ``rim`` a ring of that width."""
    tall, wide = canvas.extent_hw
    x, y = centre_xy
    at = (
        round((x / wide + 0.5) * canvas.width * 2**_SHIFT) - 2**_SHIFT // 2,
        round((y / tall + 0.5) * canvas.height * 2**_SHIFT) - 2**_SHIFT // 2,
    )
    radius_px = max(round(radius * canvas.scale * 2**_SHIFT), 1)
    thickness = max(round(rim * canvas.scale), 1) if rim else -1
    cv2.circle(layer, at, radius_px, 255, thickness, cv2.LINE_AA, _SHIFT)


def blank(canvas: Canvas) -> NDArray[np.uint8]:
    """An empty (H, W) uint8 layer to draw into."""
    return np.zeros((canvas.height, canvas.width), np.uint8)


def opacity(layer: NDArray[np.uint8]) -> Field:
    """A drawn layer as (H, W) float32 in [0, 1]."""
    return layer.astype(np.float32) * np.float32(1 / 255)
