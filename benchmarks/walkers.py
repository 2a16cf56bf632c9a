"""Made-up people in motion: where their joints are in every frame, and what a detector sees.

They walk by the joint angles of the made-up people (`pixelwise.madeup`); nearer ones hide those
behind them, and pillars hide everybody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._figure import Body, Stage, build, draw_body, project
from pixelwise.madeup._pose import Pose
from pixelwise.skeletons import COCO
from pixelwise.types import Category, Poses

SIZE_HW = (540, 960)
PEOPLE = (Category("background", (0, 0, 0)), Category("person", (230, 159, 0), True, COCO))
SCENES = ("passing", "pillar", "crowd", "turning", "shaking", "standing")


@dataclass(frozen=True)
class Walker:
    """Somebody who walks along the picture; lengths in pixels, times in seconds.

    ``turn_s``: when they turn round, infinity for never. ``delay_s``: when they come in.
    """

    body: Body
    height_px: float
    foot_y_px: float
    start_x_px: float
    speed_px_s: float
    pace_hz: float
    swing_deg: float
    phase: float
    turn_s: float

    def x_px(self, time_s: float) -> float:
        """Where they stand."""
        walked = min(time_s, self.turn_s) - max(time_s - self.turn_s, 0.0)
        return self.start_x_px + self.speed_px_s * walked

    def joints(self, time_s: float) -> NDArray[np.float64]:
        """(17, 2) x, y in pixels."""
        place = math.sin(2 * math.pi * self.pace_hz * time_s + self.phase)
        speed = math.cos(2 * math.pi * self.pace_hz * time_s + self.phase)
        swing, bend = self.swing_deg * place, 30 if self.swing_deg else 0
        pose = Pose(
            hip=(swing + 4, 4 - swing),
            spread=(2.0, 2.0),
            knee=(10 + bend * max(speed, 0.0), 10 + bend * max(-speed, 0.0)),
            shoulder=(-swing, swing),
            lift=(8.0, 8.0),
            elbow=(22.0, 22.0),
            lean=3.0,
            twist=0.25 * swing,
        )
        right = (self.speed_px_s > 0) == (time_s < self.turn_s)
        figure = build(self.body, pose, 75.0 if right else -75.0)
        stage = Stage((self.x_px(time_s), self.foot_y_px), self.height_px, (0.0, 0.0))
        return np.array([project(joint, stage) for joint in figure.joints])


@dataclass(frozen=True)
class Film:
    """Truth and what was seen of it.

    ``truth``: (T, P, 17, 2). ``visible``: (T, P, 17) bool. ``seen``: T `Poses`, in no order.
    ``whose``: T arrays (N,) int64: which person each pose is of, -1 for nobody.
    """

    fps: float
    truth: NDArray[np.float64]
    visible: NDArray[np.bool_]
    seen: tuple[Poses, ...]
    whose: tuple[NDArray[np.int64], ...]


def film(scene: str, seed: int, fps: float = 25, seconds: float = 8, jitter: float = 1.0) -> Film:
    """One of `SCENES`.

    Args:
        scene: people pass each other; behind a pillar, too; many of them; turning round; filmed by
            an unsteady hand; or standing still.
        seed: the same gives the same film, at every frame rate.
        fps: frames a second.
        seconds: how long it is.
        jitter: 1 = joints scatter as between human annotators (`Skeleton.sigmas`).
    """
    rng = np.random.default_rng([SCENES.index(scene), seed])
    walkers = _walkers(rng, scene, seconds)
    pillar = (430.0, 530.0) if scene == "pillar" else (0.0, 0.0)
    times = np.arange(round(seconds * fps)) / fps
    truth = np.stack([[walker.joints(time) for walker in walkers] for time in times])
    visible = np.stack([_visible(frame, walkers, pillar) for frame in truth])
    if scene == "shaking":
        truth += _hand(rng, times)[:, None, None]
    inside = ((truth >= 0) & (truth < [SIZE_HW[1], SIZE_HW[0]])).all(axis=-1)
    visible &= inside
    heights = np.array([walker.height_px for walker in walkers])
    frames = [_detect(rng, *frame, heights, jitter) for frame in zip(truth, visible, strict=True)]
    seen, whose = zip(*frames, strict=True)
    return Film(fps, truth, visible, seen, whose)


def _walkers(rng: np.random.Generator, scene: str, seconds: float) -> list[Walker]:
    count = {"crowd": 9, "turning": 4}.get(scene, int(rng.integers(3, 6)))
    found: list[Walker] = []
    while len(found) < count:
        depth = rng.uniform(0, 1)
        height = 150 + 110 * depth
        still = scene == "standing"
        speed = rng.choice([-1, 1]) * height * rng.uniform(0.55, 1.0) * (0 if still else 1)
        middle_s = rng.uniform(0.25, 0.75) * seconds
        walker = Walker(
            body=draw_body(rng, 0.6),
            height_px=height,
            foot_y_px=330 + 170 * depth,
            start_x_px=480 + rng.uniform(-120, 120) * (3 if still else 1) - speed * middle_s,
            speed_px_s=speed,
            pace_hz=rng.uniform(0.8, 1.1),
            swing_deg=0.0 if still else rng.uniform(18, 28),
            phase=rng.uniform(0, 2 * math.pi),
            turn_s=middle_s + rng.uniform(-0.5, 0.5) if scene == "turning" else math.inf,
        )
        if not any(_in_step(walker, other, middle_s) for other in found):
            found.append(walker)
    return found


def _in_step(one: Walker, other: Walker, time_s: float) -> bool:
    """Whether one walks behind the other all the way, so that nobody could tell them apart."""
    near = abs(one.x_px(time_s) - other.x_px(time_s)) < 0.4 * one.height_px
    return near and abs(one.speed_px_s - other.speed_px_s) <= 0.25 * abs(one.speed_px_s)


def _visible(
    frame: NDArray[np.float64], walkers: list[Walker], pillar: tuple[float, float]
) -> NDArray[np.bool_]:
    """(P, 17) what nobody nearer and no pillar hides."""
    seen = ~((frame[..., 0] > pillar[0]) & (frame[..., 0] < pillar[1]))
    for near, walker in enumerate(walkers):
        low, high = frame[near].min(axis=0), frame[near].max(axis=0)
        centre, half = (low[0] + high[0]) / 2, 0.11 * walker.height_px
        covered = abs(frame[..., 0] - centre) < half
        covered &= (frame[..., 1] > low[1] - 0.05 * walker.height_px) & (frame[..., 1] < high[1])
        behind = np.array([other.foot_y_px < walker.foot_y_px for other in walkers])
        seen &= ~(covered & behind[:, None])
    return seen


def _hand(rng: np.random.Generator, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 2) how far an unsteady hand moves the picture: 25 px, some turns a second."""
    rates, phases = rng.uniform(0.3, 1.6, (3, 2)), rng.uniform(0, 2 * np.pi, (3, 2))
    waves = np.sin(2 * np.pi * rates * times[:, None, None] + phases)
    return np.asarray(12.0 * waves.sum(axis=1))


