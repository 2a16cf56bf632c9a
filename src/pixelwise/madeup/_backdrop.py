"""What is behind people and under their feet: sky, wall, ground, grass, water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._dress import CLOTHS, shade_of
from pixelwise.madeup._raster import Bits, Field, Rgb, Rng, fractal, linear, noise, ramp, tone

SKY, WALL, GROUND, GRASS, WATER = range(5)
# Of an average adult, in metres.
STATURE_M = 1.72
# The tallest of people.
TALL_M = 1.8

_SKIES = ((120, 170, 225), (165, 198, 228), (196, 204, 214), (226, 190, 160), (96, 130, 190))
_GREENS = ((88, 128, 58), (116, 140, 66), (70, 104, 62), (140, 146, 84))
_WATERS = ((62, 104, 140), (70, 128, 132), (110, 140, 156), (48, 78, 110))
_FLOORS = (
    (150, 146, 140),
    (112, 110, 112),
    (176, 160, 136),
    (136, 108, 84),
    (190, 176, 150),
    (96, 88, 80),
)
_WALLS = (
    (158, 96, 74),
    (200, 192, 178),
    (176, 178, 182),
    (214, 202, 160),
    (120, 96, 80),
    (150, 170, 176),
)


@dataclass(frozen=True)
class Backdrop:
    """An empty scene.

    ``light``: (H, W, 3) float32 linear light. ``labels``: (H, W) uint8, one of the five kinds.
    ``horizon``: its height from the top. ``camera_m``: how high the lens is above the ground.
    Places are in picture heights.
    """

    light: Field
    labels: NDArray[np.uint8]
    horizon: float
    camera_m: float

    def foot_of(self, size: float, size_m: float) -> float:
        """Where something stands that is ``size`` tall in the picture, in picture heights."""
        return self.horizon + size * self.camera_m / size_m

    def size_at(self, foot_y: float, size_m: float) -> float:
        """How tall in the picture what stands at ``foot_y`` is, both in picture heights."""
        return size_m * (foot_y - self.horizon) / self.camera_m


def draw_backdrop(rng: Rng, size_hw: tuple[int, int], variety: float) -> Backdrop:
    """A room, a street, a park or a shore."""
    horizon, camera_m = float(rng.uniform(0.16, 0.42)), float(rng.uniform(1.15, 2.0))
    # Walls end before the farthest place where the smallest of people may stand.
    far = 0.25 * camera_m / TALL_M
    foot_of_wall = horizon + far * float(rng.uniform(0.45, 0.95))
    painter = _Painter(rng, size_hw, horizon, foot_of_wall, variety)
    kinds = (_room, _street, _park, _shore)
    kinds[int(rng.choice(4, p=[0.26, 0.28, 0.24, 0.22]))](painter)
    return Backdrop(painter.light, painter.labels, horizon, camera_m)


class _Painter:
    """Regions laid over each other on one picture."""

    def __init__(
        self,
        rng: Rng,
        size_hw: tuple[int, int],
        horizon: float,
        foot_of_wall: float,
        variety: float,
    ) -> None:
        height, width = size_hw
        self.rng, self.size_hw, self.variety = rng, size_hw, variety
        self.horizon, self.foot_of_wall = horizon, foot_of_wall
        y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(height)
        x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(height)
        self.y, self.x = y[:, None], x[None, :]
        self.half_width = width / height / 2
        self.light: Field = np.zeros((height, width, 3), np.float32)
        self.labels = np.full(size_hw, SKY, np.uint8)

    def lay(self, kind: int, signed: Field, light: Field) -> None:
        """Cover where ``signed``, a distance in picture heights, is positive; soft to a pixel."""
        share = np.clip(signed * np.float32(self.size_hw[0]) + np.float32(0.5), 0, 1)
        share = np.broadcast_to(share, self.size_hw)
        rows = np.flatnonzero(share.any(axis=1))
        if not len(rows):
            return
        first, stop = int(rows[0]), int(rows[-1]) + 1
        old = self.light[first:stop]
        old += share[first:stop, :, None] * (light[first:stop] - old)
        self.labels[share >= 0.5] = kind

    def everywhere(self, values: NDArray[Any]) -> NDArray[Any]:
        """(1, W) or (H, 1) values as (H, W)."""
        return np.broadcast_to(values, self.size_hw)


def _room(painter: _Painter) -> None:
    painter.lay(WALL, painter.everywhere(painter.y + 1), _wall(painter))
    _decorate(painter, painter.foot_of_wall)
    painter.lay(GROUND, painter.y - np.float32(painter.foot_of_wall), _floor(painter))


def _street(painter: _Painter) -> None:
    """Buildings or a wall of some height, sky above, paving below."""
    rng = painter.rng
    painter.lay(SKY, painter.everywhere(painter.y + 1), _sky(painter))
    top, left = float(rng.uniform(-0.25, 0.2)), -painter.half_width
    while left < painter.half_width:
        right = left + float(rng.uniform(0.35, 1.1))
        beside = np.minimum(painter.x - np.float32(left), np.float32(right) - painter.x)
        block = np.minimum(
            np.minimum(beside, painter.y - np.float32(top)),
            np.float32(painter.foot_of_wall + 0.01) - painter.y,
        )
        if rng.random() < 0.85:
            painter.lay(WALL, block, _wall(painter))
            if rng.random() < 0.7:
                _windows(painter, (left, top, right, painter.foot_of_wall))
        left, top = right, float(rng.uniform(-0.25, painter.horizon - 0.02))
    meadow = painter.y - np.float32(painter.horizon + 0.02)
    gap = painter.labels == SKY
    if rng.random() < 0.5:
        painter.lay(GRASS, np.where(gap, meadow, np.float32(-1)), _grass(painter))
    painter.lay(GROUND, painter.y - np.float32(painter.foot_of_wall), _floor(painter))
    far = np.where(painter.labels == SKY, meadow, np.float32(-1))
    painter.lay(GROUND, far, _floor(painter))


def _park(painter: _Painter) -> None:
    """A meadow under the sky, perhaps with a fence, a pond or a path."""
    rng = painter.rng
    painter.lay(SKY, painter.everywhere(painter.y + 1), _sky(painter))
    painter.lay(GRASS, painter.y - np.float32(painter.horizon + 0.01), _grass(painter))
    band = painter.foot_of_wall - painter.horizon
    if rng.random() < 0.45:
        top, bottom = painter.horizon + 0.015, painter.horizon + 0.015 + 0.6 * band
        pond = np.minimum(painter.y - np.float32(top), np.float32(bottom) - painter.y)
        painter.lay(WATER, pond, _water(painter))
    if rng.random() < 0.5:
        top = painter.foot_of_wall - float(rng.uniform(0.08, 0.3))
        fence = np.minimum(
            painter.y - np.float32(top), np.float32(painter.foot_of_wall) - painter.y
        )
        painter.lay(WALL, fence, _wall(painter))
    if rng.random() < 0.5:
        path = _path(painter)
        painter.lay(GROUND, path, _floor(painter))


def _path(painter: _Painter) -> Field:
    """A path that runs from the viewer towards the horizon."""
    rng = painter.rng
    depth = painter.y - np.float32(painter.horizon)
    middle = np.float32(rng.uniform(-0.6, 0.6)) + np.float32(rng.uniform(-0.8, 0.8)) * depth
    half = np.float32(rng.uniform(0.25, 0.8)) * depth
    inside = half - np.abs(painter.x - middle)
    found: Field = np.minimum(inside, painter.y - np.float32(painter.foot_of_wall))
    return found


def _shore(painter: _Painter) -> None:
    """Sea under the sky, and sand or grass to stand on."""
    rng = painter.rng
    painter.lay(SKY, painter.everywhere(painter.y + 1), _sky(painter))
    painter.lay(WATER, painter.y - np.float32(painter.horizon), _water(painter))
    edge = painter.y - np.float32(painter.foot_of_wall)
    edge = edge + np.float32(0.012) * noise(rng, painter.size_hw, 3)
    if rng.random() < 0.3:
        painter.lay(GRASS, edge, _grass(painter))
    else:
        painter.lay(GROUND, edge, _floor(painter))


def _plain(painter: _Painter, color: Rgb, roughness: float, cells: float) -> Field:
    """One colour, uneven."""
    grain = np.float32(1) + np.float32(roughness) * fractal(painter.rng, painter.size_hw, cells, 3)
    found: Field = np.maximum(grain, np.float32(0.1))[..., None] * tone(color)
    return found


def _sky(painter: _Painter) -> Field:
    rng = painter.rng
    color = tone(shade_of(rng, _SKIES, 0.1))
    pale = np.float32(1) + np.float32(rng.uniform(0.1, 0.8)) * painter.y
    light = painter.everywhere(pale)[..., None] * color
    low = float(rng.uniform(-0.6, 1.2))
    clouds = fractal(rng, painter.size_hw, float(rng.uniform(2, 5)), 4)
    amount = ramp(clouds, low, low + 1.3) * np.float32(rng.uniform(0.2, 0.9) * painter.variety)
    white = tone(linear(244, 244, 246)) * np.float32(rng.uniform(0.75, 1.0))
    found: Field = light + amount[..., None] * (white - light)
    return found


def _grass(painter: _Painter) -> Field:
    rng = painter.rng
    light = _plain(painter, shade_of(rng, _GREENS, 0.2), 0.08, 4)
    blades = np.float32(rng.uniform(0.1, 0.25)) * noise(rng, painter.size_hw, 90, 0.5)
    found: Field = light * np.maximum(1 + blades, np.float32(0.2))[..., None]
    return found


def _water(painter: _Painter) -> Field:
    rng = painter.rng
    light = _plain(painter, shade_of(rng, _WATERS, 0.2), 0.04, 3)
    ripples = noise(rng, painter.size_hw, float(rng.uniform(40, 90)), 8.0)
    ripples *= np.float32(rng.uniform(0.08, 0.2))
    found: Field = light * np.maximum(1 + ripples, np.float32(0.2))[..., None]
    return found


def _floor(painter: _Painter) -> Field:
    """Plain, tiles or boards that run into the depth, or planks across."""
    rng = painter.rng
    light = _plain(painter, shade_of(rng, _FLOORS, 0.2), float(rng.uniform(0.03, 0.09)), 10)
    kind, size = int(rng.integers(4)), float(rng.uniform(0.25, 0.7))
    strength = float(rng.uniform(0.08, 0.3)) * painter.variety
    depth = np.maximum(painter.y - np.float32(painter.horizon), np.float32(0.02))
    into, aside = np.float32(1 / size) / depth, np.float32(1.2 / size) * painter.x / depth
    # Far away a pattern is finer than a pixel and would only flicker.
    strong = np.float32(strength) * ramp(depth, 0.04, 0.2)
    if kind == 0:
        return light
    across, along = into - np.floor(into) < 0.5, aside - np.floor(aside) < 0.5
    dark = {1: across ^ along, 2: painter.everywhere(along), 3: painter.everywhere(across)}[kind]
    return light * np.where(dark, 1 - strong, np.float32(1))[..., None]


def _wall(painter: _Painter) -> Field:
    """Plaster, bricks, boards, panels or wallpaper."""
    rng = painter.rng
    is_bright = rng.random() < 0.3
    color = shade_of(rng, CLOTHS if is_bright else _WALLS, 0.2)
    light = _plain(painter, color, float(rng.uniform(0.02, 0.06)), 5)
    kind, strength = int(rng.integers(5)), float(rng.uniform(0.1, 0.35)) * painter.variety
    if kind == 0 or strength == 0:
        return light
    return light * (1 - np.float32(strength) * _seams(painter, kind))[..., None]


def _seams(painter: _Painter, kind: int) -> Field:
    """(H, W) 1 where a wall's pattern is dark."""
    rng = painter.rng
    tall = float(rng.uniform(0.035, 0.09))
    row = painter.y / np.float32(tall)
    long = float(rng.uniform(1.6, 3.0))
    column = painter.x / np.float32(tall * long)
    if kind == 1:
        column = column + np.float32(0.5) * (np.floor(row) - 2 * np.floor(row / 2))
    rows, columns = row - np.floor(row) < 0.16, column - np.floor(column) < 0.16 / long
    seams = {
        1: rows | columns,
        2: painter.everywhere(rows),
        3: painter.everywhere(column - np.floor(column) < 0.12),
        4: painter.everywhere(column - np.floor(column) < 0.5),
    }[kind]
    found: Field = seams.astype(np.float32)
    return found


