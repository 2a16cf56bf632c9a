"""Who is who in the next frame: poses followed through a video.

A person's next pose is the one most like where they would be by now, by object keypoint
similarity (OKS, see `joints.similarity`), all people assigned at once. The frame-by-frame
assignment is that of Bewley et al., "Simple online and realtime tracking" (ICIP 2016), with OKS in
the place of the overlap of boxes.

    tracker = Tracker(skeleton, fps=25)
    for frame in read_frames("clip.mp4"):
        poses = tracker(load(run)(frame.image))      # the same, with ids
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pixelwise.joints import BOX_SHARE, Keypoints, around, similarity
from pixelwise.smoothing import OneEuro
from pixelwise.types import PixelwiseError, Poses, Skeleton

# All chosen on made-up people who pass, cross and hide each other: `benchmarks/following.py`.
# Two poses that are less alike than this are never one person.
_LEAST = 0.05
# A person's poses of so long, at most so many of them, are compared with and give the velocity.
_MEMORY_S, _MEMORY = 0.4, 12
# A person out of sight is waited for so long.
_FORGET_S = 1.0
# Nobody walks on for ever behind a tree: the velocity fades with this time constant.
_FADE_S = 2.0
# What is not known about where somebody went, in sizes of the person for each second.
_DRIFT = 2.0
# Nobody is alike by one or two joints.
_FEWEST_JOINTS = 3
# Seen in so many frames, or for so long, a pose is somebody.
_CONFIRM, _CONFIRM_S = 3, 0.1


@dataclass(eq=False)
class _Person:
    """Somebody who is followed; ``number`` None while it may have been a mistake."""

    number: int | None
    since_s: float
    smooth: OneEuro
    seen: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=_MEMORY))
    poses: deque[Keypoints] = field(default_factory=lambda: deque(maxlen=_MEMORY))
    area_px: float = 0.0
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def add(self, pose: Keypoints, area_px: float, time_s: float) -> None:
        """They were seen."""
        while self.times and self.times[0] < time_s - _MEMORY_S:
            self.times.popleft(), self.poses.popleft()
        if self.poses:
            moved = (pose - self.poses[0])[_both(pose, self.poses[0])][:, :2]
            if len(moved):
                self.velocity = np.median(moved, axis=0) / (time_s - self.times[0])
        self.times.append(time_s)
        self.poses.append(pose)
        # Somebody half hidden is not smaller.
        self.area_px = max(area_px, 0.9 * self.area_px)
        self.seen += 1

    def at(self, time_s: float) -> NDArray[np.float64]:
        """(R, K, 3) their latest poses, each moved to where it would be by now."""
        ages = time_s - np.array(self.times)
        reach = _FADE_S * -np.expm1(-ages / _FADE_S)
        moved = np.stack(self.poses).astype(np.float64)
        moved[..., :2] += (reach[:, None] * self.velocity)[:, None]
        return moved

    def room_px(self, time_s: float) -> float:
        """Their area, the larger the longer they were out of sight: so much less is known."""
        return self.area_px * (1 + _DRIFT * (time_s - self.times[-1])) ** 2


class Tracker:
    """Gives the poses of each frame the ids of the people they belong to.

    Holds who was seen in the last second: one object for each video, frames in order.

    Args:
        skeleton: whose joints they are.
        fps: frames a second.
        smooth: also take the shaking out of the joints, see `smoothing.OneEuro`.
    """

    def __init__(self, skeleton: Skeleton, fps: float, *, smooth: bool = True) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise PixelwiseError(f"Frames a second are a number above 0, not {fps}.")
        self._sigmas = skeleton.sigmas
        self._step_s = 1 / fps
        self._smooth = smooth
        self._people: list[_Person] = []
        self._next = 1
        self._time_s: float | None = None

    def __call__(self, poses: Poses, time_s: float | None = None) -> Poses:
        """The next frame's poses, with ``ids``: 1, 2, 3 in the order people were first seen.

        A pose that has not been there for long enough to be somebody has the id -1; in the first
        frame everybody is.

        Args:
            poses: of the frame; K joints as in the skeleton.
            time_s: of the frame, where the frame rate varies; None: one frame after the last.

        Raises:
            PixelwiseError: another number of joints, or a time that is not after the last.
        """
        now = self._clock(time_s)
        if poses.keypoints.shape[1] != len(self._sigmas):
            raise PixelwiseError(
                f"The skeleton has {len(self._sigmas)} joints, and the poses have "
                f"{poses.keypoints.shape[1]}: give the skeleton of the run that found them."
            )
        is_first, self._time_s = self._time_s is None, now
        self._people = [person for person in self._people if self._is_kept(person, now)]
        areas = _areas(poses.keypoints)
        owners = self._owners(poses.keypoints, areas, now)
        for owner, pose, area in zip(owners, poses.keypoints, areas, strict=True):
            owner.add(pose, float(area), now)
            if owner.number is None and (is_first or _is_sure(owner, now)):
                owner.number, self._next = self._next, self._next + 1
        ids = np.array([owner.number or -1 for owner in owners], np.int64)
        return replace(poses, keypoints=self._smoothed(owners, poses.keypoints, now), ids=ids)

    def _clock(self, time_s: float | None) -> float:
        """The frame's time, after the last one's."""
        if time_s is None:
            return 0.0 if self._time_s is None else self._time_s + self._step_s
        if self._time_s is not None and not time_s > self._time_s:
            raise PixelwiseError(
                f"A frame at {time_s:g} s cannot follow one at {self._time_s:g} s: give frames in "
                "order, and each video a Tracker of its own."
            )
        return time_s

    def _is_kept(self, person: _Person, now: float) -> bool:
        """Whether somebody may still come back; what was there once or twice must do so at once."""
        patience_s = _FORGET_S if person.number is not None else 2 * self._step_s
        return now - person.times[-1] < patience_s + self._step_s / 2

    def _owners(
        self, keypoints: Keypoints, areas: NDArray[np.float64], now: float
    ) -> list[_Person]:
        """Whose each pose is: somebody who is known, or somebody new, who joins the people."""
        owners = [_Person(None, now, OneEuro()) for _ in keypoints]
        if self._people and len(keypoints):
            alike = self._alike(keypoints, areas, now)
            for row, column in zip(*linear_sum_assignment(-alike), strict=True):
                if alike[row, column] >= _LEAST:
                    owners[column] = self._people[row]
        self._people += [owner for owner in owners if owner not in self._people]
        return owners

    def _alike(
        self, keypoints: Keypoints, areas: NDArray[np.float64], now: float
    ) -> NDArray[np.float64]:
        """(people, poses) OKS, the mean of both directions, with the best of each one's latest."""
        latest = [person.at(now) for person in self._people]
        counts = [len(poses) for poses in latest]
        expected = np.concatenate(latest)
        room = np.repeat([person.room_px(now) for person in self._people], counts)
        there = _common(expected, room, keypoints, self._sigmas)
        back = _common(keypoints, areas, expected, self._sigmas).T
        starts = np.cumsum([0, *counts[:-1]])
        best: NDArray[np.float64] = np.maximum.reduceat((there + back) / 2, starts, axis=0)
        # Below the threshold all are equally unlike: none may decide whose another pose is.
        return np.where(best >= _LEAST, best, 0.0)

    def _smoothed(self, owners: list[_Person], keypoints: Keypoints, now: float) -> Any:
        if not self._smooth:
            return keypoints
        smoothed = keypoints.copy()
        for pose, owner in zip(smoothed, owners, strict=True):
            pose[:, :2] = owner.smooth(pose[:, :2], now, math.sqrt(owner.area_px))
        return smoothed


