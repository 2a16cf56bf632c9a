"""Things that are not people: balls and crates."""

from __future__ import annotations

import math

import numpy as np

from pixelwise.madeup._dress import Fabric
from pixelwise.madeup._figure import Stage, project
from pixelwise.madeup._raster import Bits, Capsule, Field, Rng, Sheet, Xy, tone

_SOLID = 1


def paint_ball(rng: Rng, fabric: Fabric, stage: Stage, above: float) -> Sheet:
    """A ball in two colours.

    ``stage.height`` is its diameter; ``above`` is how far it is off the ground, in diameters.
    """
    radius = stage.height / 2
    centre = stage.foot[0], stage.foot[1] - radius - above * stage.height
    sheet = Sheet((centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius))
    window = sheet.window(Capsule(centre, centre, radius, radius).box)
    x, y = sheet.grid(window)
    u, v = (
        (x - np.float32(centre[0])) / np.float32(radius),
        (y - np.float32(centre[1])) / np.float32(radius),
    )
    out = 1 - u * u - v * v
    w = np.sqrt(np.maximum(out, 0))
    light = np.empty((*out.shape, 3), np.float32)
    light[:] = fabric.first
    light[_panels(rng, u, v, w)] = fabric.second
    lit = np.float32(0.55) + np.float32(0.45) * w
    lit += np.float32(0.3) * (np.float32(stage.light[0]) * u + np.float32(stage.light[1]) * v)
    sheet.paint(window, out > 0, light * lit[..., None], _SOLID)
    return sheet


def _panels(rng: Rng, u: Field, v: Field, w: Field) -> Bits:
    """Where a ball has its second colour: a band, halves, or the eighths of a beach ball."""
    turns = rng.uniform(-math.pi, math.pi, 3)
    axes = []
    for turn, tip in ((turns[0], turns[1]), (turns[0] + math.pi / 2, turns[2])):
        cos, sin = math.cos(turn), math.sin(turn)
        flat, deep = math.cos(tip), math.sin(tip)
        axes.append(np.float32(cos * flat) * u + np.float32(sin * flat) * v + np.float32(deep) * w)
    kind = int(rng.integers(4))
    if kind == 0:
        return np.zeros(axes[0].shape, np.bool_)
    if kind == 1:
        return np.asarray(np.abs(axes[0]) < 0.22)
    front: Bits = axes[0] > 0
    return front if kind == 2 else front ^ (axes[1] > 0)


def paint_crate(rng: Rng, fabric: Fabric, stage: Stage, size: Xy, turn_deg: float) -> Sheet:
    """A box on the ground, its upper side seen from above.

    ``size`` is half its width and its height, both in ``stage.height``.
    """
    half, tall = size
    turn = math.radians(turn_deg)
    sides = [(turn + k * math.pi / 2) for k in range(4)]
    reach = half * math.sqrt(2)
    ground = [
        np.array([reach * math.cos(a + math.pi / 4), 0.0, reach * math.sin(a + math.pi / 4)])
        for a in sides
    ]
    up = np.array([0.0, -tall, 0.0])
    low, high = ([project(p + lift, stage) for p in ground] for lift in (0 * up, up))
    corners = np.array([*low, *high])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    sheet = Sheet((float(left), float(top), float(right) + 1, float(bottom) + 1))
    planks = int(rng.integers(0, 5))
    for k in range(4):
        # A side is seen where its outward direction, half way between corners, points forward.
        facing = math.sin(sides[k] + math.pi / 2)
        if facing > 1e-3:
            quad = [high[k], high[(k + 1) % 4], low[(k + 1) % 4], low[k]]
            across = math.cos(sides[k] + math.pi / 2)
            gain = 0.62 + 0.2 * facing + 0.35 * stage.light[0] * across
            _face(sheet, quad, fabric, gain, planks)
    _face(sheet, high, fabric, 1.05, 0)
    return sheet


def _face(sheet: Sheet, quad: list[Xy], fabric: Fabric, gain: float, planks: int) -> None:
    """A flat side; planks are told apart by their gaps, and framed in the second colour."""
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    window = sheet.window((min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    x, y = sheet.grid(window)
    area = sum(
        quad[k][0] * quad[(k + 1) % 4][1] - quad[(k + 1) % 4][0] * quad[k][1] for k in range(4)
    )
    turn = 1.0 if area > 0 else -1.0
    inside = np.ones((y.shape[0], x.shape[1]), np.bool_)
    for k in range(4):
        (x0, y0), (x1, y1) = quad[k], quad[(k + 1) % 4]
        side = np.float32(x1 - x0) * (y - np.float32(y0)) - np.float32(y1 - y0) * (
            x - np.float32(x0)
        )
        inside &= np.float32(turn) * side >= 0
    light = np.empty((*inside.shape, 3), np.float32)
    light[:] = tone(fabric.first) * np.float32(gain)
    if planks:
        _planks(light, quad, fabric, gain, planks, x, y)
    sheet.paint(window, inside, light, _SOLID)


def _planks(
    light: Field, quad: list[Xy], fabric: Fabric, gain: float, planks: int, x: Field, y: Field
) -> None:
    """Gaps between planks, and a frame above and below."""
    (x0, y0), (x1, y1), _, (_, y3) = quad
    upper_edge = np.float32(y0) + (x - np.float32(x0)) * np.float32((y1 - y0) / (x1 - x0))
    along = (y - upper_edge) * np.float32(planks / (y3 - y0))
    light[along - np.floor(along) < 0.12] *= np.float32(0.55)
    edge = (along < 0.35) | (along > planks - 0.35)
    light[edge] = tone(fabric.second) * np.float32(gain)
