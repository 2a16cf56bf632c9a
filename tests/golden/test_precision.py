"""Average precision of segments against the library that agrees with COCO's own, and by hand."""

import json

import numpy as np
import pytest

from pixelwise import rle
from pixelwise.metrics.coco import score_coco
from pixelwise.metrics.segments import InstanceMetric
from pixelwise.types import PixelwiseError
from segments import NUCLEI, SCENE, annotated, crowded, found

OURS = {
    "segm": ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100"),
    "bbox": ("box_ap", "box_ap50", "box_ap75"),
}
THEIRS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")


def box_of(mask: np.ndarray) -> list[int]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return [
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    ]


def write_coco(folder, pictures) -> tuple:
    """Annotations and results as COCO's files, from [(annotation, result)]."""
    truths, results = [], []
    for image, (annotation, result) in enumerate(pictures):
        for index in range(len(annotation)):
            mask = annotation.mask(index)
            truths.append(
                {
                    "id": len(truths) + 1,
                    "image_id": image,
                    "category_id": int(annotation.labels[index]),
                    "iscrowd": int(annotation.crowd[index]),
                    "area": int(mask.sum()),
                    "bbox": box_of(mask),
                    "segmentation": rle.encode(mask),
                }
            )
        for index in range(len(result)):
            results.append(
                {
                    "image_id": image,
                    "category_id": int(result.labels[index]),
                    "score": float(result.scores[index]),
                    "segmentation": rle.encode(result.mask(index)),
                }
            )
    size = dict(zip(("height", "width"), pictures[0][0].size_hw, strict=True))
    whole = {
        "images": [{"id": image, **size} for image in range(len(pictures))],
        "annotations": truths,
        "categories": [{"id": 2, "name": "sheep"}, {"id": 3, "name": "person"}],
    }
    for name, content in (("truth", whole), ("results", results)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / "truth.json", folder / "results.json"


@pytest.mark.parametrize("kind", ["segm", "bbox"])
@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_what_the_library_prints(tmp_path, seed, kind):
    pictures = [crowded(10 * seed + number) for number in range(5)]
    metric = InstanceMetric(SCENE)
    for number, (annotation, result) in enumerate(pictures):
        metric.update(str(number), annotation, result)
    ours = metric.compute()["pooled over segments"]
    theirs = score_coco(*write_coco(tmp_path, pictures), kind)
    for name, other in zip(OURS[kind], THEIRS, strict=False):
        assert ours[name] == pytest.approx(theirs[other], abs=1e-9, nan_ok=True), name
    assert 0.1 < ours["ap"] < 0.9


def square(left: int, width: int = 10) -> np.ndarray:
    mask = np.zeros((20, 60), np.bool_)
    mask[:10, left : left + width] = True
    return mask


def test_average_precision_worked_out_by_hand(tmp_path):
    # Three segments of 100 pixels. By falling score: one exactly right, one beside everything, one
    # of 70 of a segment's 100 pixels (IoU 0.7); the third segment is missed.
    truth = annotated([square(0), square(20), square(40)], [2, 2, 2], SCENE, size_hw=(20, 60))
    wrong = np.roll(square(0), 10, axis=0)
    id_map = square(0) * 1 + wrong * 2 + square(20, 7) * 3
    result = found(id_map, [2, 2, 2], [0.9, 0.8, 0.7], SCENE)
    metric = InstanceMetric(SCENE)
    metric.update("0", truth, result)
    ours = metric.compute()["pooled over segments"]
    # Up to IoU 0.7: precision 1 at recall 1/3 (recall levels 0 to 0.33: 34 of them), 2/3 at recall
    # 2/3 (levels 0.34 to 0.66: 33). Above: precision 1 at recall 1/3 alone.
    low, high = (34 + 33 * 2 / 3) / 101, 34 / 101
    assert ours["ap50"] == pytest.approx(low)
    assert ours["ap75"] == pytest.approx(high)
    # Of 0.50, 0.55, ..., 0.95 five are at most 0.7.
    assert ours["ap"] == pytest.approx((5 * low + 5 * high) / 10)
    assert (ours["ar1"], ours["ar100"]) == pytest.approx((1 / 3, (5 * 2 + 5) / 30))
    assert np.isnan(ours["ap_medium"]) and ours["ap_small"] == pytest.approx(ours["ap"])
    # TP / (TP + FP + FN) at IoU above 0.5: 2 / (2 + 1 + 1); PQ: (1 + 0.7) / (2 + 0.5 + 0.5).
    assert ours["detection_50"] == 0.5 and ours["pq"] == pytest.approx(1.7 / 3)
    # IoU 0.7 is above 0.50, 0.55, 0.60, 0.65, and not above 0.70: four levels of 2/4, six of 1/5.
    assert ours["detection"] == pytest.approx((4 * 2 / 4 + 6 * 1 / 5) / 10)
    # Best Dice: of the truths 1, 2 * 70 / 170 and 0; of the found 1, 0 and 2 * 70 / 170.
    assert ours["best_dice_truth"] == pytest.approx((1 + 140 / 170) / 3)
    assert ours["best_dice_found"] == pytest.approx((1 + 140 / 170) / 3)
    files = score_coco(*write_coco(tmp_path, [(truth, result)]))
    assert files["AP"] == pytest.approx(ours["ap"]) and np.isnan(files["APm"])


def test_more_than_a_hundred_in_a_picture_do_not_count_and_it_is_the_surest_that_do(tmp_path):
    # 120 squares of 4 pixels, all found exactly: 100 count, recall ends at 100/120.
    masks = []
    for place in range(120):
        mask = np.zeros((20, 60), np.bool_)
        top, left = 3 * (place // 20), 3 * (place % 20)
        mask[top : top + 2, left : left + 2] = True
        masks.append(mask)
    id_map = sum(number * mask for number, mask in enumerate(masks, start=1))
    truth = annotated(masks, [1] * 120, size_hw=(20, 60))
    metric = InstanceMetric(NUCLEI)
    metric.update("0", truth, found(id_map, [1] * 120))
    ours = metric.compute()["pooled over segments"]
    assert (ours["ar100"], ours["ap"]) == pytest.approx((100 / 120, 84 / 101))
    assert ours["pq"] == ours["detection_50"] == 1


@pytest.fixture
def files(tmp_path):
    return write_coco(tmp_path, [crowded(1)])


def test_masks_may_be_written_in_any_of_cocos_ways(files):
    before = score_coco(*files)
    results = json.loads(files[1].read_text())
    height, width = results[0]["segmentation"]["size"]
    for result in results:
        pixels = rle.decode(result["segmentation"], (height, width)).ravel(order="F")
        edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels, [0]])))
        runs = np.diff(np.concatenate([[0], edges, [len(pixels)]])).tolist()
        result["segmentation"] = {"size": [height, width], "counts": runs}
    files[1].write_text(json.dumps(results))
    assert score_coco(*files) == pytest.approx(before, nan_ok=True)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda each: each[0].update(image_id=99), "segm", "image_id 99, which the annotations"),
        (lambda each: each[0].update(category_id=9), "segm", "category_id 9, which"),
        (lambda each: each[0].pop("score"), "segm", "result 0 needs image_id"),
        (lambda each: each[0].pop("segmentation"), "segm", "no 'segmentation'"),
        (
            lambda each: each[0]["segmentation"].update(size=[3, 4], counts=[12]),
            "segm",
            r"\[3, 4\]",
        ),
        (lambda each: None, "keypoints", "no 'keypoints'"),
        (lambda each: None, "pose", "no kind 'pose'"),
        (lambda each: None, "foot", "no 'foot_kpts'"),
    ],
)
def test_results_that_cannot_be_scored_are_refused_with_the_cure(files, change, kind, words):
    results = json.loads(files[1].read_text())
    change(results)
    files[1].write_text(json.dumps(results))
    with pytest.raises(PixelwiseError, match=words):
        score_coco(*files, kind)


