"""How often people are confused who pass, cross and hide each other; and how calm joints get.

    python benchmarks/following.py              who is who
    python benchmarks/following.py --smoothing  shaking against lag

Made-up people (`walkers.py`), 8 seconds a film. Counted as in the CLEAR MOT metrics (Bernardin and
Stiefelhagen 2008): an id switch where a person carries another id than before; MOTA = 1 - (poses
without an id + ids on nobody + switches) / poses. IDF1 (Ristani et al. 2016): the share of poses
whose id is the one that fits that person best through the film. The pairing with the truth is known
from making it up.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pixelwise import tracking
from pixelwise.joints import around
from pixelwise.skeletons import COCO
from pixelwise.smoothing import OneEuro
from walkers import SCENES, Film, film

Follow = Callable[[Film], list[NDArray[np.int64]]]


@dataclass
class Tally:
    """Sums over films."""

    poses: int = 0
    without: int = 0
    ghosts: int = 0
    switches: int = 0
    fitting: int = 0
    given: int = 0

    def add(self, shot: Film, ids: list[NDArray[np.int64]]) -> None:
        """Count one film."""
        last: dict[int, int] = {}
        together: dict[tuple[int, int], int] = {}
        for whose, given in zip(shot.whose, ids, strict=True):
            for person, number in zip(whose.tolist(), given.tolist(), strict=True):
                self.given += number > 0
                if person < 0:
                    self.ghosts += number > 0
                    continue
                self.poses += 1
                if number < 0:
                    self.without += 1
                    continue
                self.switches += last.get(person, number) != number
                last[person] = number
                together[person, number] = together.get((person, number), 0) + 1
        self.fitting += _best(together)

    @property
    def mota(self) -> float:
        """At most 1."""
        return 1 - (self.without + self.ghosts + self.switches) / self.poses

    @property
    def idf1(self) -> float:
        """In [0, 1]."""
        return 2 * self.fitting / (self.poses + self.given)


def _best(together: dict[tuple[int, int], int]) -> int:
    """How many poses carry their person's id, each id going to one person and back."""
    people = sorted({person for person, _ in together})
    numbers = sorted({number for _, number in together})
    table = np.zeros((len(people), len(numbers)))
    for (person, number), count in together.items():
        table[people.index(person), numbers.index(number)] = count
    return int(table[linear_sum_assignment(-table)].sum())


def ours(shot: Film) -> list[NDArray[np.int64]]:
    """`pixelwise.tracking`."""
    follow = tracking.Tracker(COCO, shot.fps, smooth=False)
    found = [follow(poses).ids for poses in shot.seen]
    return [ids for ids in found if ids is not None]


def by_boxes(shot: Film) -> list[NDArray[np.int64]]:
    """The overlap of boxes with the last frame's, assigned at once; waits a second."""
    return _plain(shot, _overlaps, 0.3)


def by_centers(shot: Film) -> list[NDArray[np.int64]]:
    """The nearest middle of the last frame's boxes; waits a second."""
    return _plain(shot, _nearness, -1.0)


def _plain(shot: Film, alike: Callable[[Any, Any], Any], least: float) -> list[NDArray[np.int64]]:
    boxes: dict[int, NDArray[np.float64]] = {}
    seen: dict[int, int] = {}
    found, following = [], 1
    for time, poses in enumerate(shot.seen):
        here = around(poses.keypoints, poses.found)
        numbers = [number for number in boxes if time - seen[number] <= shot.fps]
        ids = np.full(len(poses), 0)
        if numbers and len(poses):
            table = alike(np.stack([boxes[number] for number in numbers]), here)
            for row, column in zip(*linear_sum_assignment(-table), strict=True):
                ids[column] = numbers[row] if table[row, column] >= least else 0
        for place in np.flatnonzero(ids == 0):
            ids[place], following = following, following + 1
        for number, box in zip(ids.tolist(), here, strict=True):
            boxes[number], seen[number] = box, time
        found.append(ids)
    return found


