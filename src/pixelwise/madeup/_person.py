"""A figure in clothes, painted from its farthest part to its nearest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._dress import Dress, Fabric
from pixelwise.madeup._figure import LEFT, RIGHT, Figure, Stage, Vector, project
from pixelwise.madeup._head import HEAD, paint_head
from pixelwise.madeup._raster import Capsule, Field, Sheet, Xy, cover, enclosing, union

TORSO, HAIR, NECK, SKIRT, BAG = 2, 3, 4, 5, 6
# Left, right.
UPPER_ARM, FOREARM, THIGH, SHIN, FOOT = (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)

# In COCO's order of joints: the parts on which a joint is seen rather than hidden.
OWN_PARTS: tuple[frozenset[int], ...] = (
    *(frozenset({HEAD}),) * 5,
    *(frozenset({TORSO, UPPER_ARM[side]}) for side in (LEFT, RIGHT)),
    *(frozenset({UPPER_ARM[side], FOREARM[side]}) for side in (LEFT, RIGHT)),
    *(frozenset({FOREARM[side]}) for side in (LEFT, RIGHT)),
    *(frozenset({TORSO, SKIRT, THIGH[side]}) for side in (LEFT, RIGHT)),
    *(frozenset({THIGH[side], SHIN[side], SKIRT}) for side in (LEFT, RIGHT)),
    *(frozenset({SHIN[side], FOOT[side]}) for side in (LEFT, RIGHT)),
)

# In body heights; see `Painted`.
_BESIDE = 0.03


@dataclass(frozen=True)
class Painted:
    """A thing on its sheet; for a person also its joints.

    ``joints``: (17, 2) in subsamples. ``visibility``: (17,) 2 where a joint is in front of the rest
    of the own body, 1 where another part of it is in front, 0 for what the own head or hair hides
    of a face: whoever labels COCO gives those who are turned away no eyes and no nose, and in
    profile one ear. ``reach``: how far from a hidden joint its limb tells where it is, in
    subsamples.
    """

    sheet: Sheet
    joints: Field
    visibility: NDArray[np.uint8]
    reach: float


def paint_person(figure: Figure, dress: Dress, stage: Stage) -> Painted:
    """Paint one person."""
    painter = _Painter(figure, dress, stage)
    parts = [*_trunk(painter), *_limbs(painter)]
    sheet = Sheet(_bounds(painter))
    for _, paint in sorted(parts, key=lambda part: part[0]):
        paint(sheet)
    joints = np.array([painter.place(joint) for joint in figure.joints], np.float32)
    shown = _visibility(figure, dress, sheet, joints, painter.place(figure.head))
    return Painted(sheet, joints, shown, _BESIDE * stage.height)


_Part = tuple[float, Callable[[Sheet], None]]
"""Nearness to the viewer, and how to paint it."""


@dataclass(frozen=True)
class _Painter:
    figure: Figure
    dress: Dress
    stage: Stage

    def place(self, point: Vector) -> Xy:
        return project(point, self.stage)

    def capsule(self, start: Vector, end: Vector, radii: tuple[float, float]) -> Capsule:
        """From one point to another; radii in body heights."""
        thick = self.stage.height * self.figure.body.girth
        return Capsule(self.place(start), self.place(end), thick * radii[0], thick * radii[1])

    def limb(self, capsule: Capsule, fabric: Fabric, part: int, nearness: float) -> _Part:
        return nearness, partial(_paint_limb, self.stage, [capsule], capsule, fabric, part)

    def hull(
        self, capsules: list[Capsule], axis: Capsule, fabric: Fabric, part: int, nearness: float
    ) -> _Part:
        """Several capsules as one body; shade and pattern follow ``axis``."""
        return nearness, partial(_paint_limb, self.stage, capsules, axis, fabric, part)


def _paint_limb(
    stage: Stage, capsules: list[Capsule], axis: Capsule, fabric: Fabric, part: int, sheet: Sheet
) -> None:
    window = sheet.window(enclosing(capsules))
    x, y = sheet.grid(window)
    inside, along, across = cover(axis, x, y)
    if len(capsules) > 1:
        inside = union(capsules, x, y)
    (x0, y0), (x1, y1) = axis.start, axis.end
    length = float(np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2))
    light = fabric.light(along * np.float32(length / stage.height), across)
    sheet.paint(window, inside, light * shade(axis, across, stage)[..., None], part)


def shade(axis: Capsule, across: Field, stage: Stage) -> Field:
    """(h, w) how bright a round limb is: brightest on the side of the lamp."""
    (x0, y0), (x1, y1) = axis.start, axis.end
    dx, dy = x1 - x0, y1 - y0
    length = max(float(np.sqrt(dx * dx + dy * dy)), 1e-3)
    lit = (dy * stage.light[0] - dx * stage.light[1]) / length
    away = np.minimum(np.maximum(across, np.float32(-1)), np.float32(1)) - np.float32(lit)
    found: Field = np.float32(1.08) - np.float32(0.30) * away * away
    return found


def _trunk(painter: _Painter) -> list[_Part]:
    figure, dress = painter.figure, painter.dress
    shoulders = figure.joint("left_shoulder"), figure.joint("right_shoulder")
    hips = figure.joint("left_hip"), figure.joint("right_hip")
    low = figure.pelvis - 0.01 * figure.chest.up
    waist_line = figure.pelvis + 0.03 * figure.chest.up
    capsule = painter.capsule
    axis = capsule(figure.neck, low, (0.125, 0.10))
    sides = [
        capsule(shoulders[side] - 0.012 * figure.chest.up, hips[side], (0.040, 0.048))
        for side in (LEFT, RIGHT)
    ]
    across = capsule(shoulders[LEFT], shoulders[RIGHT], (0.036, 0.036))
    middle = capsule(figure.neck - 0.035 * figure.chest.up, waist_line, (0.062, 0.060))
    parts = [painter.hull([*sides, across, middle], axis, dress.shirt, TORSO, 0.0)]
    # The upper edge of trousers, over the lower edge of the shirt.
    waist = capsule(hips[LEFT], hips[RIGHT], (0.057, 0.057))
    seat = capsule(figure.pelvis, waist_line, (0.064, 0.062))
    parts.append(painter.hull([waist, seat], axis, dress.trousers, TORSO, 0.004))
    toward_head = figure.neck + 0.7 * (figure.head - figure.neck)
    neck = capsule(figure.neck - 0.012 * figure.chest.up, toward_head, (0.036, 0.028))
    parts.append(painter.limb(neck, dress.skin_fabric, NECK, 0.002 + 0.01 * figure.chest.ahead[2]))
    nearness = max(0.012, float(figure.head[2]) + 0.04)
    parts.append((nearness, partial(paint_head, figure, dress, painter.stage)))
    if dress.hair_length:
        parts.append(_long_hair(painter))
    if dress.has_bag:
        parts.append(_bag(painter))
    if dress.has_skirt:
        parts.append(_skirt(painter))
    return parts


def _long_hair(painter: _Painter) -> _Part:
    """Hair behind the head and down the back."""
    figure, dress = painter.figure, painter.dress
    radius = figure.body.head
    top = figure.head - 0.25 * radius * figure.face.ahead + 0.2 * radius * figure.face.up
    drop = radius * (0.6 + dress.hair_length)
    end = top - drop * figure.chest.up - 0.35 * radius * figure.face.ahead
    axis = painter.capsule(top, end, (radius * 0.9, radius * 0.75))
    nearness = float(figure.head[2] - 0.06 * figure.face.ahead[2])
    fabric = Fabric(dress.hair, dress.hair)
    return painter.limb(axis, fabric, HAIR, nearness if figure.face.ahead[2] < 0 else -0.01)


def _bag(painter: _Painter) -> _Part:
    figure = painter.figure
    back = -0.075 * figure.chest.ahead
    top = figure.neck - 0.05 * figure.chest.up + back
    end = figure.pelvis + 0.09 * figure.chest.up + back
    axis = painter.capsule(top, end, (0.055, 0.068))
    return painter.limb(axis, painter.dress.shoes, BAG, -0.09 * float(figure.chest.ahead[2]))


def _skirt(painter: _Painter) -> _Part:
    figure, capsule = painter.figure, painter.capsule
    knees = [figure.joint(f"{side}_knee") for side in ("left", "right")]
    hips = [figure.joint(f"{side}_hip") for side in ("left", "right")]
    hems = [hip + 0.72 * (knee - hip) for hip, knee in zip(hips, knees, strict=True)]
    middle = (hems[LEFT] + hems[RIGHT]) / 2
    sides = [
        capsule(hips[side], hems[side] + 0.012 * (1, -1)[side] * figure.chest.left, (0.046, 0.050))
        for side in (LEFT, RIGHT)
    ]
    axis = capsule(figure.pelvis + 0.02 * figure.chest.up, middle, (0.10, 0.13))
    centre = capsule(figure.pelvis, middle, (0.062, 0.062))
    nearness = max(float(knee[2] + hip[2]) for knee, hip in zip(knees, hips, strict=True)) / 2
    return painter.hull([*sides, centre], axis, painter.dress.trousers, SKIRT, nearness + 0.012)


def _limbs(painter: _Painter) -> list[_Part]:
    parts = []
    for side, name in ((LEFT, "left"), (RIGHT, "right")):
        parts += _arm(painter, side, name)
        parts += _leg(painter, side, name)
    return parts


def _arm(painter: _Painter, side: int, name: str) -> list[_Part]:
    figure, dress = painter.figure, painter.dress
    shoulder, elbow, wrist = (figure.joint(f"{name}_{part}") for part in _ARM)
    hand = figure.hands[side]
    ahead = float(figure.chest.ahead[2])
    # An arm that hangs at the side is in front of the trunk for who looks from there.
    near_upper = float(shoulder[2] + elbow[2]) / 2 + 0.03
    near_lower = max(float(elbow[2] + wrist[2]) / 2 + 0.03, near_upper - 0.05 * (ahead > 0))
    parts = _covered(
        painter,
        (shoulder, elbow),
        (0.036, 0.028),
        dress.sleeve * 2,
        dress.shirt,
        UPPER_ARM[side],
        near_upper,
    )
    parts += _covered(
        painter,
        (elbow, wrist),
        (0.027, 0.020),
        dress.sleeve * 2 - 1,
        dress.shirt,
        FOREARM[side],
        near_lower,
    )
    palm = painter.capsule(wrist, hand, (0.019, 0.022))
    parts.append(painter.limb(palm, dress.skin_fabric, FOREARM[side], near_lower + 0.0005))
    return parts


_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")


def _leg(painter: _Painter, side: int, name: str) -> list[_Part]:
    figure, dress = painter.figure, painter.dress
    hip, knee, ankle = (figure.joint(f"{name}_{part}") for part in _LEG)
    near_thigh, near_shin = float(hip[2] + knee[2]) / 2 - 0.005, float(knee[2] + ankle[2]) / 2
    parts = _covered(
        painter,
        (hip, knee),
        (0.056, 0.040),
        dress.leg * 2,
        dress.trousers,
        THIGH[side],
        near_thigh,
    )
    parts += _covered(
        painter,
        (knee, ankle),
        (0.039, 0.025),
        dress.leg * 2 - 1,
        dress.trousers,
        SHIN[side],
        near_shin,
    )
    foot = painter.capsule(figure.heels[side], figure.toes[side], (0.026, 0.019))
    near_foot = max(float(ankle[2]), float(figure.toes[side][2]) - 0.05)
    parts.append(painter.limb(foot, dress.shoes, FOOT[side], near_foot))
    return parts


def _covered(
    painter: _Painter,
    ends: tuple[Vector, Vector],
    radii: tuple[float, float],
    share: float,
    fabric: Fabric,
    part: int,
    nearness: float,
) -> list[_Part]:
    """A limb of skin, and over its first ``share`` a little wider cloth."""
    start, end = ends
    bare = painter.limb(
        painter.capsule(start, end, radii), painter.dress.skin_fabric, part, nearness
    )
    if share <= 0:
        return [bare]
    share = min(share, 1.0)
    radius = radii[0] + share * (radii[1] - radii[0])
    stop = start + share * (end - start)
    cloth = painter.capsule(start, stop, (radii[0] * 1.1, radius * 1.15))
    sleeve = painter.limb(cloth, fabric, part, nearness + 0.0002)
    return [sleeve] if share == 1 else [bare, sleeve]


def _bounds(painter: _Painter) -> tuple[float, float, float, float]:
    """A box that holds whatever is painted."""
    figure = painter.figure
    ends = (*figure.joints, *figure.hands, *figure.heels, *figure.toes, figure.head)
    places = np.array([painter.place(point) for point in ends])
    margin = painter.stage.height * 0.14
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    return float(left - margin), float(top - margin), float(right + margin), float(bottom + margin)


def _visibility(
    figure: Figure, dress: Dress, sheet: Sheet, joints: Field, head_xy: Xy
) -> NDArray[np.uint8]:
    """(17,) see `Painted`."""
    places = joints.copy()
    # Nose, eyes and ears may lie on the head's very outline.
    places[:5] += np.float32(0.15) * (np.array(head_xy, np.float32) - places[:5])
    tops = [sheet.at((float(x), float(y))) for x, y in places]
    found = np.array([2 if top in own else 1 for top, own in zip(tops, OWN_PARTS, strict=True)])
    outward = (figure.joints[:5, 2] - figure.head[2]) / figure.body.head
    found[:5][outward <= (-0.2, -0.1, -0.1, -0.3, -0.3)] = 0
    if dress.hair_length:
        found[3:5] = 0
    return found.astype(np.uint8)
