"""Skeletons: the known ones hold together, and limbs that are missing are found."""

import numpy as np
import pytest

from pixelwise import skeletons
from pixelwise.skeletons import connected, known, mirrored, sigmas_of
from pixelwise.types import Skeleton

KNOWN = [skeletons.COCO, skeletons.CROWDPOSE, skeletons.LSP, skeletons.MPII, skeletons.AIC]


def parts(skeleton: Skeleton) -> int:
    """How many pieces the joints fall into."""
    place = list(range(len(skeleton.joints)))
    for one, other in skeleton.limbs:
        place = [place[one] if each == place[other] else each for each in place]
    return len(set(place))


def mirror_image(skeleton: Skeleton, limb: tuple[int, int]) -> frozenset[int]:
    return frozenset(skeleton.mirrored[end] for end in limb)


def bare(joints: tuple[str, ...], limbs: tuple[tuple[int, int], ...] = ()) -> Skeleton:
    return Skeleton(joints, limbs, mirrored(joints), (0.05,) * len(joints))


def people(joints: int, count: int = 40, seed: int = 0) -> np.ndarray:
    """(M, K, 3) anyhow, each joint known with chance 0.7."""
    rng = np.random.default_rng(seed)
    found = rng.uniform(0, 100, (count, joints, 3))
    found[..., 2] = rng.choice([0, 1, 2], (count, joints), p=[0.3, 0.2, 0.5])
    return found


# --- the known ones ------------------------------------------------------------------------------


@pytest.mark.parametrize("skeleton", KNOWN, ids=lambda each: str(len(each.joints)))
def test_a_known_skeleton_is_whole_and_its_own_mirror_image(skeleton):
    count = len(skeleton.joints)
    assert parts(skeleton) == 1 and len(skeleton.sigmas) == count == len(set(skeleton.joints))
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    assert len(limbs) == len(skeleton.limbs)
    assert {mirror_image(skeleton, limb) for limb in skeleton.limbs} == limbs
    for one, other in enumerate(skeleton.mirrored):
        assert skeleton.mirrored[other] == one
        assert (one == other) == (not skeleton.joints[one].startswith(("left", "right")))


def test_joints_are_known_by_their_names_however_these_are_written():
    written = [name.replace("_", "-").capitalize() for name in skeletons.MPII.joints]
    assert known(written) == skeletons.MPII and sigmas_of(written) == skeletons.MPII.sigmas
    assert sigmas_of([name.replace("_", " ") for name in skeletons.AIC.joints])[0] == 0.01388152
    assert sigmas_of(skeletons.COCO.joints)[:3] == (0.026, 0.025, 0.025)
    assert sigmas_of(skeletons.COCO.joints[::-1]) is None and sigmas_of(("beak", "tail")) is None


# --- missing limbs -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("given", [(), ((0, 1),), ((3, 4), (4, 3), (9, 9)), ((0, 5), (5, 10))])
def test_all_joints_are_connected_and_given_limbs_stay_in_front(seed, given):
    skeleton = bare(skeletons.CROWDPOSE.joints, given)
    found = connected(skeleton, people(14, seed=seed))
    assert parts(skeleton) > 1 and parts(found) == 1
    assert found.limbs[: len(given)] == given
    added = {frozenset(limb) for limb in found.limbs[len(given) :]}
    assert {mirror_image(skeleton, limb) for limb in added} == added


def test_no_more_limbs_than_needed_where_no_mirror_image_asks_for_them():
    joints = tuple("abcdefgh")
    assert len(connected(bare(joints), people(8)).limbs) == 7
    assert len(connected(bare(joints, ((0, 1), (2, 3))), people(8)).limbs) == 7


def test_a_skeleton_that_is_connected_stays_as_it_is():
    assert connected(skeletons.COCO, people(17)) == skeletons.COCO


def standing(**places: tuple[float, float]) -> tuple[Skeleton, np.ndarray]:
    """Ten people of very different sizes with joints at the same places."""
    xy = np.array(list(places.values()))
    sizes = np.geomspace(1, 1000, 10)[:, None, None]
    return bare(tuple(places)), np.concatenate(
        [xy * sizes, np.full((10, len(xy), 1), 2.0)], axis=-1
    )


def test_the_shortest_limbs_are_taken_whatever_the_size_of_the_people():
    skeleton, found = standing(
        head=(5, 0), left_hand=(9, 4), neck=(5, 2), right_hand=(1, 4), left_foot=(6, 9), hip=(5, 6)
    )
    limbs = {frozenset(limb) for limb in connected(skeleton, found).limbs}
    names = {frozenset(skeleton.joints[end] for end in limb) for limb in limbs}
    assert {frozenset(("head", "neck")), frozenset(("hip", "left_foot"))} <= names
    assert {frozenset(("neck", "left_hand")), frozenset(("neck", "right_hand"))} <= names


def test_one_side_that_is_rarely_seen_gets_the_limbs_of_the_other():
    skeleton, found = standing(
        neck=(5, 0), left_hand=(8, 5), right_hand=(2, 5), left_elbow=(7, 2), right_elbow=(3, 2)
    )
    found[1:, [2, 4], 2] = 0
    limbs = {frozenset(limb) for limb in connected(skeleton, found).limbs}
    assert {frozenset((1, 3)), frozenset((2, 4)), frozenset((0, 3)), frozenset((0, 4))} == limbs


@pytest.mark.parametrize("found", [np.zeros((0, 4, 3)), np.zeros((7, 4, 3))])
def test_where_nobody_tells_the_joints_are_a_chain(found):
    assert connected(bare(tuple("abcd")), found).limbs == ((0, 1), (1, 2), (2, 3))