def _overlaps(before: NDArray[np.float64], here: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.maximum(before[:, None, :2], here[None, :, :2])
    high = np.minimum(before[:, None, 2:], here[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    areas = [np.maximum(box[:, 2:] - box[:, :2], 1).prod(axis=-1) for box in (before, here)]
    return np.asarray(shared / (areas[0][:, None] + areas[1] - shared))


def _nearness(before: NDArray[np.float64], here: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the distance of the middles, in the height of the earlier box."""
    middles = [(box[:, :2] + box[:, 2:]) / 2 for box in (before, here)]
    apart = np.linalg.norm(middles[0][:, None] - middles[1], axis=-1)
    return np.asarray(-apart / np.maximum(before[:, 3] - before[:, 1], 1)[:, None])


@contextmanager
def set_to(**values: Any) -> Iterator[None]:
    """Constants of `pixelwise.tracking`, for as long as this is open."""
    before = {name: getattr(tracking, name) for name in values}
    for name, value in values.items():
        setattr(tracking, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(tracking, name, value)


CHANGES: dict[str, dict[str, Any]] = {
    "": {},
    "memory 0.2 s": {"_MEMORY_S": 0.2},
    "memory 0.6 s, 15": {"_MEMORY_S": 0.6, "_MEMORY": 15},
    "least 0.02": {"_LEAST": 0.02},
    "least 0.1": {"_LEAST": 0.1},
    "least 0.3": {"_LEAST": 0.3},
    "forget 0.3 s": {"_FORGET_S": 0.3},
    "forget 2 s": {"_FORGET_S": 2.0},
    "standing still": {"_FADE_S": 0.001},
    "fade 1 s": {"_FADE_S": 1.0},
    "drift 0": {"_DRIFT": 0.0},
    "drift 1": {"_DRIFT": 1.0},
    "drift 4": {"_DRIFT": 4.0},
    "1 joint": {"_FEWEST_JOINTS": 1},
    "confirm 1": {"_CONFIRM": 1},
}


def measure(follow: Follow, films: list[Film]) -> Tally:
    """Over all films."""
    tally = Tally()
    for shot in films:
        tally.add(shot, follow(shot))
    return tally


def _row(name: str, tallies: list[Tally]) -> str:
    counts = " ".join(f"{tally.switches:9d}" for tally in tallies)
    poses = sum(tally.poses for tally in tallies)
    mota = sum(tally.mota * tally.poses for tally in tallies) / poses
    idf1 = sum(tally.idf1 * tally.poses for tally in tallies) / poses
    switches = sum(tally.switches for tally in tallies)
    return f"{name:22s} {counts} {switches:9d} {mota:7.3f} {idf1:7.3f}"


def who_is_who(count: int, fps: float, jitter: float, changes: bool) -> None:
    """Print the table."""
    films = {
        scene: [film(scene, seed, fps, jitter=jitter) for seed in range(count)]
        for scene in SCENES
        if scene != "standing"
    }
    poses = sum(len(each) for shots in films.values() for shot in shots for each in shot.seen)
    print(f"{count} films a scene, {fps:g} frames a second, {poses} poses, scatter {jitter:g}")
    print(f"{'id switches':22s} {' '.join(f'{scene:>9s}' for scene in films)}", end=" ")
    print(f"{'all':>9s} {'MOTA':>7s} {'IDF1':>7s}")
    for name, follow in {"nearest box": by_centers, "overlap of boxes": by_boxes}.items():
        print(_row(name, [measure(follow, shots) for shots in films.values()]))
    for name, change in CHANGES.items() if changes else [("", {})]:
        with set_to(**change):
            row = _row(f"ours{', ' * bool(name)}{name}", [measure(ours, s) for s in films.values()])
            print(row, flush=True)


def _smoothed(shot: Film, make: Callable[[], Any]) -> NDArray[np.float64]:
    """(T, P, 17, 2) what a filter makes of each person's joints, NaN where they were not found."""
    out = np.full(shot.truth.shape, np.nan)
    filters: dict[int, Any] = {}
    for time, (poses, whose) in enumerate(zip(shot.seen, shot.whose, strict=True)):
        for person, pose in zip(whose.tolist(), poses.keypoints, strict=True):
            if person >= 0:
                smooth = filters.setdefault(person, make())
                out[time, person] = smooth(pose[:, :2], time / shot.fps, _size(shot, person))
    return out


def _size(shot: Film, person: int) -> float:
    """The root of a person's area, as the tracker takes it."""
    sides = np.ptp(shot.truth[:, person], axis=1)
    return float(np.sqrt(0.53 * sides.prod(axis=1)).mean())


class Raw:
    """As it comes."""

    def __call__(self, xy: Any, time_s: float, size_px: float) -> Any:
        """The same."""
        return xy


class Mean:
    """The mean of the last few frames."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.last: list[Any] = []

    def __call__(self, xy: Any, time_s: float, size_px: float) -> Any:
        """NaN where the joint is not in this frame."""
        self.last = [*self.last, xy][-self.count :]
        known = np.isfinite(self.last).sum(axis=0)
        mean = np.nansum(self.last, axis=0) / np.maximum(known, 1)
        return np.where(np.isfinite(xy), mean, np.nan)


def shaking_and_lag(count: int, fps: float, jitter: float) -> None:
    """Print error, shaking and lag of the filters."""
    walking, standing = (
        [film(scene, seed, fps, jitter=jitter) for seed in range(count)]
        for scene in ("passing", "standing")
    )
    filters: dict[str, Callable[[], Any]] = {
        "raw": Raw,
        **{f"mean of {count}": (lambda count=count: Mean(count)) for count in (2, 3, 5, 9)},
    }
    for cutoff in (0.5, 1.0, 2.0):
        for slope in (0.0, 0.5, 1.0, 1.5, 2.5, 5.0):
            filters[f"one euro {cutoff:g} {slope:g}"] = lambda cutoff=cutoff, slope=slope: OneEuro(
                cutoff, slope
            )
    print(f"scatter {jitter:g}; hundredths of the person's size; lag of the fastest quarter in ms")
    print(f"{'':20s} {'walking':>7s} {'fast':>7s} {'shake':>7s} {'lag':>5s}", end=" ")
    print(f"{'standing':>8s} {'shake':>7s}")
    for name, make in filters.items():
        print(f"{name:20s} {_moving(walking, make)} {_still(standing, make)}", flush=True)


def _all_errors(shots: list[Film], make: Callable[[], Any]) -> list[NDArray[np.float64]]:
    rows = [_errors(shot, _smoothed(shot, make)) for shot in shots]
    return [np.concatenate(part) for part in zip(*rows, strict=True)]


def _moving(shots: list[Film], make: Callable[[], Any]) -> str:
    error, speed, shake, along = _all_errors(shots, make)
    fast = speed > np.quantile(speed, 0.75)
    lag_ms = 1000 * -np.sum(along[fast] * speed[fast]) / np.sum(speed[fast] ** 2)
    parts = (error.mean(), error[fast].mean(), np.nanmean(shake))
    return f"{' '.join(f'{100 * value:7.2f}' for value in parts)} {lag_ms:5.0f}"


def _still(shots: list[Film], make: Callable[[], Any]) -> str:
    error, _, shake, _ = _all_errors(shots, make)
    return f"{100 * error.mean():8.2f} {100 * np.nanmean(shake):7.2f}"


def _errors(shot: Film, out: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Of every found joint of every frame: distance to the truth, the truth's speed a second, the
    change of the error from frame to frame, and the error along the motion; in sizes."""
    sizes = np.array([_size(shot, person) for person in range(out.shape[1])])[:, None, None]
    off = (out - shot.truth) / sizes
    velocity = np.gradient(shot.truth / sizes, 1 / shot.fps, axis=0)
    speed = np.linalg.norm(velocity, axis=-1)
    along = (off * velocity).sum(axis=-1) / np.maximum(speed, 1e-9)
    shake = np.linalg.norm(np.diff(off, axis=0, prepend=np.nan), axis=-1)
    error = np.linalg.norm(off, axis=-1)
    # Joints mixed up between two people are the assembly's error, not the filter's.
    kept = np.isfinite(error) & shot.visible & (error < 0.5)
    return error[kept], speed[kept], shake[kept], along[kept]


def main() -> None:
    """Both tables are for people to read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=10, help="of each scene")
    parser.add_argument("--fps", type=float, default=25)
    parser.add_argument("--scatter", type=float, default=1.0, help="1 = as between annotators")
    parser.add_argument("--smoothing", action="store_true")
    parser.add_argument("--changes", action="store_true", help="also with other constants")
    asked = parser.parse_args()
    if asked.smoothing:
        shaking_and_lag(asked.films, asked.fps, asked.scatter)
    else:
        who_is_who(asked.films, asked.fps, asked.scatter, asked.changes)


if __name__ == "__main__":
    main()
