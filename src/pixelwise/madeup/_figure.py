"""A body in a pose, turned to a direction: where its joints are, in three dimensions.

x is to the picture's right, y down, z towards the viewer; lengths are in body heights, and the
ground is at y = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._pose import Pose
from pixelwise.madeup._raster import Rng, Xy
from pixelwise.skeletons import COCO

Vector = NDArray[np.float64]
"""(3,) x, y, z."""
LEFT, RIGHT = 0, 1
# Feet that are further from the viewer stand higher in the picture: the camera looks down.
_CAMERA_PITCH = 0.16


@dataclass(frozen=True)
class Body:
    """Proportions in body heights: lengths, half widths and the radii of limbs."""

    thigh: float
    shin: float
    trunk: float
    neck: float
    upper_arm: float
    forearm: float
    shoulder: float
    hip: float
    head: float
    girth: float


@dataclass(frozen=True)
class Axes:
    """Unit vectors of a body or a head: to its own left, up, and forward."""

    left: Vector
    up: Vector
    ahead: Vector


@dataclass(frozen=True)
class Figure:
    """Joints in COCO's order, (17, 3), and what else is drawn.

    ``hands``, ``toes`` and ``heels`` are the left's and the right's.
    """

    body: Body
    joints: NDArray[np.float64]
    neck: Vector
    pelvis: Vector
    head: Vector
    face: Axes
    chest: Axes
    hands: tuple[Vector, Vector]
    heels: tuple[Vector, Vector]
    toes: tuple[Vector, Vector]

    def joint(self, name: str) -> Vector:
        """(3,) one joint by its name in COCO."""
        found: Vector = self.joints[COCO.joints.index(name)]
        return found


@dataclass(frozen=True)
class Stage:
    """Where a thing stands and how it is lit.

    ``foot``: its place on the ground, in subsamples. ``height``: a body height there, in
    subsamples. ``light``: direction towards the lamp, (x, y), at most about 0.7 long.
    """

    foot: Xy
    height: float
    light: Xy


def draw_body(rng: Rng, variety: float) -> Body:
    """Slim or broad, long-legged or not, now and then a child with its larger head."""
    spread = 0.35 + 0.65 * variety
    legs = 1 + spread * rng.uniform(-0.06, 0.06)
    is_child = rng.random() < 0.2 * variety
    head = 0.066 * (1 + spread * rng.uniform(-0.06, 0.1)) * (1.25 if is_child else 1.0)
    return Body(
        thigh=0.245 * legs,
        shin=0.240 * legs,
        trunk=0.285 - 0.3 * (legs - 1),
        neck=0.045,
        upper_arm=0.170 * (1 + spread * rng.uniform(-0.05, 0.05)),
        forearm=0.148 * (1 + spread * rng.uniform(-0.05, 0.05)),
        shoulder=0.108 * (1 + spread * rng.uniform(-0.12, 0.14)),
        hip=0.060 * (1 + spread * rng.uniform(-0.1, 0.2)),
        head=head,
        girth=1 + spread * rng.uniform(-0.16, 0.32),
    )


def draw_direction(rng: Rng) -> float:
    """Degrees from facing the viewer, positive towards the picture's right."""
    kind = rng.random()
    if kind < 0.38:
        return float(rng.normal(0, 22))
    if kind < 0.58:
        return float(rng.normal(180, 22))
    if kind < 0.88:
        return float(rng.choice([-1, 1]) * rng.normal(80, 20))
    return float(rng.uniform(-180, 180))


def build(body: Body, pose: Pose, direction_deg: float) -> Figure:
    """Put a body into a pose; its lowest point stands on the ground, or above it in a jump."""
    hips = _turned(Axes(*np.eye(3)), direction_deg)
    hips = Axes(hips.left, np.array([0.0, -1.0, 0.0]), hips.ahead)
    chest = _leaning(_turned(hips, pose.twist), pose.lean, pose.tilt)
    face = _nodding(_turned(chest, pose.look), pose.nod)
    pelvis = np.zeros(3)
    neck = pelvis + body.trunk * chest.up
    head = neck + (body.neck + body.head) * face.up + 0.018 * face.ahead
    arms = [_arm(body, pose, chest, neck, side) for side in (LEFT, RIGHT)]
    legs = [_leg(body, pose, hips, pelvis, side) for side in (LEFT, RIGHT)]
    pairs = [*_ends(head, face, body.head), *zip(*arms, strict=True), *zip(*legs, strict=True)]
    eyes, ears, shoulders, elbows, wrists, hands, thighs, knees, ankles, heels, toes = pairs
    nose = head + body.head * (1.0 * face.ahead - 0.12 * face.up)
    kept = (eyes, ears, shoulders, elbows, wrists, thighs, knees, ankles)
    joints = np.stack([nose, *(point for pair in kept for point in pair)])
    lowest = max(float(point[1]) for point in (*heels, *toes))
    down = np.array([0.0, -lowest - pose.above_ground - 0.012, 0.0])
    return Figure(
        body=body,
        joints=joints + down,
        neck=neck + down,
        pelvis=pelvis + down,
        head=head + down,
        face=face,
        chest=chest,
        hands=(hands[0] + down, hands[1] + down),
        heels=(heels[0] + down, heels[1] + down),
        toes=(toes[0] + down, toes[1] + down),
    )


