"""People cut out of pictures, and joints brought home from heatmaps."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from pixelwise.outside._crops import Crop, read_joints

SEEN_HW, MAP_HW = (256, 192), (64, 48)
BOXES = {
    "upright": (40.0, 30.0, 130.0, 310.0),
    "lying": (10.0, 200.0, 390.0, 260.0),
    "half outside": (-120.0, -50.0, 90.0, 200.0),
    "one pixel": (200.0, 100.0, 201.0, 101.0),
    "larger than the picture": (-50.0, -50.0, 900.0, 700.0),
}


def hills(places, height: float = 1.0) -> np.ndarray:
    """(N, K, 64, 48) heatmaps with the hill of a joint at each place, as ViTPose learned them."""
    y, x = np.mgrid[: MAP_HW[0], : MAP_HW[1]]
    away = (x - places[..., 0, None, None]) ** 2 + (y - places[..., 1, None, None]) ** 2
    return (height * np.exp(-away / 2 / 2.0**2)).astype(np.float32)


def onto_map(crop: Crop, joints) -> np.ndarray:
    """Joints in the package's count of pixels -> on the heatmap, by the definition."""
    shares = (joints - 0.5 - np.array(crop.left_top)) / np.array(crop.sides)
    return shares * (MAP_HW[1] - 1, MAP_HW[0] - 1)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_drawn_joints_come_home(box):
    crop = Crop.around(np.array(box), SEEN_HW)
    rng = np.random.default_rng(1)
    share = rng.uniform(0.03, 0.97, (17, 2))
    joints = np.array(crop.left_top) + share * crop.sides + 0.5
    places, scores = read_joints(hills(onto_map(crop, joints)[None], 0.8))
    step = crop.step_px(MAP_HW)
    assert np.abs(crop.home(places[0], MAP_HW) - joints).max() < 0.02 * step
    assert np.all((scores > 0.75) & (scores <= 0.8001))
    noisy = hills(onto_map(crop, joints)[None]) + rng.normal(0, 0.03, (1, 17, *MAP_HW))
    found, _ = read_joints(noisy.astype(np.float32))
    assert np.abs(crop.home(found[0], MAP_HW) - joints).max() < 0.25 * step


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_the_crop_has_the_shape_of_the_network_and_a_quarter_more_than_the_box(box):
    crop = Crop.around(np.array(box), SEEN_HW)
    width, height = crop.sides
    assert width / height == pytest.approx(192 / 256)
    sides = np.array(box[2:]) - box[:2]
    assert max(sides[0] / width, sides[1] / height) == pytest.approx(0.8)
    middle = np.array(crop.left_top) + np.array(crop.sides) / 2
    assert middle == pytest.approx((np.array(box[:2]) + box[2:]) / 2)


def test_joints_are_read_as_the_transformers_library_reads_them():
    from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

    rng = np.random.default_rng(2)
    boxes = np.array([box for name, box in BOXES.items() if name != "one pixel"])
    maps = hills(rng.uniform((2, 2), (45, 61), (len(boxes), 17, 2)), 0.9)
    xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    theirs = VitPoseImageProcessorPil().post_process_pose_estimation(
        SimpleNamespace(heatmaps=torch.from_numpy(maps.copy())), boxes=[xywh]
    )[0]
    places, scores = read_joints(maps)
    for box, xy, score, their in zip(boxes, places, scores, theirs, strict=True):
        ours = Crop.around(box, SEEN_HW).home(xy, MAP_HW)
        # The library counts pixels from the centre of the first.
        assert np.abs(ours - 0.5 - their["keypoints"].numpy()).max() < 0.1
        assert np.allclose(score, their["scores"].numpy())


def photo(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


@pytest.mark.parametrize("name", ["upright", "lying", "half outside"])
def test_people_are_cut_out_as_the_transformers_library_does(name):
    from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

    image, (left, top, right, bottom) = photo(360, 480), BOXES[name]
    box = [left, top, right - left, bottom - top]
    theirs = VitPoseImageProcessorPil(do_rescale=False, do_normalize=False)(
        image, boxes=[[box]], return_tensors="np"
    ).pixel_values[0]
    ours = Crop.around(np.array(BOXES[name]), SEEN_HW).cut(image, SEEN_HW)
    apart = np.abs(ours.transpose(2, 0, 1).astype(int) - theirs.astype(int))
    # OpenCV knows places to 1/32 of a pixel, and goes over to the black in one.
    assert np.quantile(apart, 0.98) <= 8 and apart.mean() < 1.5
    assert (ours == 0).all(axis=2).mean() == pytest.approx(
        (theirs == 0).all(axis=0).mean(), abs=0.02
    )


@pytest.mark.parametrize("scale", [0.3, 1, 7])
def test_what_is_cut_out_lies_where_it_comes_home_to(scale):
    """A disc's centre in the crop, at home, is its centre in the picture; averaged or not."""
    center, radius = np.array([230.3, 170.8]) * scale, 22 * scale
    y, x = np.mgrid[: int(360 * scale), : int(480 * scale)] + 0.5
    disc = np.clip(radius + 0.5 - np.hypot(x - center[0], y - center[1]), 0, 1)
    image = np.repeat((255 * disc).astype(np.uint8)[..., None], 3, axis=2)
    crop = Crop.around(np.array([180.0, 90.0, 290.0, 280.0]) * scale, SEEN_HW)
    seen = crop.cut(image, SEEN_HW)[..., 0].astype(float)
    rows, columns = np.indices(seen.shape)
    place = np.array([[(columns * seen).sum(), (rows * seen).sum()]]) / seen.sum()
    assert np.abs(crop.home(place, SEEN_HW) - center).max() < 0.12 * crop.step_px(SEEN_HW)


def test_grain_is_averaged_where_film_shrinks_more_than_it_did_in_learning():
    grain = np.random.default_rng(4).integers(0, 256, (2160, 1620, 3), np.uint8)
    crop = Crop.around(np.array([100.0, 100.0, 1500.0, 2100.0]), SEEN_HW)
    inside = crop.cut(grain, SEEN_HW)[60:200, 60:140]
    assert inside.std() < 40 < 60 < grain.std()
    assert abs(inside.mean() - grain.mean()) < 2


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_flat_map_has_no_joint_to_refine(value):
    places, scores = read_joints(np.full((1, 2, *MAP_HW), value, np.float32))
    assert np.array_equal(places, np.zeros((1, 2, 2))) and np.allclose(scores, value)


def test_scores_are_heights_between_0_and_1():
    maps = np.stack([np.full(MAP_HW, value, np.float32) for value in (-0.3, 1.4)])[None]
    assert np.array_equal(read_joints(maps)[1], [[0, 1]])


@pytest.mark.parametrize("box", [(500.0, 400.0, 600.0, 500.0), (-90.0, -90.0, -40.0, -20.0)])
def test_a_box_off_the_picture_gives_black(box):
    assert (
        not Crop.around(np.array(box), SEEN_HW)
        .cut(np.full((50, 50, 3), 200, np.uint8), SEEN_HW)
        .any()
    )
