"""Simple bodies on a grid of subsamples, and smooth noise.

Only sums, products and square roots touch pixels: these are rounded alike by every processor, so
one seed gives the same bits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(H, W) float32, or (H, W, 3) where it is said to have colour."""
Bits = NDArray[np.bool_]
Rng = np.random.Generator
Rgb = tuple[float, float, float]
"""Linear light, 0 to 1."""
Xy = tuple[float, float]
Window = tuple[slice, slice]


def linear(red: float, green: float, blue: float) -> Rgb:
    """Display values, 0 to 255, as linear light; the gamma is 2, so that its inverse is a root."""
    return (red / 255) ** 2, (green / 255) ** 2, (blue / 255) ** 2


def tone(color: Rgb) -> Field:
    """(3,) float32, to reckon with."""
    return np.array(color, np.float32)


@dataclass(frozen=True)
class Capsule:
    """A limb: what lies within ``start_radius`` of its start, ``end_radius`` of its end."""

    start: Xy
    end: Xy
    start_radius: float
    end_radius: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        (x0, y0), (x1, y1), r0, r1 = self.start, self.end, self.start_radius, self.end_radius
        return (
            min(x0 - r0, x1 - r1),
            min(y0 - r0, y1 - r1),
            max(x0 + r0, x1 + r1),
            max(y0 + r0, y1 + r1),
        )

    def scaled(self, factor: float) -> Capsule:
        """The same line, thicker."""
        radii = self.start_radius * factor, self.end_radius * factor
        return Capsule(self.start, self.end, *radii)


def enclosing(capsules: Sequence[Capsule]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box around all of them."""
    boxes = [capsule.box for capsule in capsules]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


class Sheet:
    """A piece of the picture's grid of subsamples that one thing is painted on.

    Attributes:
        left, top: where its first column and row lie in the picture, in subsamples; may be
            negative.
        light: (h, w, 3) float32 linear light, meaningless where ``part`` is 0.
        part: (h, w) uint8 which part of the thing is on top, 0 = not covered.
    """

    def __init__(self, box: tuple[float, float, float, float]) -> None:
        """Cover a box: left, top, right, bottom in subsamples."""
        self.left, self.top = math.floor(box[0]), math.floor(box[1])
        width, height = math.ceil(box[2]) - self.left, math.ceil(box[3]) - self.top
        self.light: Field = np.zeros((height, width, 3), np.float32)
        self.part = np.zeros((height, width), np.uint8)

    def window(self, box: tuple[float, float, float, float]) -> Window:
        """The rows and columns that a box touches, cut to the sheet."""
        height, width = self.part.shape
        top, bottom = math.floor(box[1]) - self.top, math.ceil(box[3]) - self.top
        left, right = math.floor(box[0]) - self.left, math.ceil(box[2]) - self.left
        rows = slice(min(max(top, 0), height), min(max(bottom, 0), height))
        return rows, slice(min(max(left, 0), width), min(max(right, 0), width))

    def grid(self, window: Window) -> tuple[Field, Field]:
        """x (1, w) and y (h, 1) of the subsamples' centres in a window."""
        rows, columns = window
        x = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(self.left + 0.5)
        y = np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(self.top + 0.5)
        return x[None, :], y[:, None]

    def paint(self, window: Window, inside: Bits, light: Field | Rgb, part: int) -> None:
        """Cover ``inside`` with light, (h, w, 3) or one colour."""
        cover = np.asarray(light, np.float32)
        np.copyto(self.light[window], cover, where=inside[..., None])
        self.part[window][inside] = part

    def at(self, point: Xy) -> int:
        """The part on top at a point, 0 outside."""
        row, column = math.floor(point[1]) - self.top, math.floor(point[0]) - self.left
        height, width = self.part.shape
        if not (0 <= row < height and 0 <= column < width):
            return 0
        return int(self.part[row, column])


def cover(capsule: Capsule, x: Field, y: Field) -> tuple[Bits, Field, Field]:
    """Where a capsule is, and its own coordinates there.

    Returns:
        (h, w) bool; along its line, 0 at the start and 1 at the end; across it, -1 and 1 at its
        sides, positive to the right of a limb that hangs down.
    """
    inside, along, radius = _near(capsule, x, y)
    (x0, y0), (x1, y1) = capsule.start, capsule.end
    dx, dy = x1 - x0, y1 - y0
    length = math.sqrt(max(dx * dx + dy * dy, 1e-6))
    right, down = np.float32(dy / length), np.float32(dx / length)
    across = ((x - np.float32(x0)) * right - (y - np.float32(y0)) * down) / radius
    return inside, along, np.asarray(across, np.float32)


def union(capsules: Sequence[Capsule], x: Field, y: Field) -> Bits:
    """(h, w) where any of them is."""
    inside = _near(capsules[0], x, y)[0]
    for capsule in capsules[1:]:
        inside |= _near(capsule, x, y)[0]
    return inside


def _near(capsule: Capsule, x: Field, y: Field) -> tuple[Bits, Field, Field]:
    """Where a capsule is, how far along its line each place is, and its radius there."""
    (x0, y0), (x1, y1) = capsule.start, capsule.end
    dx, dy = x1 - x0, y1 - y0
    squared = max(dx * dx + dy * dy, 1e-6)
    ax, ay = x - np.float32(x0), y - np.float32(y0)
    along = ax * np.float32(dx / squared) + ay * np.float32(dy / squared)
    np.maximum(along, np.float32(0), out=along)
    np.minimum(along, np.float32(1), out=along)
    grows = np.float32(capsule.end_radius - capsule.start_radius)
    radius = np.float32(capsule.start_radius) + along * grows
    off_x, off_y = ax - along * np.float32(dx), ay - along * np.float32(dy)
    return off_x * off_x + off_y * off_y <= radius * radius, along, radius


def noise(rng: Rng, size_hw: tuple[int, int], cells: float, stretch: float = 1.0) -> Field:
    """Smooth noise (H, W), mean 0, standard deviation about 1.

    Args:
        rng: draws as many numbers at every size of picture.
        size_hw: in pixels.
        cells: waves in one picture height, from top to bottom.
        stretch: how much longer waves are from left to right.
    """
    height, width = size_hw
    shape = max(round(cells), 1) + 2, max(round(cells * 4 / (3 * stretch)), 1) + 2
    grid = rng.standard_normal(shape, dtype=np.float32)
    down = _between(grid, height)
    return _between(down.T, width).T * np.float32(1.5)


def fractal(rng: Rng, size_hw: tuple[int, int], cells: float, octaves: int) -> Field:
    """Noise on scales each twice as fine and half as strong as the last."""
    total = noise(rng, size_hw, cells)
    for octave in range(1, octaves):
        total = total + np.float32(0.5**octave) * noise(rng, size_hw, cells * 2**octave)
    return total


def _between(grid: Field, count: int) -> Field:
    """Rows interpolated to ``count`` rows, smooth at the old ones."""
    place = (np.arange(count) + 0.5) * ((len(grid) - 1) / count)
    first = place.astype(np.int64)
    share = (place - first).astype(np.float32)
    share = (share * share * (3 - 2 * share))[:, None]
    found: Field = grid[first] * (1 - share) + grid[first + 1] * share
    return found


def ramp(values: Field, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high``, straight between."""
    found: Field = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return found
