"""Who stands where, what hides what, and what is therefore true of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._backdrop import GRASS, GROUND, STATURE_M, TALL_M, WATER, Backdrop
from pixelwise.madeup._dress import draw_dress, draw_fabric
from pixelwise.madeup._figure import Stage, build, draw_body, draw_direction
from pixelwise.madeup._film import pool
from pixelwise.madeup._person import OWN_PARTS, Painted, paint_person
from pixelwise.madeup._pose import draw_pose
from pixelwise.madeup._props import paint_ball, paint_crate
from pixelwise.madeup._raster import Bits, Field, Rng, Sheet, Window, Xy

PERSON, BALL, BOX = 5, 6, 7
NUM_JOINTS = 17

# In picture heights: how tall a standing person may be (at variety 0, the upper part of it), and
# the lowest place of a foot.
SMALLEST, TALLEST = 0.25, 0.75
_LOWEST_FOOT = 1.10
# Less of a thing than this is neither drawn nor true: share of the thing, share of the picture's
# height squared (40 pixels of a picture 192 high).
_LEAST_SHARE, _LEAST_AREA = 0.08, 40 / 192**2


@dataclass(frozen=True)
class Thing:
    """One thing of a scene, drawn whole, as if nothing were in front of it.

    ``category``: index. ``foot_y``: where it stands, in picture heights; what stands lower is
    nearer. ``foot``: the same in subsamples, with x. ``breadth``: of its shadow, in subsamples.
    """

    category: int
    foot_y: float
    foot: Xy
    breadth: float
    painted: Painted

    @property
    def covered(self) -> Bits:
        """(h, w) where its sheet is painted."""
        return self.painted.sheet.part > 0


@dataclass(frozen=True)
class _Spot:
    """A place in the picture: middle of its foot and height, in picture heights, x from the
    middle of the picture."""

    x: float
    foot_y: float
    height: float
    half_width: float

    def hidden_by(self, nearer: _Spot) -> float:
        """The share of its box that another's box covers."""
        left = max(self.x - self.half_width, nearer.x - nearer.half_width)
        right = min(self.x + self.half_width, nearer.x + nearer.half_width)
        top = max(self.foot_y - self.height, nearer.foot_y - nearer.height)
        bottom = min(self.foot_y, nearer.foot_y)
        shared = max(right - left, 0.0) * max(bottom - top, 0.0)
        return shared / (2 * self.half_width * self.height)


@dataclass
class Cast:
    """Puts things into an empty scene, one by one."""

    rng: Rng
    backdrop: Backdrop
    size_hw: tuple[int, int]
    factor: int
    variety: float

    def __post_init__(self) -> None:
        self._spots: list[_Spot] = []
        self.light = float(self.rng.uniform(-0.55, 0.55)) * self.variety, -0.35

    def people(self, count: int) -> list[Thing]:
        """People, and what they sit on."""
        things: list[Thing] = []
        for _ in range(count):
            rng = self.rng.spawn(1)[0]
            stature_m = float(np.clip(rng.normal(STATURE_M, 0.12), 1.35, TALL_M))
            spot = self._find(rng, stature_m, stature_m, 0.17, count)
            if spot is not None:
                things += self._person(rng, spot)
        return things

    def props(self, count: int) -> list[Thing]:
        """Balls and crates."""
        things: list[Thing] = []
        for _ in range(count):
            rng = self.rng.spawn(1)[0]
            is_ball = rng.random() < 0.5
            size_m = float(rng.uniform(0.35, 0.75) if is_ball else rng.uniform(0.5, 0.95))
            spot = self._find(rng, size_m, STATURE_M, 0.55, 3)
            if spot is not None:
                things.append(self._ball(rng, spot) if is_ball else self._crate(rng, spot))
        return things

    def _find(
        self, rng: Rng, size_m: float, stature_m: float, broad: float, count: int
    ) -> _Spot | None:
        """A place where little is hidden; where none is found in some tries, none.

        Places are so far away that a person of ``stature_m`` has a decent size there. ``broad``:
        half the thing's width, in its heights. ``count``: the more, the smaller.
        """
        most = 0.25 + (0.15 + 0.25 * (rng.random() < 0.3)) * self.variety
        half = self.size_hw[1] / self.size_hw[0] / 2
        least = TALLEST - (TALLEST - SMALLEST) * (0.3 + 0.7 * self.variety)
        for _ in range(20):
            person = least + (TALLEST - least) * float(rng.beta(1.5, 1.2 + 0.25 * count))
            foot_y = self.backdrop.foot_of(person, stature_m)
            tall = self.backdrop.size_at(foot_y, size_m)
            x = float(rng.uniform(-0.98, 0.98)) * half
            spot = _Spot(x, foot_y, tall, broad * tall)
            if foot_y <= _LOWEST_FOOT and self._hides_little(spot, most):
                self._spots.append(spot)
                return spot
        return None

    def _hides_little(self, spot: _Spot, most: float) -> bool:
        for other in self._spots:
            far, near = (spot, other) if spot.foot_y < other.foot_y else (other, spot)
            if far.hidden_by(near) > most:
                return False
        return True

    def _stage(self, spot: _Spot) -> Stage:
        height, width = (side * self.factor for side in self.size_hw)
        foot = width / 2 + spot.x * height, spot.foot_y * height
        return Stage(foot, spot.height * height, self.light)

    def _person(self, rng: Rng, spot: _Spot) -> list[Thing]:
        stage, pose = self._stage(spot), draw_pose(rng, self.variety)
        direction = draw_direction(rng)
        if pose.is_seated:
            # From behind, what somebody sits on would hide the legs.
            direction = max(-95.0, min(95.0, direction))
        figure = build(draw_body(rng, self.variety), pose, direction)
        painted = paint_person(figure, draw_dress(rng, self.variety), stage)
        person = Thing(PERSON, spot.foot_y, stage.foot, 0.17 * stage.height, painted)
        if not pose.is_seated:
            return [person]
        size = 0.125, -float(figure.pelvis[1]) - 0.045
        fabric = draw_fabric(rng, self.variety)
        seat = paint_crate(rng, fabric, stage, size, direction + float(rng.normal(0, 8)))
        return [_thing(BOX, spot.foot_y - 1e-6, stage, seat, 0.15), person]

    def _ball(self, rng: Rng, spot: _Spot) -> Thing:
        stage = self._stage(spot)
        above = float(rng.uniform(0.3, 2.5)) if rng.random() < 0.25 else 0.0
        sheet = paint_ball(rng, draw_fabric(rng, 0.0), stage, above)
        return _thing(BALL, spot.foot_y, stage, sheet, 0.45)

    def _crate(self, rng: Rng, spot: _Spot) -> Thing:
        stage = self._stage(spot)
        size = float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.7, 1.1))
        fabric, turn = draw_fabric(rng, 0.0), float(rng.uniform(0, 90))
        return _thing(BOX, spot.foot_y, stage, paint_crate(rng, fabric, stage, size, turn), 0.6)


