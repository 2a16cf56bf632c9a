"""Skeletons drawn onto pictures: limbs and joints in the colours of the rainbow.

The look is the one that Cao et al., "OpenPose" (IEEE TPAMI 2019), made familiar: slim ellipses for
limbs, discs for joints, hues that run from the right arm over the left arm and the legs to the
head.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from pixelwise.anatomy import ARM, LEG
from pixelwise.draw import BLACK, Rgb, line_width
from pixelwise.joints import Keypoints, around
from pixelwise.types import Image, Skeleton

Points = NDArray[np.float64]
"""(P, 2) x, y in OpenCV's pixels, whose middles are whole numbers."""

Third = Literal["score", "visibility"]
_FULL: dict[Third, float] = {"score": 1.0, "visibility": 2.0}

_LIMB, _JOINT, _EDGE = 0.65, 0.95, 0.45
"""How much of its colour covers the picture: of a limb, a joint, the dark edge around both."""
# A person's larger side, over half a limb's width.
_SLIMNESS = 52
# The least that is left of the colours of what is hardly sure, or hidden.
_FAINTEST = 0.25
# A joint's radius, in half widths of a limb.
_BULGE = 1.15
# Its radius over the distance to the next joint, at most.
_CROWDED = 0.3
# Fractions of a pixel that OpenCV is told of, in bits, and what it can tell at all.
_SHIFT, _FARTHEST_PX = 4, 2.0**24
_TURN = np.linspace(0, 2 * np.pi, 32, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def skeletons(
    image: Image,
    keypoints: Keypoints,
    skeleton: Skeleton,
    third: Third,
    *,
    ids: Sequence[int] | NDArray[np.int64] | None = None,
    color: Rgb | None = None,
) -> Image:
    """Draw everybody's joints and limbs, as wide as suits each one's size.

    Joints that are missing and their limbs are not drawn; what is hidden or hardly sure is fainter.

    Args:
        image: (H, W, 3) uint8.
        keypoints: (N, K, 3) x, y in pixels, and what ``third`` says; 0 or NaN where a joint is
            missing. The first are drawn on top.
        skeleton: of K joints; any.
        third: what the third number of a joint is: "score" in [0, 1], of results, or "visibility"
            (1 hidden, 2 seen), of annotations. No number tells: 1 is the best score, and hidden.
        ids: a number for each, printed above the person; none for one below 0.
        color: one RGB colour for all joints and limbs; None for the rainbow, in which a joint has
            the same colour on everybody and right and left differ.
    """
    drawn = image.copy()
    strength = _strength(keypoints, _FULL[third])
    widths = _widths(keypoints, strength > 0, image.shape[:2])
    colors = joint_colors(skeleton) if color is None else (color,) * len(skeleton.joints)
    for index in reversed(range(len(keypoints))):
        # From continuous pixels to OpenCV's, which count their middles.
        places = keypoints[index, :, :2].astype(np.float64) - 0.5
        _draw_one(drawn, places, strength[index], widths[index], skeleton, colors)
    return drawn if ids is None else _numbered(drawn, keypoints, strength > 0, widths, ids)


def joint_colors(skeleton: Skeleton) -> tuple[Rgb, ...]:
    """K colours around the hue circle, neighbours of a body neighbours on it: right arm, left
    arm, right leg, left leg, head; of other skeletons right, left, middle."""
    count = len(skeleton.joints)
    colors: list[Rgb] = [BLACK] * count
    for place, joint in enumerate(sorted(range(count), key=lambda joint: _rank(skeleton, joint))):
        red, green, blue = colorsys.hsv_to_rgb(place / count, 0.95, 1.0)
        colors[joint] = (round(red * 255), round(green * 255), round(blue * 255))
    return tuple(colors)


def _rank(skeleton: Skeleton, joint: int) -> tuple[int, int, int]:
    """Where a joint stands in the rainbow: part of the body and side, how far out, index."""
    name, partner = skeleton.joints[joint].casefold(), skeleton.mirrored[joint]
    other = skeleton.joints[partner].casefold()
    is_middle = partner == joint
    # "right" comes after "left", and "r" after "l", wherever in the name they stand.
    is_left = not is_middle and name < other
    for part, words in ((0, (*ARM, "hand")), (2, (*LEG, "heel", "foot", "toe"))):
        for step, word in enumerate(words):
            if word in name:
                return part + is_left, step, joint
    # After the left leg the left of the head, and its right before the right arm: a circle.
    return 4 if is_left else 5 if is_middle else 6, 0, joint


def _strength(keypoints: Keypoints, full: float) -> NDArray[np.float64]:
    """(N, K) in [0, 1] how strongly a joint is drawn; 0 where it is missing.

    ``full``: the third number of what is drawn at full strength.
    """
    sure = np.nan_to_num(keypoints[..., 2].astype(np.float64))
    is_there = (sure > 0) & np.isfinite(keypoints[..., :2]).all(axis=-1)
    faded = _FAINTEST + (1 - _FAINTEST) * np.clip(sure / full, 0, 1)
    return np.where(is_there, faded, 0.0)


def _widths(
    keypoints: Keypoints, known: NDArray[np.bool_], size_hw: tuple[int, ...]
) -> NDArray[np.float64]:
    """(N,) half the width of each one's limbs in pixels."""
    boxes = around(keypoints, known)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    line = line_width((size_hw[0], size_hw[1]))
    return np.asarray(np.clip(sides / _SLIMNESS, max(0.9, 0.4 * line), max(2.0, 2.5 * line)))


@dataclass(frozen=True)
class _Stroke:
    """An ellipse from (2,) start to stop, or a disc where they are one.

    ``strength``: in [0, 1], of this one. ``cover``: how much of the picture its kind covers.
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    half_width: float
    strength: float
    color: Rgb
    cover: float

    def polygon(self, edge: float = 0.0) -> Points:
        """(P, 2) the corners, with an edge around."""
        along = self.stop - self.start
        half_length = float(np.hypot(*along)) / 2
        if half_length == 0:
            return self.start + _CIRCLE * (self.half_width + edge)
        unit = along / (2 * half_length)
        # A limb that is hardly longer than wide stays a limb.
        half_width = min(self.half_width, max(half_length / 2, 0.5))
        across = np.array([-unit[1], unit[0]])
        axes = np.stack([unit * (half_length + edge), across * (half_width + edge)])
        return np.asarray((self.start + self.stop) / 2 + _CIRCLE @ axes)


def _draw_one(
    image: Image,
    places: Points,
    strength: NDArray[np.float64],
    half_width: float,
    skeleton: Skeleton,
    colors: Sequence[Rgb],
) -> None:
    """Draw one person into ``image``: first a dark edge around everything, then the colours."""
    strokes = [
        *_limb_strokes(places, strength, half_width, skeleton, colors),
        *_joint_strokes(places, strength, half_width, colors),
    ]
    edge = max(0.5, half_width / 3)
    _fill(image, [(stroke.polygon(edge), stroke.strength) for stroke in strokes], BLACK, _EDGE)
    for stroke in strokes:
        _fill(image, [(stroke.polygon(), stroke.strength)], stroke.color, stroke.cover)


def _limb_strokes(
    places: Points,
    strength: NDArray[np.float64],
    half_width: float,
    skeleton: Skeleton,
    colors: Sequence[Rgb],
) -> Iterator[_Stroke]:
    for one, two, share, end in _pieces(skeleton):
        # As sure as the less sure of its ends.
        sure = min(strength[one], strength[two])
        if sure > 0:
            stop = places[one] + share * (places[two] - places[one])
            yield _Stroke(places[one], stop, half_width, sure, colors[end], _LIMB)


def _joint_strokes(
    places: Points, strength: NDArray[np.float64], half_width: float, colors: Sequence[Rgb]
) -> Iterator[_Stroke]:
    """Discs, smaller where joints are crowded, as in a face."""
    joints = np.flatnonzero(strength)
    apart = np.linalg.norm(places[joints, None] - places[joints], axis=-1)
    np.fill_diagonal(apart, np.inf)
    room = apart.min(axis=1, initial=np.inf)
    radii = np.clip(_CROWDED * room, 0.6 * half_width, _BULGE * half_width)
    for joint, radius in zip(joints.tolist(), radii.tolist(), strict=True):
        place = places[joint]
        yield _Stroke(place, place, radius, strength[joint], colors[joint], _JOINT)


def _pieces(skeleton: Skeleton) -> list[tuple[int, int, float, int]]:
    """(from joint, to joint, how far, joint whose colour it has) of each stroke for a limb.

    A limb has the colour of its outer joint; one from side to side (the shoulders) that of each
    end up to its middle.
    """
    pieces = []
    for one, two in skeleton.limbs:
        if skeleton.mirrored[one] == two:
            pieces += [(one, two, 0.5, one), (two, one, 0.5, two)]
        else:
            pieces.append((one, two, 1.0, max(one, two, key=lambda end: _outer(skeleton, end))))
    return pieces


def _outer(skeleton: Skeleton, joint: int) -> tuple[bool, tuple[int, int, int]]:
    """Grows outwards along a limb: from the middle to a side, and along the rainbow."""
    return skeleton.mirrored[joint] != joint, _rank(skeleton, joint)


def _fill(image: Image, shapes: Sequence[tuple[Points, float]], color: Rgb, cover: float) -> None:
    """Lay one colour over the union of polygons, each as strong as it says, with smooth edges."""
    if not shapes:
        return
    corners = np.concatenate([polygon for polygon, _ in shapes])
    low = np.clip(np.floor(corners.min(axis=0)) - 1, 0, image.shape[1::-1]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 2, 0, image.shape[1::-1]).astype(int)
    if (high <= low).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    # The strongest last: where polygons meet, it counts.
    for polygon, strength in sorted(shapes, key=lambda shape: shape[1]):
        seen = np.clip(polygon - low, -_FARTHEST_PX, _FARTHEST_PX)
        exact = np.rint(seen * 2**_SHIFT).astype(np.int32)
        cv2.fillConvexPoly(mask, exact, round(255 * strength), cv2.LINE_AA, _SHIFT)
    region = image[low[1] : high[1], low[0] : high[0]]
    share = mask[..., None] * np.float32(cover / 255)
    region[:] = np.rint(region + (np.array(color, np.float32) - region) * share)


def _numbered(
    image: Image,
    keypoints: Keypoints,
    known: NDArray[np.bool_],
    half_widths: NDArray[np.float64],
    ids: Sequence[int] | NDArray[np.int64],
) -> Image:
    """Print each one's number above its highest joint, inside the picture."""
    page = Pillow.fromarray(image)
    writer = ImageDraw.Draw(page)
    for index in np.flatnonzero(known.any(axis=1) & (np.asarray(ids) >= 0)).tolist()[::-1]:
        size = float(np.clip(4 * half_widths[index], 10, max(10, image.shape[0] / 15)))
        font, edge = ImageFont.load_default(size=size), max(1, round(size / 8))
        x, y = min(keypoints[index, known[index], :2].tolist(), key=lambda place: place[1])
        room = writer.textlength(str(ids[index]), font) / 2 + edge
        x = min(max(x, room), image.shape[1] - room)
        y = max(y - 3 * half_widths[index], size)
        writer.text(
            (x, y),
            str(ids[index]),
            "white",
            font,
            "mb",
            stroke_width=edge,
            stroke_fill="black",
        )
    return np.asarray(page, np.uint8)
