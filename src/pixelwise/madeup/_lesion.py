"""The lesion's pigment, as absorption on top of the skin's (see `pixelwise.madeup._skin`)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._canvas import (
    Canvas,
    Field,
    Rng,
    blank,
    disc,
    fractal,
    honeycomb,
    noise,
    opacity,
    ramp,
)
from pixelwise.madeup._look import Look
from pixelwise.madeup._shape import Shape
from pixelwise.madeup._skin import BLOOD, MELANIN

# Absorption relative to the skin: direction (red, green, blue) and range of amounts, in the order
# of `COLOURS`. The ranges bracket what lesions in public dermoscopy show: a median amount of 2.1,
# from 0.3 to 5 between the 2nd and 98th percentile.
_DIRECTION = np.array(
    [
        (-0.30, -0.45, -0.50),
        (0.10, 0.78, 0.62),
        (0.17, 0.52, 0.85),
        (0.23, 0.56, 0.80),
        (0.64, 0.60, 0.48),
        (0.50, 0.60, 0.62),
    ],
    np.float32,
)
_AMOUNT = ((0.0, 0.6), (1.3, 3.2), (1.7, 4.4), (3.2, 6.4), (2.4, 4.4), (5.0, 7.5))
_WHITE, _BLUE_GREY = 0, 4


def paint_lesion(rng: Rng, canvas: Canvas, look: Look, shape: Shape, variety: float) -> Field:
    """(H, W, 3) absorption the lesion adds; its cover passes one half on the mask's outline.

    With less ``variety`` fewer lesions are faint, and their faint skirts are narrower.
    """
    depth = shape.depth / np.float32(shape.radius)
    soft = float(np.interp(rng.random(), (0, 0.6, 1), (0.015, 0.14, 0.45)))
    cover = ramp(depth, -soft, soft)
    density = _profile(rng, canvas, look, shape, depth, variety)
    density *= _structure(rng, canvas, look, shape)
    density *= cover
    strength = rng.lognormal(0.12, 0.35)
    # Seldom on lesions that fill the picture: a network that meets many of those outlines
    # everything wherever it sees nothing.
    if rng.random() < (0.24 if shape.radius < 0.25 else 0.08) * variety:
        strength *= rng.uniform(0.12, 0.5)
    is_pink = bool(rng.random() < 0.14 * variety)
    painted = _colours(rng, canvas, look, shape, depth, is_pink) * np.float32(strength)
    painted *= density[..., None]
    # Dense pigment is black rather than orange: red light gives way last, but it does.
    painted[..., 0] += np.float32(0.05) * painted[..., 1] ** 2
    _spots(rng, canvas, look, shape, cover, painted)
    if look.has_regression:
        _patch(rng, canvas, shape, cover, painted, _WHITE)
    if look.has_veil:
        _patch(rng, canvas, shape, cover, painted, _BLUE_GREY)
    return painted


def redden_around(rng: Rng, shape: Shape) -> Field:
    """(H, W, 3) absorption of inflamed skin that surrounds a lesion and is not part of it."""
    reach = rng.uniform(0.2, 0.9) * shape.radius
    ring = ramp(shape.depth, -reach, 0)
    reddened: Field = np.float32(rng.uniform(0.1, 0.5)) * ring[..., None] * BLOOD
    return reddened


def _tint(rng: Rng, colour: int) -> NDArray[np.float32]:
    """(3,) absorption of one colour, a little different every time."""
    low, high = _AMOUNT[colour]
    direction = _DIRECTION[colour] + rng.normal(0, (0.04, 0.03, 0.03)).astype(np.float32)
    tint: NDArray[np.float32] = direction * np.float32(rng.uniform(low, high))
    return tint


def _pink(rng: Rng) -> NDArray[np.float32]:
    """(3,) absorption of a lesion of more blood than pigment, which many a network overlooks."""
    pink: NDArray[np.float32] = BLOOD * rng.uniform(0.3, 1.3) + MELANIN * rng.uniform(0, 0.25)
    return pink.astype(np.float32)


def _profile(
    rng: Rng, canvas: Canvas, look: Look, shape: Shape, depth: Field, variety: float
) -> Field:
    """(H, W) density from the outline inwards.

    Outlines drawn by dermatologists take in a faint skirt around the pigment, here up to a third
    of the radius. In public dermoscopy the pigment reaches half its depth 0.08 radii inside.
    """
    wide = np.interp(rng.random(), (0, 0.3, 0.6, 0.9, 1), (-0.04, 0.01, 0.05, 0.15, 0.32))
    skirt = float(wide) * variety
    fade = rng.uniform(0.06, 0.35) if rng.random() < 0.8 else rng.uniform(0.3, 0.7)
    fade *= 0.3 + 0.7 * variety
    faint = rng.uniform(0.06, 0.35)
    edge = depth + _edge_wobble(rng, canvas, look, shape, skirt)
    rise = ramp(edge, skirt - 0.02, skirt + fade)
    density: Field = faint + (1 - faint) * rise
    if rng.random() < 0.35:
        density *= 1 + rng.uniform(0.2, 0.9) * ramp(depth, 0.2, 0.9)
    if rng.random() < 0.12:
        density *= 1 - rng.uniform(0.3, 0.85) * ramp(depth, rng.uniform(0.1, 0.4), 0.7)
    return density


def _edge_wobble(rng: Rng, canvas: Canvas, look: Look, shape: Shape, skirt: float) -> Field:
    """(H, W) by how many radii the pigment's edge runs inside or outside its usual depth."""
    reach = rng.uniform(0.2, 0.75) * max(skirt, 0.03)
    wobble = reach * fractal(rng, canvas, rng.uniform(2, 6) / shape.radius, 3, 0.7)
    if look.has_streaks:
        wobble += rng.uniform(0.05, 0.15) * _rays(rng, canvas, shape)
    return wobble