def _windows(painter: _Painter, box: tuple[float, float, float, float]) -> None:
    """Rows of panes in a building; they are part of its wall."""
    rng, (left, top, right, bottom) = painter.rng, box
    pitch = float(rng.uniform(0.14, 0.26))
    share, tall = float(rng.uniform(0.4, 0.65)), float(rng.uniform(0.5, 0.7))
    column = (painter.x - np.float32(left)) / np.float32(pitch)
    row = (painter.y - np.float32(top + 0.03)) / np.float32(pitch * 1.2)
    panes = (column - np.floor(column) < share) & (row - np.floor(row) < tall)
    panes &= (painter.x < right - 0.02) & (painter.x > left + 0.02)
    panes &= (painter.y < bottom - 0.05) & (painter.y > top + 0.03)
    glass = tone(shade_of(rng, (*_SKIES, *_WATERS, (60, 60, 66)), 0.2))
    amount = np.float32(rng.uniform(0.4, 0.9)) * painter.variety
    _tint(painter, panes, glass, float(amount))


def _decorate(painter: _Painter, bottom: float) -> None:
    """Pictures on a room's wall, a door, a skirting board; all of them are wall."""
    rng = painter.rng
    for _ in range(int(rng.integers(0, 4))):
        wide, tall = rng.uniform(0.1, 0.35), rng.uniform(0.1, 0.3)
        left = rng.uniform(-painter.half_width, painter.half_width)
        top = rng.uniform(0.0, max(bottom - 0.2, 0.02))
        frame = (painter.x > left) & (painter.x < left + wide)
        frame = frame & (painter.y > top) & (painter.y < min(top + tall, bottom - 0.04))
        _tint(painter, frame, tone(shade_of(rng, CLOTHS, 0.2)), 0.85 * painter.variety)
    board = np.abs(painter.y - np.float32(bottom - 0.012)) < 0.012
    wood = tone(shade_of(rng, _WALLS, 0.2))
    _tint(painter, painter.everywhere(board), wood, 0.8 * painter.variety)


def _tint(painter: _Painter, where: Bits, color: Field, amount: float) -> None:
    where = where & (painter.labels == WALL)
    painter.light[where] += np.float32(amount) * (color - painter.light[where])
