"""A head: a ball that knows its front, so that face and hair show what the direction lets show."""

from __future__ import annotations

import math

import numpy as np

from pixelwise.madeup._dress import Dress
from pixelwise.madeup._figure import Figure, Stage, Vector, project
from pixelwise.madeup._raster import Bits, Capsule, Field, Sheet, Xy, cover, linear

HEAD = 1
_EYE, _MOUTH, _WHITE = linear(30, 24, 26), linear(150, 60, 60), linear(240, 236, 230)


def paint_head(figure: Figure, dress: Dress, stage: Stage, sheet: Sheet) -> None:
    """Ears, the nose's profile, then the ball with face, hair and cap."""
    radius = stage.height * figure.body.head
    centre = project(figure.head, stage)
    _ears(figure, dress, stage, sheet, radius)
    _nose(figure, dress, stage, sheet, radius)
    _ball(figure, dress, stage, sheet, centre, radius)


def _spot(sheet: Sheet, centre: Xy, radius: float) -> tuple[tuple[slice, slice], Bits]:
    capsule = Capsule(centre, (centre[0], centre[1] + 0.01), radius, radius)
    window = sheet.window(capsule.box)
    return window, cover(capsule, *sheet.grid(window))[0]


def _tinted(dress: Dress, gain: float) -> tuple[float, float, float]:
    red, green, blue = dress.skin
    return red * gain, green * gain * 0.94, blue * gain * 0.92


def _ears(figure: Figure, dress: Dress, stage: Stage, sheet: Sheet, radius: float) -> None:
    if dress.hair_length:
        return
    for name in ("left_ear", "right_ear"):
        place = project(figure.joint(name), stage)
        window, inside = _spot(sheet, place, 0.24 * radius)
        sheet.paint(window, inside, _tinted(dress, 0.8), HEAD)


def _nose(figure: Figure, dress: Dress, stage: Stage, sheet: Sheet, radius: float) -> None:
    tip = figure.joint("nose") + 0.1 * figure.body.head * figure.face.ahead
    window, inside = _spot(sheet, project(tip, stage), 0.15 * radius)
    sheet.paint(window, inside, _tinted(dress, 0.92), HEAD)


def _ball(
    figure: Figure, dress: Dress, stage: Stage, sheet: Sheet, centre: Xy, radius: float
) -> None:
    face = figure.face
    aside = abs(float(face.ahead[0]))
    # The picture's direction of "up on this head", and how wide a head is from this side.
    up_x, up_y = float(face.up[0]), float(face.up[1])
    length = max(math.sqrt(up_x * up_x + up_y * up_y), 1e-3)
    up_x, up_y = up_x / length, up_y / length
    half_width, half_height = radius * (0.80 + 0.12 * aside), radius * 1.08
    window = sheet.window(Capsule(centre, centre, 1.1 * radius, 1.1 * radius).box)
    x, y = sheet.grid(window)
    x, y = x - np.float32(centre[0]), y - np.float32(centre[1])
    u = np.asarray(
        x * np.float32(-up_y / half_width) + y * np.float32(up_x / half_width), np.float32
    )
    v = np.asarray(
        x * np.float32(up_x / half_height) + y * np.float32(up_y / half_height), np.float32
    )
    out = 1 - u * u - v * v
    w: Field = np.sqrt(np.maximum(out, np.float32(0)))
    axes = [_along(axis, (up_x, up_y), u, v, w) for axis in (face.left, face.up, face.ahead)]
    light = _skin_and_hair(dress, *axes)
    lit = np.float32(0.74) + np.float32(0.34) * w
    lit += np.float32(0.22) * (np.float32(stage.light[0]) * u - np.float32(stage.light[1]) * v)
    sheet.paint(window, out > 0, light * lit[..., None], HEAD)


def _along(axis: Vector, up: Xy, u: Field, v: Field, w: Field) -> Field:
    """How far each point of the ball lies along an axis, -1 to 1."""
    x, y, z = (float(value) for value in axis)
    right = -up[1] * x + up[0] * y
    above = up[0] * x + up[1] * y
    found: Field = np.float32(right) * u + np.float32(above) * v + np.float32(z) * w
    return found


def _skin_and_hair(dress: Dress, left: Field, up: Field, ahead: Field) -> Field:
    light = np.empty((*left.shape, 3), np.float32)
    light[:] = dress.skin
    side = np.abs(left)
    mouth = (side < 0.28) & (np.abs(up + np.float32(0.48)) < 0.09) & (ahead > 0)
    light[mouth] = _MOUTH
    light[(side < 0.13) & (np.abs(up + np.float32(0.12)) < 0.16) & (ahead > 0)] = _tinted(
        dress, 0.72
    )
    white = (np.abs(side - np.float32(0.36)) < 0.20) & (np.abs(up - np.float32(0.16)) < 0.12)
    light[white & (ahead > 0)] = _WHITE
    iris = (np.abs(side - np.float32(0.36)) < 0.11) & (np.abs(up - np.float32(0.16)) < 0.13)
    light[iris & (ahead > 0)] = _EYE
    hair = ahead - np.float32(0.55) * up < np.float32(dress.hair_line - 0.12)
    if not dress.hair_length:
        hair &= up > -0.45
    light[hair] = dress.hair
    if dress.has_cap:
        light[up > 0.42] = dress.shoes.first
    return light