def _rays(rng: Rng, canvas: Canvas, shape: Shape) -> Field:
    """(H, W) noise that varies with the angle around the lesion's centre and little with radius."""
    y, x = canvas.grid()
    x, y = x - np.float32(shape.centre_xy[0]), y - np.float32(shape.centre_xy[1])
    count = int(rng.integers(40, 110))
    table = rng.standard_normal((8, count), dtype=np.float32)
    table = np.concatenate([table, table[:, :2]], 1)
    around = (np.arctan2(y, x) + np.float32(np.pi)) * np.float32(count / (2 * np.pi))
    outwards = np.hypot(x, y) * np.float32(3 / shape.radius)
    rays = cv2.remap(table, around, np.minimum(outwards, 7), cv2.INTER_LINEAR)
    # Where rays meet they would make a star that skin does not show.
    faded: Field = rays.astype(np.float32) * ramp(outwards, 0.3, 2.4)
    return faded


def _structure(rng: Rng, canvas: Canvas, look: Look, shape: Shape) -> Field:
    """(H, W) factor on density: blotches, grain, pigment network or cobblestones, rays."""
    per_radius = 1 / shape.radius
    blotches = fractal(rng, canvas, rng.uniform(0.8, 2.5) * per_radius, 5, 0.7)
    grain = noise(rng, canvas, rng.uniform(40, 140))
    uneven = rng.uniform(0.08, 0.32) + 0.1 * look.asymmetry
    log_factor = uneven * blotches + rng.uniform(0.02, 0.12) * grain
    if rng.random() < 0.5:
        log_factor += _network(rng, canvas, look, shape)
    if look.has_streaks or rng.random() < 0.1:
        log_factor += rng.uniform(0.1, 0.35) * _rays(rng, canvas, shape)
    factor: Field = np.exp(np.minimum(log_factor, 1.2))
    return factor


def _network(rng: Rng, canvas: Canvas, look: Look, shape: Shape) -> Field:
    """(H, W) dark lines around pale holes (network), or dark discs between pale lines (cobbles)."""
    is_typical = look.network == "T"
    cells = rng.uniform(30, 90) if is_typical else rng.uniform(20, 70)
    lattice = honeycomb(rng, canvas, cells, rng.uniform(0.25, 0.5) if is_typical else 0.7)
    sign = 1 if rng.random() < 0.75 else -1
    lines = sign * (lattice - np.float32(0.66)) * np.float32(rng.uniform(0.2, 1.0))
    where = noise(rng, canvas, 2 / shape.radius)
    shown: Field = lines * ramp(where, -1.5 if is_typical else -0.3, 0.8)
    return shown


