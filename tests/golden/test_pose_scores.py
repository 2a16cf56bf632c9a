"""Average precision of joints in COCO's files, against the evaluation written down once more."""

import json

import numpy as np
import pytest

from pixelwise.metrics.coco import score_coco
from pixelwise.metrics.coco_joints import FIELDS, sigmas_of
from pixelwise.types import PixelwiseError
from posed import group, write_coco

NAMES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
RANGES = {"all": (0, 1e10), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
LEVELS = np.linspace(0.5, 0.95, 10)


def straight(truth: dict, results: list, kind: str, sigmas) -> dict[str, float]:
    """COCO's evaluation of joints, step by step, without a thought of speed."""
    table = {name: {} for name in RANGES}
    for name, bounds in RANGES.items():
        for level in LEVELS:
            judged, demanded = [], 0
            for image in sorted(each["id"] for each in truth["images"]):
                people = [each for each in truth["annotations"] if each["image_id"] == image]
                found = [each for each in results if each["image_id"] == image]
                wanted, verdicts = one_picture(people, found, kind, sigmas, bounds, level)
                demanded += wanted
                judged += verdicts
            table[name][level] = curve(judged, demanded)
    precision = {name: [each[0] for each in rows.values()] for name, rows in table.items()}
    recall = {name: [each[1] for each in rows.values()] for name, rows in table.items()}
    values = []
    for part in (precision, recall):
        whole = part["all"]
        values += [np.mean(whole), whole[0], whole[5], np.mean(part["medium"])]
        values += [np.mean(part["large"])]
    return dict(zip(NAMES, values, strict=True))


def one_picture(people, found, kind, sigmas, bounds, level):
    """How many must be found, and (score, is right) of each pose that counts."""
    found = [each for each in found if kind == "keypoints" or (joints(each, kind)[:, 2] > 0).any()]
    found = sorted(found, key=lambda each: -each["score"])[:20]
    is_out = [
        each.get("iscrowd", 0) == 1
        or not (joints(each, kind)[:, 2] > 0).any()
        or not bounds[0] <= each["area"] <= bounds[1]
        for each in people
    ]
    taken, verdicts = set(), []
    for pose in found:
        best, best_oks = None, level
        # Those who must be found come first, and the last of equals wins.
        for place in sorted(range(len(people)), key=lambda place: is_out[place]):
            if place in taken and not people[place].get("iscrowd", 0):
                continue
            if best is not None and is_out[place] and not is_out[best]:
                break
            oks = likeness(people[place], pose, kind, sigmas)
            if oks >= best_oks:
                best, best_oks = place, oks
        if best is not None:
            taken.add(best)
            if not is_out[best]:
                verdicts.append((pose["score"], True))
        elif bounds[0] <= size(pose) <= bounds[1]:
            verdicts.append((pose["score"], False))
    return is_out.count(False), verdicts


def joints(entry, kind) -> np.ndarray:
    return np.reshape(np.concatenate([entry[field] for field in FIELDS[kind]]), (-1, 3))


def size(pose) -> float:
    return float(np.ptp(np.reshape(pose["keypoints"], (-1, 3))[:, :2], axis=0).prod())


def likeness(person, pose, kind, sigmas) -> float:
    true, found = joints(person, kind), joints(pose, kind)
    apart = found[:, :2] - true[:, :2]
    seen = true[:, 2] > 0
    if not seen.any():
        corner, side = np.array(person["bbox"][:2]), np.array(person["bbox"][2:])
        low, high = corner - side, corner + 2 * side
        apart = np.maximum(0, low - found[:, :2]) + np.maximum(0, found[:, :2] - high)
        seen[:] = True
    exponent = (apart**2).sum(axis=1) / (2 * person["area"] * (2 * np.array(sigmas)) ** 2)
    return float(np.exp(-exponent)[seen].mean())


def curve(judged, demanded) -> tuple[float, float]:
    """Mean precision at 101 levels of recall, and the last recall."""
    judged = sorted(judged, key=lambda each: -each[0])
    right = np.cumsum([is_right for _, is_right in judged])
    precision = right / np.arange(1, len(right) + 1)
    levels = []
    for recall in np.linspace(0, 1, 101):
        reached = right / demanded >= recall
        levels.append(precision[reached].max() if reached.any() else 0.0)
    return float(np.mean(levels)), float(right[-1] / demanded)


@pytest.fixture
def files(tmp_path):
    return write_coco(tmp_path, [group(seed, is_dropping=False) for seed in range(3)])


def change(path, do) -> None:
    content = json.loads(path.read_text())
    do(content)
    path.write_text(json.dumps(content))


def test_the_library_scores_made_up_people_as_the_steps_do(files):
    truth, results = (json.loads(path.read_text()) for path in files)
    sigmas = sigmas_of(truth, "keypoints", None, "")
    expected = straight(truth, results, "keypoints", sigmas)
    assert score_coco(*files, "keypoints") == pytest.approx(expected, abs=1e-9)
    assert 0.1 < expected["AP"] < 0.9


def test_areas_and_boxes_are_taken_from_what_there_is(files):
    def no_areas(truth):
        for each in truth["annotations"]:
            each["area"] = 0.53 * each["bbox"][2] * each["bbox"][3]

    change(files[0], no_areas)
    expected = score_coco(*files, "keypoints")
    change(files[0], lambda truth: [each.pop("area") for each in truth["annotations"]])
    # Nor does anybody need to have counted the joints.
    change(files[0], lambda truth: [each.pop("num_keypoints") for each in truth["annotations"]])
    change(files[0], lambda truth: [each.pop("iscrowd") for each in truth["annotations"][4:]])
    assert score_coco(*files, "keypoints") == pytest.approx(expected)


def test_other_joints_need_sigmas_which_the_file_or_the_caller_gives(files):
    def first_four(truth):
        truth["categories"][0]["keypoints"] = ["a", "b", "c", "d"]
        for each in truth["annotations"]:
            each["keypoints"] = each["keypoints"][:12]

    def shortened(results):
        for each in results:
            each["keypoints"] = each["keypoints"][:12]

    change(files[0], first_four)
    with pytest.raises(PixelwiseError, match="argument sigmas"):
        score_coco(*files, "keypoints")
    with pytest.raises(PixelwiseError, match=r"Result 0 has 51 numbers.* instead of 12"):
        score_coco(*files, "keypoints", sigmas=[0.05] * 4)
    change(files[1], shortened)
    narrow, wide = (score_coco(*files, "keypoints", sigmas=[s] * 4)["AP"] for s in (0.05, 0.1))
    assert 0 < narrow < wide < 1
    change(files[0], lambda truth: truth["categories"][0].update(sigmas=[0.1] * 4))
    assert score_coco(*files, "keypoints")["AP"] == wide
    with pytest.raises(PixelwiseError, match="numbers of joints"):
        score_coco(*files, "keypoints", sigmas=[0.05] * 5)
    with pytest.raises(PixelwiseError, match="has none"):
        score_coco(*files, "bbox", sigmas=[0.05] * 4)


def test_a_part_is_scored_by_its_own_joints_and_its_own_score(files):
    def with_feet(truth):
        for number, each in enumerate(truth["annotations"]):
            each["foot_kpts"] = each["keypoints"][:18]
            each["foot_valid"] = number % 5 != 0

    def found_feet(results):
        for each in results:
            each["foot_kpts"] = each["keypoints"][:18]
        results[1]["foot_kpts"] = [0] * 18

    change(files[0], with_feet)
    change(files[1], found_feet)
    truth, results = (json.loads(path.read_text()) for path in files)
    for each in truth["annotations"]:
        each["foot_kpts"] = [number * each["foot_valid"] for number in each["foot_kpts"]]
    sigmas = (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
    expected = straight(truth, results, "foot", sigmas)
    assert score_coco(*files, "foot") == pytest.approx(expected, abs=1e-9)
    change(files[1], lambda found: [each.update(foot_score=-each["score"]) for each in found])
    assert score_coco(*files, "foot")["AP"] != pytest.approx(expected["AP"], abs=1e-3)


@pytest.mark.pictures
@pytest.mark.parametrize("kind", FIELDS)
def test_whole_bodies_score_as_the_steps_do(pictures, kind):
    paths = [
        pictures / "golden" / "xtcocoapi" / f"example_wholebody_{part}.json"
        for part in ("val", "preds")
    ]
    truth, results = (json.loads(path.read_text()) for path in paths)
    sigmas = sigmas_of(truth, kind, None, "")
    assert len(sigmas) == len(joints(truth["annotations"][0], kind))
    expected = straight(truth, results, kind, sigmas)
    assert score_coco(*paths, kind) == pytest.approx(expected, abs=1e-9)
    assert 0.4 < expected["AP"] < 1