def test_a_file_without_results_scores_0(files):
    files[1].write_text("[]")
    assert score_coco(*files)["AP"] == 0


def test_a_file_that_is_no_coco_file_is_named(files):
    with pytest.raises(PixelwiseError, match=r"results\.json is no file of COCO annotations"):
        score_coco(files[1], files[1])
    with pytest.raises(PixelwiseError, match=r"truth\.json is no file of COCO results"):
        score_coco(files[0], files[0])


REAL = {
    ("coco_val2014_100", "segm"): "coco_val2014_100/instances_val2014_fakesegm100_results.json",
    ("coco_val2014_100", "bbox"): "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    ("coco_mini_segm", "segm"): "reference_runs/coco_mini_val_segm_dt.json",
    ("coco_mini_segm", "bbox"): "reference_runs/coco_mini_val_segm_dt.json",
    ("coco_mini_keypoints", "keypoints"): "reference_runs/coco_mini_val_keypoints_dt.json",
    ("xtcocoapi_coco_body", "keypoints"): "xtcocoapi/example_coco_preds.json",
}


@pytest.mark.pictures
@pytest.mark.parametrize(("name", "kind"), REAL)
def test_real_results_score_what_coco_prints(pictures, name, kind):
    folder = pictures / "golden"
    expected = json.loads((folder / "expected.json").read_text())[name]
    scores = score_coco(folder / expected["gt"], folder / REAL[name, kind], kind)
    printed = expected.get(f"{kind}_from_masks", expected.get(kind))
    assert scores == pytest.approx(printed, abs=1e-6)
