"""How a made-up person holds themselves: joint angles within what joints can do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pixelwise.madeup._raster import Rng

Pair = tuple[float, float]
"""Of the left and of the right."""
_AHEAD, _UP, _IN = (1.0, 0.3, 0.2), (0.3, 1.0, 0.2), (0.15, 0.1, 1.0)


@dataclass(frozen=True)
class Pose:
    """Angles in degrees, 0 = standing straight with arms down; a pair is (left, right).

    ``hip``, ``shoulder``: limb swung forward. ``spread``, ``lift``: limb away from the body
    sideways. ``knee``, ``elbow``: how far bent. ``fold``: where a bent forearm goes, as shares
    of forward, up and inward. ``lean``, ``tilt``: trunk forward, and to the left. ``twist``:
    shoulders turned against the hips. ``look``, ``nod``: head turned to the left, and down.
    ``above_ground`` is in body heights.
    """

    hip: Pair
    spread: Pair
    knee: Pair
    shoulder: Pair
    lift: Pair
    elbow: Pair
    fold: tuple[tuple[float, float, float], tuple[float, float, float]] = (_AHEAD, _AHEAD)
    lean: float = 0.0
    tilt: float = 0.0
    twist: float = 0.0
    look: float = 0.0
    nod: float = 0.0
    above_ground: float = 0.0
    is_seated: bool = False


def draw_pose(rng: Rng, variety: float) -> Pose:
    """A random pose; with little variety people mostly stand and walk."""
    lively = 0.3 + 0.7 * variety
    chances = (
        (_stand, 1.0),
        (_walk, 1.6),
        (_run, 0.9 * lively),
        (_jump, 0.6 * lively),
        (_sit, 0.8 * lively),
        (_raise, 1.0 * lively),
        (_reach, 0.7 * lively),
        (_akimbo, 0.5 * lively),
        (_crouch, 0.3 * lively),
    )
    total = sum(chance for _, chance in chances)
    kind = chances[int(rng.choice(len(chances), p=[chance / total for _, chance in chances]))][0]
    turn = float(rng.normal(0, 22)), float(rng.normal(2, 9))
    return replace(kind(rng), look=max(-60.0, min(60.0, turn[0])), nod=turn[1])


def _pair(rng: Rng, low: float, high: float) -> Pair:
    return float(rng.uniform(low, high)), float(rng.uniform(low, high))


def _stand(rng: Rng) -> Pose:
    return Pose(
        hip=_pair(rng, -5, 9),
        spread=_pair(rng, 1, 9),
        knee=_pair(rng, 0, 9),
        shoulder=_pair(rng, -12, 18),
        lift=_pair(rng, 6, 20),
        elbow=_pair(rng, 4, 45),
        lean=float(rng.normal(1, 3)),
        tilt=float(rng.normal(0, 3)),
        twist=float(rng.normal(0, 6)),
    )


def _stride(rng: Rng, swing: float, knee: Pair, elbow: Pair) -> Pose:
    """One moment of a gait: legs swing against each other, arms against the legs."""
    phase = rng.uniform(0, 2 * math.pi)
    place, speed = math.sin(phase), math.cos(phase)
    return Pose(
        hip=(swing * place + 4, -swing * place + 4),
        spread=_pair(rng, 0, 5),
        knee=(knee[0] + knee[1] * max(speed, 0.0), knee[0] + knee[1] * max(-speed, 0.0)),
        shoulder=(-swing * place, swing * place),
        lift=_pair(rng, 5, 16),
        elbow=_pair(rng, *elbow),
        twist=0.25 * swing * place,
    )


def _walk(rng: Rng) -> Pose:
    pose = _stride(rng, rng.uniform(14, 30), (7, 40), (8, 40))
    return replace(pose, lean=float(rng.uniform(0, 6)), tilt=float(rng.normal(0, 2)))


def _run(rng: Rng) -> Pose:
    pose = _stride(rng, rng.uniform(32, 52), (18, 75), (60, 105))
    airborne = max(float(rng.uniform(-0.04, 0.05)), 0.0)
    return replace(pose, lean=float(rng.uniform(5, 16)), above_ground=airborne)


def _jump(rng: Rng) -> Pose:
    return Pose(
        hip=_pair(rng, 0, 55),
        spread=_pair(rng, 4, 34),
        knee=_pair(rng, 10, 85),
        shoulder=_pair(rng, -20, 40),
        lift=_pair(rng, 50, 160),
        elbow=_pair(rng, 5, 50),
        fold=(_UP, _UP),
        lean=float(rng.normal(4, 6)),
        tilt=float(rng.normal(0, 6)),
        above_ground=float(rng.uniform(0.05, 0.2)),
    )


def _sit(rng: Rng) -> Pose:
    return Pose(
        hip=_pair(rng, 80, 92),
        spread=_pair(rng, 3, 18),
        knee=_pair(rng, 78, 98),
        shoulder=_pair(rng, 12, 45),
        lift=_pair(rng, 6, 18),
        elbow=_pair(rng, 25, 75),
        lean=float(rng.uniform(-4, 18)),
        tilt=float(rng.normal(0, 3)),
        is_seated=True,
    )


def _raise(rng: Rng) -> Pose:
    """One arm up, or both."""
    base = _walk(rng) if rng.random() < 0.4 else _stand(rng)
    lift, elbow = _pair(rng, 100, 168), _pair(rng, 4, 75)
    kind = int(rng.integers(3))
    if kind == 2:
        return replace(base, shoulder=_pair(rng, -8, 15), lift=lift, elbow=elbow, fold=(_UP, _UP))
    return replace(
        base,
        lift=_swapped(base.lift, lift, kind),
        elbow=_swapped(base.elbow, elbow, kind),
        fold=(_UP, _AHEAD) if kind == 0 else (_AHEAD, _UP),
    )


def _reach(rng: Rng) -> Pose:
    """One arm stretched out forward or sideways."""
    base, side = _stand(rng), int(rng.integers(2))
    ahead = rng.random() < 0.5
    swing, lift = (rng.uniform(55, 105), 10.0) if ahead else (5.0, rng.uniform(60, 95))
    return replace(
        base,
        shoulder=_swapped(base.shoulder, (swing, swing), side),
        lift=_swapped(base.lift, (lift, lift), side),
        elbow=_swapped(base.elbow, _pair(rng, 0, 40), side),
    )


def _akimbo(rng: Rng) -> Pose:
    base, lift = _stand(rng), _pair(rng, 38, 50)
    elbow = _pair(rng, 88, 108)
    return replace(base, shoulder=_pair(rng, -14, 0), lift=lift, elbow=elbow, fold=(_IN, _IN))


def _crouch(rng: Rng) -> Pose:
    bend = float(rng.uniform(85, 110))
    return Pose(
        hip=(bend, bend - float(rng.uniform(0, 15))),
        spread=_pair(rng, 6, 20),
        knee=(bend + float(rng.uniform(15, 30)), bend + float(rng.uniform(10, 30))),
        shoulder=_pair(rng, 20, 75),
        lift=_pair(rng, 5, 20),
        elbow=_pair(rng, 10, 60),
        lean=float(rng.uniform(18, 38)),
    )


def _swapped(pair: Pair, other: Pair, side: int) -> Pair:
    return (other[0], pair[1]) if side == 0 else (pair[0], other[1])