def _colours(
    rng: Rng, canvas: Canvas, look: Look, shape: Shape, depth: Field, is_pink: bool
) -> Field:
    """(H, W, 3) absorption at full density: the main colour and zones of the others in it."""
    painted = np.empty((canvas.height, canvas.width, 3), np.float32)
    painted[:] = _pink(rng) if is_pink else _tint(rng, look.colours[0])
    for colour in look.colours[1:]:
        zone = _zone(rng, canvas, shape, depth)[..., None]
        painted += zone * (_tint(rng, colour) - painted)
    return painted


def _zone(rng: Rng, canvas: Canvas, shape: Shape, depth: Field) -> Field:
    """(H, W) in [0, 1]: where a further colour lies. In blotches, in the middle, on one side."""
    place = 0.8 * fractal(rng, canvas, rng.uniform(0.5, 2.0) / shape.radius, 5, 0.7)
    if (layout := rng.random()) < 0.4:
        place = place + np.float32(rng.uniform(1, 3)) * (depth - np.float32(0.45))
    elif layout < 0.6:
        place = place - np.float32(rng.uniform(1, 3)) * (depth - np.float32(0.35))
    if rng.random() < 0.5:
        y, x = canvas.grid()
        angle = rng.uniform(0, 2 * np.pi)
        side = np.cos(angle) * (x - shape.centre_xy[0]) + np.sin(angle) * (y - shape.centre_xy[1])
        place = place + (1.3 / shape.radius * side).astype(np.float32)
    threshold, width = rng.uniform(-0.3, 0.5), rng.uniform(0.3, 1.8)
    return ramp(place, threshold, threshold + width)


def _patch(
    rng: Rng, canvas: Canvas, shape: Shape, cover: Field, painted: Field, colour: int
) -> None:
    """Lay a structureless scar or veil over part of the pigment, in place."""
    field = fractal(rng, canvas, rng.uniform(0.6, 1.6) / shape.radius, 5, 0.65)
    threshold = rng.uniform(-0.3, 0.6)
    shown = ramp(field, threshold, threshold + rng.uniform(0.8, 2.0)) * cover
    shown *= np.float32(rng.uniform(0.35, 0.8))
    painted += shown[..., None] * (_tint(rng, colour) - painted)


def _spots(
    rng: Rng, canvas: Canvas, look: Look, shape: Shape, cover: Field, painted: Field
) -> None:
    """Dots and globules of pigment, and the pale cysts and dark plugs of keratoses, in place."""
    if look.dots != "A":
        spread = 0.25 if look.dots == "T" else 0.7
        layer = _spot_layer(rng, canvas, shape, rng.uniform(0.003, 0.008), spread)
        strength = np.float32(rng.uniform(0.3, 1.3))
        painted += (strength * layer * cover)[..., None] * np.abs(_tint(rng, 3)) * np.float32(0.6)
    if rng.random() < 0.15:
        layer = _spot_layer(rng, canvas, shape, rng.uniform(0.005, 0.016), 0.5)
        painted *= 1 - np.float32(rng.uniform(0.3, 0.8)) * (layer * cover)[..., None]


def _spot_layer(rng: Rng, canvas: Canvas, shape: Shape, radius: float, spread: float) -> Field:
    """(H, W) in [0, 1]: soft discs scattered over the lesion, sizes differing by ``spread``."""
    layer = blank(canvas)
    away = shape.radius * np.sqrt(rng.uniform(0.0, 1.4, int(rng.integers(8, 90))))
    angle = rng.uniform(0, 2 * np.pi, len(away))
    sizes = radius * rng.lognormal(0, spread, len(away))
    for r, a, size in zip(away, angle, sizes, strict=True):
        at = shape.centre_xy[0] + r * np.cos(a), shape.centre_xy[1] + r * np.sin(a)
        disc(layer, canvas, at, min(size, 0.015))
    blur = max(0.6 * radius * canvas.scale, 0.3)
    return opacity(cv2.GaussianBlur(layer, (0, 0), blur).astype(np.uint8))