def project(point: Vector, stage: Stage) -> Xy:
    """Where a point, (3,) in body heights, is in the picture, in subsamples."""
    return (
        stage.foot[0] + stage.height * float(point[0]),
        stage.foot[1] + stage.height * (float(point[1]) + _CAMERA_PITCH * float(point[2])),
    )


def _turned(axes: Axes, angle_deg: float) -> Axes:
    """Turned about the axis that points up, towards the own left."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return Axes(cos * axes.left - sin * axes.ahead, axes.up, cos * axes.ahead + sin * axes.left)


def _leaning(axes: Axes, forward_deg: float, left_deg: float) -> Axes:
    bent = _nodding(axes, forward_deg)
    cos, sin = math.cos(math.radians(left_deg)), math.sin(math.radians(left_deg))
    return Axes(cos * bent.left - sin * bent.up, cos * bent.up + sin * bent.left, bent.ahead)


def _nodding(axes: Axes, forward_deg: float) -> Axes:
    cos, sin = math.cos(math.radians(forward_deg)), math.sin(math.radians(forward_deg))
    return Axes(axes.left, cos * axes.up + sin * axes.ahead, cos * axes.ahead - sin * axes.up)


def _ends(head: Vector, face: Axes, radius: float) -> list[tuple[Vector, Vector]]:
    """Eyes and ears, left and right."""
    eye, brow = radius * 0.36 * face.left, radius * (0.82 * face.ahead + 0.16 * face.up)
    ear = radius * 0.86 * face.left
    return [(head + brow + eye, head + brow - eye), (head + ear, head - ear)]


def _hanging(axes: Axes, forward_deg: float, outward_deg: float, outward: Vector) -> Vector:
    """A unit vector down, swung forward, then outward."""
    forward, aside = math.radians(forward_deg), math.radians(outward_deg)
    swung = -math.cos(forward) * axes.up + math.sin(forward) * axes.ahead
    found: Vector = math.cos(aside) * swung + math.sin(aside) * outward
    return found


def _arm(body: Body, pose: Pose, chest: Axes, neck: Vector, side: int) -> tuple[Vector, ...]:
    """Shoulder, elbow, wrist, and the middle of the hand."""
    outward = chest.left if side == LEFT else -chest.left
    shoulder = neck + body.shoulder * outward - 0.022 * chest.up
    upper = _hanging(chest, pose.shoulder[side], pose.lift[side], outward)
    ahead, up, inward = pose.fold[side]
    towards = ahead * chest.ahead + up * chest.up - inward * outward
    towards = towards - (towards * upper).sum() * upper
    towards = towards / max(math.sqrt(float((towards * towards).sum())), 1e-6)
    bend = math.radians(pose.elbow[side])
    lower = math.cos(bend) * upper + math.sin(bend) * towards
    elbow = shoulder + body.upper_arm * upper
    wrist = elbow + body.forearm * lower
    return shoulder, elbow, wrist, wrist + 0.038 * lower


def _leg(body: Body, pose: Pose, hips: Axes, pelvis: Vector, side: int) -> tuple[Vector, ...]:
    """Hip, knee, ankle, heel, and tip of the toes."""
    outward = hips.left if side == LEFT else -hips.left
    hip = pelvis + body.hip * outward
    spread = pose.spread[side]
    knee = hip + body.thigh * _hanging(hips, pose.hip[side], spread, outward)
    swing = pose.hip[side] - pose.knee[side]
    ankle = knee + body.shin * _hanging(hips, swing, 0.6 * spread, outward)
    # A foot that bears weight is flat; one in the air follows the shin.
    pitch = math.radians(0.0 if abs(swing) < 28 else 0.8 * swing)
    along = math.cos(pitch) * hips.ahead + math.sin(pitch) * hips.up + 0.15 * outward
    down = -math.cos(pitch) * hips.up + math.sin(pitch) * hips.ahead
    sole = ankle + 0.026 * down
    return hip, knee, ankle, sole - 0.022 * along, sole + 0.085 * along
