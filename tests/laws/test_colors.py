"""Instances in pictures: tints, borders, names, and neighbours told apart."""

import numpy as np
import pytest

from pixelwise import captions, colors, draw
from pixelwise.types import PixelwiseError
from scattered import SCENE, panoptic, scatter


def test_instances_are_tinted_and_bordered_and_nothing_else_is_touched():
    ids = np.zeros((40, 60), np.int32)
    ids[5:25, 5:25], ids[5:25, 25:45] = 1, 2
    image = np.full((40, 60, 3), 100, np.uint8)
    tones = np.array([[200, 0, 0], [0, 0, 200]], np.uint8)
    drawn = draw.instances(image, ids, tones, alpha=0.5, width_px=2)
    assert (image == 100).all() and (drawn[ids == 0] == 100).all()
    assert drawn[15, 15].tolist() == [150, 50, 50] and drawn[15, 35].tolist() == [50, 50, 150]
    assert drawn[15, 22:28].tolist() == [[150, 50, 50]] + [[200, 0, 0]] * 2 + [[0, 0, 200]] * 2 + [
        [50, 50, 150]
    ]
    assert drawn[5, 15].tolist() == [200, 0, 0]
    with pytest.raises(PixelwiseError, match="60 x 40"):
        draw.instances(image[:, :50], ids, tones)


def test_neighbours_have_other_colours():
    ids = scatter(200, (300, 300))
    tones = colors.of_instances(ids, 200)
    assert tones.shape == (200, 3) and len(np.unique(tones, axis=0)) == 7
    lut = np.concatenate([[[0, 0, 0]], tones])
    alike = 0
    for here, there in ((ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1])):
        touching = (here != there) & (here > 0) & (there > 0)
        alike += (lut[here[touching]] == lut[there[touching]]).all(axis=1).sum()
    assert alike == 0
    assert colors.of_instances(np.zeros((5, 5), np.int32), 0).shape == (0, 3)


def test_instances_a_thin_gap_apart_are_told_apart():
    ids = np.zeros((30, 80), np.int32)
    # Numbers that lie as far apart as there are colours would otherwise have the same.
    ids[5:25, 10:30], ids[5:25, 32:50] = 1, 8
    tones = colors.of_instances(ids, 8)
    assert tones[0].tolist() != tones[7].tolist()


def test_stuff_has_its_category_s_colour_and_things_have_shades_of_it():
    result = panoptic()
    tones = colors.of_segments(result.id_map, result.labels, SCENE).tolist()
    assert tones[:3] == [list(kind.color) for kind in SCENE]
    assert tones[3] != tones[2] and tones[3] == pytest.approx([239, 219, 193], abs=1)


def test_names_are_written_where_there_is_room():
    ids = np.zeros((200, 300), np.int32)
    ids[20:120, 20:200], ids[150:153, 150:153] = 1, 2
    image = np.full((200, 300, 3), 100, np.uint8)
    drawn = captions.write_names(image, ids, ["sheep", "dog"])
    changed = (drawn != 100).any(axis=2)
    assert changed[ids == 1].any() and not changed[130:].any() and (image == 100).all()
    assert abs(np.nonzero(changed)[0].mean() - 70) < 5


def changed_by(ids: np.ndarray, *names: str) -> int:
    """How many pixels names take."""
    image = np.full((*ids.shape, 3), 100, np.uint8)
    return int((captions.write_names(image, ids, names) != 100).any(axis=2).sum())


def test_names_stay_in_the_picture_and_never_cover_each_other():
    left, middle = np.zeros((2, 100, 120), np.int32)
    left[:, :14], middle[:, 53:67] = 1, 1
    whole = changed_by(middle, "a long name")
    assert changed_by(left, "a long name") == pytest.approx(whole, rel=0.1)
    beside = left.copy()
    beside[:, 14:28] = 2
    assert changed_by(beside, "a long name", "a long name") == pytest.approx(whole, rel=0.1)