def _thing(category: int, foot_y: float, stage: Stage, sheet: Sheet, breadth: float) -> Thing:
    unknown = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.uint8)
    painted = Painted(sheet, *unknown, 0.0)
    return Thing(category, foot_y, stage.foot, breadth * stage.height, painted)


def owners(things: list[Thing], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W) which thing is in front, n = things[n - 1], 0 = none; later ones hide earlier ones.

    ``size_hw`` is in subsamples.
    """
    found = np.zeros(size_hw, np.uint8)
    for number, thing in enumerate(things, start=1):
        window, inside = _in_picture(thing, size_hw)
        found[window][inside] = number
    return found


def drop_hidden(
    things: list[Thing], size_hw: tuple[int, int]
) -> tuple[list[Thing], NDArray[np.uint8]]:
    """Without those of which next to nothing is seen, the nearest of them first.

    Returns:
        The things that stay, and their `owners`.
    """
    kept = list(things)
    while True:
        owner = owners(kept, size_hw)
        seen = np.bincount(owner.ravel(), minlength=len(kept) + 1)[1:]
        least = _LEAST_AREA * size_hw[0] ** 2
        lost = [
            number
            for number, thing in enumerate(kept)
            if seen[number] < max(least, _LEAST_SHARE * np.count_nonzero(thing.covered))
        ]
        if not lost:
            return kept, owner
        del kept[lost[-1]]


def render(
    backdrop: Backdrop, things: list[Thing], owner: NDArray[np.uint8], factor: int, light: Xy
) -> Field:
    """(H, W, 3) each pixel's mean light, over the subsamples of all that is in it.

    ``owner``: (H * factor, W * factor), see `owners`.
    """
    whole = _shadowed(backdrop, things, factor, light)
    whole *= pool((owner == 0).astype(np.float32), factor)[..., None]
    for number, thing in enumerate(things, start=1):
        window, _ = _in_picture(thing, (owner.shape[0], owner.shape[1]))
        rows, columns = (
            slice(side.start // factor * factor, -(-side.stop // factor) * factor)
            for side in window
        )
        seen = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
        top, left = window[0].start - rows.start, window[1].start - columns.start
        light_of = thing.painted.sheet.light[_of_sheet(thing.painted.sheet, window)]
        place = slice(top, top + light_of.shape[0]), slice(left, left + light_of.shape[1])
        np.copyto(seen[place], light_of, where=(owner[window] == number)[..., None])
        pixels = tuple(slice(side.start // factor, side.stop // factor) for side in (rows, columns))
        whole[pixels] += pool(seen, factor)
    return whole


def majority(owner: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """(H, W) who has most of each pixel's subsamples; of equals the nearest."""
    blocks = np.stack([owner[i::factor, j::factor] for i in range(factor) for j in range(factor)])
    found: NDArray[np.uint8] = blocks[0].copy()
    mixed = (blocks != found).any(axis=0)
    some = blocks[:, mixed]
    votes = (some[:, None] == some[None]).sum(axis=1) * 256 + some
    found[mixed] = np.take_along_axis(some, votes.argmax(axis=0)[None], axis=0)[0]
    return found


