"""From heatmaps and part-affinity fields to people.

Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
TPAMI 2019, section 3: the tops of the heatmaps are joints (`pixelwise.maps.peaks`), pairs of them
that a field connects are limbs (`pixelwise.tasks._links`), and people are what limbs connect
(`pixelwise.tasks._parts`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, logit

from pixelwise.limbs import Limbs
from pixelwise.maps import peaks
from pixelwise.tasks._links import Links, find_links
from pixelwise.tasks._parts import put_together

# A top this sure is a joint, and of each kind at most so many are: where hundreds of tops are on a
# map, most are noise.
THRESHOLD, _MOST_TOPS = 0.1, 200


def assemble(
    joint: NDArray[np.float32], limb: NDArray[np.float32], limbs: Limbs, prior: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The people in the maps of one picture.

    Args:
        joint: (K, h, w) logits, less ``prior``.
        limb: (2 L, h, w) y and x of each limb's direction in turn.
        limbs: L of them, from 0 on; a joint without any is someone by itself.
        prior: what to add to the logits.

    Returns:
        (N, K, 3) float32: x and y in map pixels (pixel i covers [i, i + 1)), and the joint's
        probability; NaN, NaN, 0 where it was not found. (N,) float32 in [0, 1], the surest first:
        the mean over all joints and limbs of their probability, and of how far the field agrees
        with them; those that were not found count as 0.
    """
    kind, xy, heights = peaks(
        joint,
        float(logit(THRESHOLD)) - prior,
        most=_MOST_TOPS,
        # A Gaussian's logit is no parabola; the logarithm of its probability is.
        curve=lambda logits: log_expit(logits + prior),
    )
    if not len(kind):
        return np.zeros((0, len(joint), 3), np.float32), np.zeros(0, np.float32)
    links = find_links(kind, xy, limb, limbs)
    people = put_together(kind, xy, links, limbs)
    has = np.zeros((len(people), len(kind)), np.bool_)
    for person, tops in zip(has, people, strict=True):
        person[tops] = True
    keypoints = np.full((len(people), len(joint), 3), (np.nan, np.nan, 0), np.float32)
    number, top = np.nonzero(has)
    keypoints[number, kind[top], :2] = xy[top]
    keypoints[number, kind[top], 2] = np.exp(np.minimum(heights[top], 0))
    scores = _scores(keypoints, has, links, len(limbs))
    order = np.argsort(-scores, kind="stable")
    return keypoints[order], scores[order]


def _scores(
    keypoints: NDArray[np.float32], has: NDArray[np.bool_], links: Links, num_limbs: int
) -> NDArray[np.float32]:
    """(N,) how sure each person is as a whole.

    Args:
        keypoints: (N, K, 3).
        has: (N, T) whose the tops are.
        links: between them.
        num_limbs: of the skeleton.
    """
    limbs = (has[:, links.start] & has[:, links.end]).astype(np.float32)
    sure = keypoints[..., 2].sum(axis=1) + limbs @ links.score
    return np.asarray(sure / np.float32(keypoints.shape[1] + num_limbs), np.float32)
