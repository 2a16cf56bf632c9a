"""Percentage of correct keypoints (PCK): how many joints lie near enough to the true ones.

Near enough is a share of a length of the same person (Yang & Ramanan, "Articulated Human Detection
with Flexible Mixtures of Parts", TPAMI 2013): of the torso, as Sapp & Taskar, "MODEC" (CVPR 2013)
take it, or of the head (PCKh: Andriluka et al., "2D Human Pose Estimation", CVPR 2014).

* **Torso**: the mean of the two lines from a shoulder to the hip of the other side, of those that
  are labelled. A person with neither is left out, as nothing says how long the torso is. A
  skeleton without shoulders and hips (a hand, a horse) takes the longer side of the box around the
  labelled joints, as Yang & Ramanan do.
* **Head**: from the neck to the top of the head. MPII's own code takes 0.6 times the diagonal of a
  box around the head that no joint says; numbers by that code are near these, not the same.

A joint that was not found, or whose person was not, is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.joints import around, nearness
from pixelwise.metrics import mean_of
from pixelwise.metrics.likeness import Likeness
from pixelwise.metrics.matching import Floats
from pixelwise.types import Skeleton

TORSO_SHARES = {"pck_20": 0.2, "pck_10": 0.1, "pck_05": 0.05}
HEAD_SHARES = {"pckh_50": 0.5, "pckh_10": 0.1}
ATTEMPT_OKS = 0.05
"""From this OKS on a pose is taken as an attempt at a person, and its joints are compared. That is
far below what counts as found: a bad pose must cost its bad joints alone. It is not 0: the pose of
somebody at the other end of the picture has an error that says nothing."""
COUNTS = ("labelled", "found", "error_px", "oks", "torso", "head", *TORSO_SHARES, *HEAD_SHARES)
"""What is counted of each joint; ``torso`` and ``head``: those labelled whose length is known."""
RATIOS = {
    **{name: (name, "torso") for name in TORSO_SHARES},
    **{name: (name, "head") for name in HEAD_SHARES},
    "joint_error_px": ("error_px", "found"),
    "joints_found": ("found", "labelled"),
    "joint_oks": ("oks", "labelled"),
}
"""Measure -> what is divided by what."""
_NECKS = ("upperneck", "neck", "neckbase", "thorax")
_HEAD_TOPS = ("headtop", "tophead", "topofhead", "head")


@dataclass(frozen=True)
class Rulers:
    """What distances are measured in. ``diagonals``: pairs of joints across the torso; empty where
    the box around the joints stands for it. ``head``: two joints, or None where there are none.
    """

    diagonals: tuple[tuple[int, int], ...]
    head: tuple[int, int] | None

    @classmethod
    def of(cls, joints: Sequence[str]) -> Rulers:
        """The rulers of a skeleton, by its joints' names: upper or lower case, with spaces,
        hyphens or underscores, "left" or "l".
        """
        places = {re.sub(r"[^a-z]", "", name.lower()): place for place, name in enumerate(joints)}

        def first(*names: str) -> int | None:
            return next((places[name] for name in names if name in places), None)

        ends = [
            (first(f"{a}shoulder", f"{a[0]}shoulder"), first(f"{b}hip", f"{b[0]}hip"))
            for a, b in (("left", "right"), ("right", "left"))
        ]
        diagonals = tuple((a, b) for a, b in ends if a is not None and b is not None)
        neck, top = first(*_NECKS), first(*_HEAD_TOPS)
        return cls(diagonals, None if neck is None or top is None else (neck, top))

    def torso(self, keypoints: NDArray[np.float32]) -> Floats:
        """(M,) px of people (M, K, 3); NaN where nobody knows."""
        if self.diagonals:
            return mean_of(np.stack([_length(keypoints, ends) for ends in self.diagonals]))
        box = around(keypoints, keypoints[..., 2] > 0)
        return _positive((box[:, 2:] - box[:, :2]).max(axis=1, initial=0))

    def head_px(self, keypoints: NDArray[np.float32]) -> Floats:
        """(M,) px of people (M, K, 3); NaN where nobody knows."""
        if self.head is None:
            return np.full(len(keypoints), np.nan)
        return _length(keypoints, self.head)

    def words(self, joints: Sequence[str]) -> Iterator[str]:
        """What PCK, and PCKh where there is one, are shares of."""
        lines = " and ".join(f"{joints[a]} to {joints[b]}" for a, b in self.diagonals)
        yield f"the torso ({lines})" if lines else "the longer side of the box around the joints"
        if self.head is not None:
            yield f"the head ({joints[self.head[0]]} to {joints[self.head[1]]})"


def count_joints(likeness: Likeness, skeleton: Skeleton) -> Floats:
    """(len(COUNTS), K) the `COUNTS` of one picture: sums over the people who count."""
    truth = likeness.people.keypoints[likeness.people.is_labelled]
    apart_px = _distances(likeness)
    known, is_found = truth[..., 2] > 0, ~np.isnan(apart_px)
    rulers = Rulers.of(skeleton.joints)
    torso, head = rulers.torso(truth)[:, None], rulers.head_px(truth)[:, None]
    areas = likeness.people.areas_px[likeness.people.is_labelled, None]
    columns = [
        known,
        is_found,
        np.nan_to_num(apart_px),
        np.nan_to_num(nearness(apart_px**2, areas, skeleton.sigmas)),
        known & ~np.isnan(torso),
        known & ~np.isnan(head),
        *(apart_px <= share * torso for share in TORSO_SHARES.values()),
        *(apart_px <= share * head for share in HEAD_SHARES.values()),
    ]
    return np.stack([column.sum(axis=0, dtype=np.float64) for column in columns])


def _distances(likeness: Likeness) -> Floats:
    """(M, K) px from each labelled joint of those who count to where it was found, or NaN."""
    truth = likeness.people.keypoints.astype(np.float64)
    rows, columns = likeness.pairs(ATTEMPT_OKS)
    found = np.full_like(truth[..., :2], np.nan)
    found[rows] = likeness.keypoints[columns, :, :2]
    found[truth[..., 2] == 0] = np.nan
    distances = np.linalg.norm(found - truth[..., :2], axis=-1)
    return np.asarray(distances[likeness.people.is_labelled])


def _length(keypoints: NDArray[np.float32], ends: tuple[int, int]) -> Floats:
    """(M,) px between two joints; NaN unless both are labelled, at two places."""
    a, b = (keypoints[:, end].astype(np.float64) for end in ends)
    known = (a[:, 2] > 0) & (b[:, 2] > 0)
    return np.where(known, _positive(np.linalg.norm(a[:, :2] - b[:, :2], axis=1)), np.nan)


def _positive(lengths: Floats) -> Floats:
    return np.where(lengths > 0, lengths, np.nan)