def seen_joints(things: list[Thing], owner: NDArray[np.uint8], factor: int) -> NDArray[np.float32]:
    """(N, 17, 3) x, y in pixels and visibility as people label COCO; zeros for other things.

    A joint outside the picture has no label, nor has one that is hidden, unless the part of the
    body that it is in shows right beside it: else nobody could say where it is. See also `Painted`.

    Args:
        things: in the order of ``owner``'s numbers.
        owner: (H, W) whose pixel it is.
        factor: subsamples in a pixel's side.
    """
    found = np.zeros((len(things), NUM_JOINTS, 3), np.float32)
    for number, thing in enumerate(things, start=1):
        if thing.category == PERSON:
            found[number - 1] = _seen(thing.painted, owner, number, factor)
    return found


def _seen(
    painted: Painted, owner: NDArray[np.uint8], number: int, factor: int
) -> NDArray[np.float32]:
    height, width = owner.shape
    mine = owner == number
    found = np.zeros((NUM_JOINTS, 3), np.float32)
    for k, (x, y) in enumerate(painted.joints / np.float32(factor)):
        shown = painted.visibility[k]
        if not shown or not (0 <= x < width and 0 <= y < height):
            continue
        row, column = int(y), int(x)
        around = mine[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        # At the very border of a body the pixel itself may be the background's.
        is_own = mine[row, column] or (owner[row, column] == 0 and around.any())
        if is_own and shown == 2:
            found[k] = x, y, 2
        elif _shows_beside(painted, k, mine, factor):
            found[k] = x, y, 1
    return found


def _shows_beside(painted: Painted, k: int, mine: Bits, factor: int) -> bool:
    """Whether a part of the body that a joint is in can be seen close to it.

    Args:
        k: the joint.
        mine: (H, W) the person's pixels.
    """
    sheet, (x, y), reach = painted.sheet, painted.joints[k], painted.reach
    rows, columns = sheet.window((x - reach, y - reach, x + reach, y + reach))
    row, column = np.nonzero(np.isin(sheet.part[rows, columns], list(OWN_PARTS[k])))
    row = (row + rows.start + sheet.top) // factor
    column = (column + columns.start + sheet.left) // factor
    is_in = (row >= 0) & (row < mine.shape[0]) & (column >= 0) & (column < mine.shape[1])
    return bool(mine[row[is_in], column[is_in]].any())


def _in_picture(thing: Thing, size_hw: tuple[int, int]) -> tuple[Window, Bits]:
    """The part of the picture that a thing's sheet lies on, and what it covers there."""
    sheet = thing.painted.sheet
    height, width = sheet.part.shape
    rows = slice(max(sheet.top, 0), max(min(sheet.top + height, size_hw[0]), 0))
    columns = slice(max(sheet.left, 0), max(min(sheet.left + width, size_hw[1]), 0))
    window = rows, columns
    return window, sheet.part[_of_sheet(sheet, window)] > 0


def _of_sheet(sheet: Sheet, window: Window) -> Window:
    rows, columns = window
    return (
        slice(max(rows.start - sheet.top, 0), max(rows.stop - sheet.top, 0)),
        slice(max(columns.start - sheet.left, 0), max(columns.stop - sheet.left, 0)),
    )


def _shadowed(backdrop: Backdrop, things: list[Thing], factor: int, light: Xy) -> Field:
    """The backdrop's light, darker on the ground below things."""
    height, width = backdrop.labels.shape
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5))[:, None]
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5))[None, :]
    bright = np.ones((height, width), np.float32)
    for thing in things:
        reach = thing.breadth / factor
        at = thing.foot[0] / factor - 0.8 * reach * light[0], thing.foot[1] / factor
        u = (x - np.float32(at[0])) / np.float32(1.5 * reach)
        v = (y - np.float32(at[1])) / np.float32(0.45 * reach)
        bright *= 1 - np.float32(0.6) * np.clip(1 - u * u - v * v, 0, 1)
    flat = np.isin(backdrop.labels, (GROUND, GRASS, WATER))
    found: Field = backdrop.light * np.where(flat, bright, np.float32(1))[..., None]
    return found
