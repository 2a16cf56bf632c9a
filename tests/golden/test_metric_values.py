"""Scores against numbers that others printed, and against numbers worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from pixelwise.metrics.boundaries import boundary_iou, surface_distances
from pixelwise.metrics.semantic import confusion, overlap

HERE = Path(__file__).parent
ISIC = json.loads((HERE / "isic_binary.json").read_text())
MONAI = json.loads((HERE / "monai_distances.json").read_text())["cases"]


def mask(*rows: str) -> np.ndarray:
    return np.array([[int(pixel) for pixel in row] for row in rows], dtype=np.uint8)


def scores(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    (tn, fp), (fn, tp) = confusion(truth, prediction, 2)
    return {name: float(value) for name, value in overlap(tp, fp, fn, tn).items()}


@pytest.mark.parametrize("name", ISIC["predictions"])
def test_overlap_is_what_the_isic_challenge_prints(name):
    found = scores(mask(*ISIC["truth"]), mask(*ISIC["predictions"][name]))
    expected = {measure: values[name] for measure, values in ISIC["expected"].items()}
    assert {measure: found[measure] for measure in expected} == expected


def test_empty_masks_are_scored_by_the_rule_of_the_isic_challenge():
    empty, some = mask("0000"), mask("0110")
    assert set(scores(empty, empty).values()) == {1.0}
    without_truth = scores(empty, some)
    assert (without_truth["jaccard"], without_truth["dice"]) == (0, 0)
    assert (without_truth["sensitivity"], without_truth["precision"]) == (1, 0)
    without_prediction = scores(some, empty)
    assert (without_prediction["jaccard"], without_prediction["dice"]) == (0, 0)
    assert (without_prediction["sensitivity"], without_prediction["precision"]) == (0, 1)
    assert scores(mask("1111"), mask("1111"))["specificity"] == 1


def test_the_threshold_of_the_challenge_is_kept_at_0_65_exactly():
    values = overlap(tp=np.array([65, 64]), fp=np.array([35, 36]), fn=0, tn=0)
    assert values["threshold_jaccard"].tolist() == [0.65, 0.0]


def test_confusion_counts_truth_in_rows_and_leaves_out_255():
    truth = np.array([[0, 0, 1, 2], [255, 255, 2, 2]], dtype=np.uint8)
    prediction = np.array([[0, 1, 1, 2], [0, 1, 2, 0]], dtype=np.uint8)
    assert confusion(truth, prediction, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def ellipses(parts: list[list[int]]) -> np.ndarray:
    y, x = np.mgrid[:48, :64] + 0.5
    inside = [((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1 for cy, cx, ry, rx in parts]
    return np.any(inside, axis=0)


@pytest.mark.parametrize("name", MONAI)
def test_distances_and_dice_are_what_monai_prints(name):
    case = MONAI[name]
    truth, prediction = ellipses(case["truth"]), ellipses(case["prediction"])
    assert surface_distances(truth, prediction) == pytest.approx(
        (case["hd95_px"], case["assd_px"]), rel=1e-6
    )
    dice = scores(truth.astype(np.uint8), prediction.astype(np.uint8))["dice"]
    assert dice == pytest.approx(case["dice"], rel=1e-6)


def test_distances_of_two_lines_worked_out_by_hand():
    # Two columns of five pixels, three apart: each pixel's nearest is 3 away.
    truth, prediction = np.zeros((2, 9, 9), dtype=bool)
    truth[2:7, 2] = prediction[2:7, 5] = True
    assert surface_distances(truth, prediction) == (3, 3)
    # One pixel more at the end of one: sqrt(9 + 1) from the other's end. The mean over all eleven
    # pixels' ways is (10 * 3 + sqrt(10)) / 11; the 95th percentile of the longer six ways lies
    # 0.75 of the way from the fifth (3) to the sixth (sqrt(10)).
    prediction[7, 5] = True
    hd95, assd = surface_distances(truth, prediction)
    assert assd == pytest.approx((30 + np.sqrt(10)) / 11)
    assert hd95 == pytest.approx(3 + 0.75 * (np.sqrt(10) - 3))


def test_boundary_iou_of_a_shrunk_square_worked_out_by_hand():
    # On 30 x 40 the diagonal is 50, so the rim is 0.02 * 50 = 1 pixel wide. A square of 10 has a
    # rim of 100 - 64 = 36 pixels, one of 8 inside it a rim of 64 - 36 = 28; they share none.
    truth, prediction = np.zeros((2, 30, 40), dtype=bool)
    truth[5:15, 5:15] = True
    prediction[6:14, 6:14] = True
    assert boundary_iou(truth, prediction) == 0
    # With rims 2 wide: 100 - 36 = 64 and 64 - 16 = 48 pixels, the outer's second ring of 28
    # shared: 28 / (64 + 48 - 28).
    assert boundary_iou(truth, prediction, dilation_ratio=0.04) == pytest.approx(28 / 84)


def test_the_edge_of_the_picture_is_a_boundary_too():
    # A full picture of 30 x 40 has a rim of 1200 - 28 * 38 = 136; without its left half of 20
    # columns the rim is 600 - 28 * 18 = 96, of which 20 + 20 + 30 - 2 = 68 lie on the picture's.
    full = np.ones((30, 40), dtype=bool)
    half = full.copy()
    half[:, :20] = False
    assert boundary_iou(full, half) == pytest.approx(68 / (136 + 96 - 68))