def _detect(
    rng: np.random.Generator,
    truth: NDArray[np.float64],
    visible: NDArray[np.bool_],
    heights: NDArray[np.float64],
    jitter: float,
) -> tuple[Poses, NDArray[np.int64]]:
    """What a detector makes of one frame: joints scatter, are missed, guessed or mixed up."""
    spread = jitter * np.asarray(COCO.sigmas) * (heights[:, None] * math.sqrt(0.53 * 0.35))
    places = truth + spread[..., None] * rng.standard_normal(truth.shape)
    found = visible & (rng.random(visible.shape) > 0.05)
    found |= ~visible & visible.any(axis=1, keepdims=True) & (rng.random(visible.shape) < 0.15)
    found &= (found.sum(axis=1) >= 4)[:, None] & (rng.random(len(truth)) > 0.03)[:, None]
    _mix_up(rng, places, found, heights)
    whose = np.flatnonzero(found.any(axis=1))
    if rng.random() < 0.05:  # somebody where nobody is
        ghost = places[rng.integers(len(places))] + rng.normal(0, 150, 2)
        places = np.concatenate([places, ghost[None]])
        found = np.concatenate([found, rng.random((1, 17)) < 0.5])
        whose = np.append(whose, len(places) - 1)
    whose = rng.permutation(whose)
    keypoints = np.concatenate([places, found[..., None]], axis=-1)[whose].astype(np.float32)
    keypoints[keypoints[..., 2] == 0] = (np.nan, np.nan, 0)
    scores = rng.uniform(0.5, 1, len(whose)).astype(np.float32)
    is_real = whose < len(truth)
    return Poses(keypoints, scores, PEOPLE, SIZE_HW), np.where(is_real, whose, -1)


def _mix_up(
    rng: np.random.Generator,
    places: NDArray[np.float64],
    found: NDArray[np.bool_],
    heights: NDArray[np.float64],
) -> None:
    """One joint in twenty goes to the wrong one of two people who overlap; in place."""
    for one in range(len(places)):
        for other in range(one):
            apart = np.linalg.norm(places[one] - places[other], axis=-1)
            mixed = (apart < 0.15 * min(heights[one], heights[other])) & (rng.random(17) < 0.05)
            places[one, mixed], places[other, mixed] = places[other, mixed], places[one, mixed]
            found[one, mixed], found[other, mixed] = found[other, mixed], found[one, mixed]