def _areas(keypoints: Keypoints) -> NDArray[np.float64]:
    """(N,) of the share of the box around the joints that people fill, at least a pixel."""
    boxes = around(keypoints, keypoints[..., 2] > 0)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    return np.asarray(BOX_SHARE * sides.prod(axis=1))


def _common(
    ours: Keypoints, areas: NDArray[np.float64], others: Keypoints, sigmas: tuple[float, ...]
) -> NDArray[np.float64]:
    """(M, N) OKS over the joints found in both; 0 where these are too few to tell."""
    known, there = ours[..., 2] > 0, others[..., 2] > 0
    both = known.astype(np.float64) @ there.T.astype(np.float64)
    # `similarity` divides by the joints that are known in one of the two.
    summed = similarity(ours, areas, others, sigmas) * known.sum(axis=1)[:, None]
    enough = both >= min(_FEWEST_JOINTS, len(sigmas))
    return np.where(enough, summed / np.maximum(both, 1), 0.0)


def _both(one: Keypoints, other: Keypoints) -> NDArray[np.bool_]:
    """(K,) which joints were found in both poses."""
    return np.asarray((one[:, 2] > 0) & (other[:, 2] > 0))


def _is_sure(person: _Person, now: float) -> bool:
    return person.seen >= _CONFIRM or (person.seen > 1 and now - person.since_s >= _CONFIRM_S)
