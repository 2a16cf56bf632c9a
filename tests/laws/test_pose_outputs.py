"""What is written about people's joints, and that it says what the result says."""

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pil

from figures import KINDS, people, standing, without
from pixelwise import anatomy, predictions
from pixelwise.metrics.coco import score_coco
from pixelwise.outputs import Picture, open_output
from pixelwise.skeletons import COCO
from pixelwise.types import Category, PixelwiseError, Poses, Skeleton

HAND = Skeleton(("palm", "tip", "wrist"), ((2, 0), (0, 1)), (0, 1, 2), (0.05,) * 3)


def write(folder, *results, probs=False) -> list[dict]:
    """The lines of pictures named a/0001.jpg and so on."""
    lines = []
    with open_output(results[0], folder, probs=probs) as output:
        for number, result in enumerate(results, start=1):
            name = f"a/{number:04}"
            picture = Picture(name, folder / f"{name}.jpg", number)
            image = np.full((*result.size_hw, 3), 90, np.uint8)
            lines.append(output.write(picture, image, result))
    return lines


def table(path) -> list[dict]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def numbers(path) -> list[np.ndarray]:
    """(18, 3) of each person of an OpenPose file."""
    said = json.loads(path.read_text())
    return [np.reshape(each["pose_keypoints_2d"], (-1, 3)) for each in said["people"]]


def found(person: np.ndarray, name: str) -> np.ndarray:
    return person[COCO.joints.index(name)]


def test_a_line_says_who_was_found(tmp_path):
    result = without(people(3), 1, "nose", "left_knee")
    (line,) = write(tmp_path, result)
    assert line["size_hw"] == [240, 400] and line["people"] == 3
    assert [pose["person"] for pose in line["poses"]] == [1, 2, 3]
    for pose, keypoints, score in zip(line["poses"], result.keypoints, result.scores, strict=True):
        assert pose["score"] == pytest.approx(score, abs=1e-4)
        known = keypoints[keypoints[:, 2] > 0]
        box = [*known[:, :2].min(axis=0), *known[:, :2].max(axis=0)]
        assert pose["box_xyxy"] == pytest.approx(box, abs=0.01)
        for joint, said in zip(keypoints, pose["keypoints"], strict=True):
            assert (said is None) == (joint[2] == 0)
            assert said is None or said == pytest.approx(joint, abs=1e-3)
    json.dumps(line, allow_nan=False)
    assert (tmp_path / line["keypoints"]).exists()
    assert Pil.open(tmp_path / "a/0001_overlay.jpg").size == (400, 240)


def test_openpose_s_file_is_openpose_s(tmp_path):
    result = without(people(2), 1, "right_shoulder")
    write(tmp_path, result)
    said = json.loads((tmp_path / "a/0001_keypoints.json").read_text())
    assert list(said) == ["version", "people"] and said["version"] == 1.3
    assert list(said["people"][0]) == [
        "person_id",
        "pose_keypoints_2d",
        "face_keypoints_2d",
        "hand_left_keypoints_2d",
        "hand_right_keypoints_2d",
        "pose_keypoints_3d",
        "face_keypoints_3d",
        "hand_left_keypoints_3d",
        "hand_right_keypoints_3d",
    ]
    for person in said["people"]:
        assert person["person_id"] == [-1] and len(person["pose_keypoints_2d"]) == 54
        assert all(person[part] == [] for part in list(person)[2:])
    one, two = numbers(tmp_path / "a/0001_keypoints.json")
    # Its order: nose, neck, right arm, left arm, right leg, left leg, right and left eye and ear.
    order = (0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
    but_neck = [place for place in range(18) if place != 1]
    truth = result.keypoints[:, order] - np.float32([0.5, 0.5, 0])
    assert one[but_neck] == pytest.approx(truth[0], abs=1e-3)
    shoulders = one[[2, 5]]
    assert one[1] == pytest.approx(
        [*shoulders[:, :2].mean(axis=0), shoulders[:, 2].min()], abs=1e-3
    )
    assert (two[[1, 2]] == 0).all() and (two[3:] > 0).all()


def test_openpose_s_order_needs_coco_s_joints_however_they_are_written(tmp_path):
    joints = tuple(name.replace("_", " ").title() for name in COCO.joints)
    kinds = (Category("person", (0, 0, 0), True, Skeleton(joints, *_rest(COCO))),)
    given = people(1)
    write(tmp_path / "one", Poses(given.keypoints, given.scores, kinds, given.size_hw))
    write(tmp_path / "two", given)
    files = [tmp_path / name / "a/0001_keypoints.json" for name in ("one", "two")]
    assert files[0].read_text() == files[1].read_text()
    (hand,) = write_hand(tmp_path / "hand")
    assert hand == pytest.approx(np.array([[10, 20, 0.5], [0, 0, 0], [10, 60, 1]]))


def _rest(skeleton: Skeleton) -> tuple:
    return skeleton.limbs, skeleton.mirrored, skeleton.sigmas


def write_hand(folder) -> list[np.ndarray]:
    keypoints = np.array([[[10.5, 20.5, 0.5], [np.nan, np.nan, 0], [10.5, 60.5, 1]]], np.float32)
    kinds = (Category("hand", (0, 0, 0), True, HAND),)
    write(folder, Poses(keypoints, np.ones(1, np.float32), kinds, (80, 90)))
    return numbers(folder / "a/0001_keypoints.json")


def test_people_who_are_followed_keep_their_numbers_everywhere(tmp_path):
    given = people(2)
    ids = np.array([17, 4])
    (line,) = write(tmp_path, Poses(given.keypoints, given.scores, KINDS, given.size_hw, ids))
    said = json.loads((tmp_path / "a/0001_keypoints.json").read_text())
    assert [person["person_id"] for person in said["people"]] == [[17], [4]]
    assert [pose["person"] for pose in line["poses"]] == [17, 4]
    assert [row["person"] for row in table(tmp_path / "people.csv")] == ["17", "4"]
    assert {row["person"] for row in table(tmp_path / "poses.csv")} == {"17", "4"}


def test_a_row_for_each_joint_of_everybody(tmp_path):
    results = [without(people(2), 0, "left_ear"), people(0), people(1, seed=4)]
    write(tmp_path, *results)
    rows = table(tmp_path / "poses.csv")
    assert len(rows) == 3 * 17
    assert list(rows[0]) == ["picture", "person", "joint", "x_px", "y_px", "score", "found"]
    keypoints = np.concatenate([result.keypoints for result in results]).reshape(-1, 3)
    for row, joint in zip(rows, keypoints, strict=True):
        if joint[2] > 0:
            said = [float(row[name]) for name in ("x_px", "y_px", "score")]
            assert said == pytest.approx(joint, abs=0.01) and row["found"] == "1"
        else:
            assert (row["x_px"], row["y_px"], row["found"]) == ("", "", "0")
            assert float(row["score"]) == 0 and row["joint"] == "left_ear"
    assert [row["picture"][-8:] for row in rows] == ["0001.jpg"] * 34 + ["0003.jpg"] * 17
    assert [row["joint"] for row in rows] == list(COCO.joints) * 3


def test_a_row_for_everybody_with_lengths_and_angles(tmp_path):
    result = without(people(3), 2, "right_wrist")
    write(tmp_path, result)
    rows = table(tmp_path / "people.csv")
    lengths = anatomy.lengths(result.keypoints, COCO)
    angles = anatomy.angles(result.keypoints, COCO)
    for index, row in enumerate(rows):
        assert int(row["joints_found"]) == (17, 17, 16)[index]
        assert float(row["score"]) == pytest.approx(result.scores[index], abs=1e-4)
        for unit, values in (("px", lengths), ("deg", angles)):
            for name, value in values.items():
                said = row[f"{name}_{unit}"]
                if np.isnan(value[index]):
                    assert said == "" and index == 2
                else:
                    assert float(said) == pytest.approx(value[index], abs=0.006), name
        extent = anatomy.extents(result.keypoints)[index]
        assert float(row["extent_px"]) == pytest.approx(extent, abs=0.006)
        box = [float(row[f"box_{side}_px"]) for side in ("x0", "y0", "x1", "y1")]
        assert box[3] - box[1] > 0.5 * extent
    assert rows[2]["right_elbow_deg"] == rows[2]["right_elbow-right_wrist_px"] == ""


def truth_of(results) -> dict:
    """COCO's annotations that say what the results say."""
    annotations = []
    for number, result in enumerate(results, start=1):
        for keypoints in result.keypoints:
            known = keypoints[:, 2] > 0
            pixels = np.where(known[:, None], keypoints - np.float32([0.5, 0.5, 0]), 0)
            pixels[:, 2] = 2 * known
            left, top = keypoints[known, :2].min(axis=0).tolist()
            width, height = np.ptp(keypoints[known, :2], axis=0).tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": 0.53 * width * height,
                    "bbox": [left, top, width, height],
                    "num_keypoints": int(known.sum()),
                    "keypoints": pixels.astype(float).ravel().tolist(),
                }
            )
    images = [{"id": n, "height": 240, "width": 400} for n in range(1, len(results) + 1)]
    kinds = [{"id": 1, "name": "person", "keypoints": list(COCO.joints), "skeleton": []}]
    return {"images": images, "annotations": annotations, "categories": kinds}


def test_coco_scores_the_truth_with_1(tmp_path):
    results = [without(people(3), 1, "nose", "left_hip"), people(2, seed=7), people(1, seed=2)]
    write(tmp_path, *results)
    (tmp_path / "truth.json").write_text(json.dumps(truth_of(results)))
    scores = score_coco(tmp_path / "truth.json", tmp_path / "coco_results.json", "keypoints")
    assert scores["AP"] == scores["AR"] == pytest.approx(1)
    # Somewhere else it is less: the 1 is none of a file that nobody looked into.
    said = json.loads((tmp_path / "coco_results.json").read_text())
    for each in said:
        each["keypoints"] = np.add(each["keypoints"], [3, 3, 0] * 17).tolist()
    (tmp_path / "coco_results.json").write_text(json.dumps(said))
    moved = score_coco(tmp_path / "truth.json", tmp_path / "coco_results.json", "keypoints")
    assert moved["AP"] < 0.99


def test_coco_reads_the_results_as_numbers_of_pixels(tmp_path):
    import faster_coco_eval

    results = [without(people(2), 1, "left_eye"), people(1, seed=5)]
    write(tmp_path, *results)
    whole = faster_coco_eval.COCO(truth_of(results), print_function=str)
    annotations = list(whole.loadRes(str(tmp_path / "coco_results.json")).anns.values())
    assert [each["image_id"] for each in annotations] == [1, 1, 2]
    assert [each["file_name"] for each in annotations] == ["a/0001.jpg"] * 2 + ["a/0002.jpg"]
    people_found = [person for result in results for person in result.keypoints]
    for each, person in zip(annotations, people_found, strict=True):
        joints = np.reshape(each["keypoints"], (17, 3))
        assert each["category_id"] == 1
        assert found(joints, "nose") == pytest.approx(
            found(person, "nose") - (0.5, 0.5, 0), abs=1e-4
        )
        assert (joints[person[:, 2] == 0] == 0).all()


def test_lists_of_nobody_are_lists(tmp_path):
    (line,) = write(tmp_path, people(0))
    assert line["people"] == 0 and line["poses"] == []
    assert json.loads((tmp_path / "coco_results.json").read_text()) == []
    assert json.loads((tmp_path / "a/0001_keypoints.json").read_text())["people"] == []
    assert table(tmp_path / "poses.csv") == table(tmp_path / "people.csv") == []


def test_somebody_without_joints_is_written_without_numbers(tmp_path):
    (line,) = write(tmp_path, without(people(1), 0, *COCO.joints))
    (row,) = table(tmp_path / "people.csv")
    assert row["joints_found"] == "0"
    assert {value for name, value in row.items() if name.endswith(("_px", "_deg"))} == {""}
    json.dumps(line, allow_nan=False)


def test_an_overlay_of_a_large_picture_is_drawn_where_people_are(tmp_path):
    keypoints = standing()[None] * np.float32([10, 10, 1]) + np.float32([2000, 100, 0])
    write(tmp_path, Poses(keypoints, np.ones(1, np.float32), KINDS, (2000, 4000)))
    drawn = np.asarray(Pil.open(tmp_path / "a/0001_overlay.jpg")).astype(int)
    assert drawn.shape == (800, 1600, 3)
    rows, columns = np.nonzero(np.ptp(drawn, axis=-1) > 60)
    assert (columns.min(), columns.max()) == pytest.approx((2040 * 0.4, 2760 * 0.4), abs=20)
    assert (rows.min(), rows.max()) == pytest.approx((200 * 0.4, 1900 * 0.4), abs=20)


def test_tables_that_were_not_finished_are_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_output(people(2), tmp_path, probs=False):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_probabilities_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(PixelwiseError, match=r"poses\.csv.*Leave out --probs"):
        write(tmp_path, people(2), probs=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("each", "words"), [(2, "4 people"), (0, "0 people")])
def test_a_run_that_finds_people_says_how_many(monkeypatch, tmp_path, each, words):
    monkeypatch.setattr(
        predictions, "load", lambda *args, **options: lambda image: people(each, image.shape[:2])
    )
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((240, 400, 3), np.uint8))
    done = predictions.predict(
        "run", [tmp_path / "a.png", tmp_path / "b.png"], out=tmp_path / "out"
    )
    assert done.num_people == 2 * each
    assert done.sentence == f"2 pictures, {words} drawn in {tmp_path / 'out'}."
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["people"] for line in lines] == [each, each]


def test_what_the_documentation_says_about_reading_runs(monkeypatch, tmp_path, capsys):
    pytest.importorskip("pandas")
    document = Path(__file__).parents[2] / "docs" / "poses.md"
    section = document.read_text().split("## What comes out\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, flags=re.S)
    results = [without(people(2), 1, "left_knee"), people(1, seed=3)]
    lines = write(tmp_path / "predictions", *results)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "predictions" / "predictions.jsonl").write_text(text)
    (tmp_path / "truth.json").write_text(json.dumps(truth_of(results)))
    monkeypatch.chdir(tmp_path)
    said = []
    for block in blocks:
        exec(compile(block, str(document), "exec"), {})
        said.append(capsys.readouterr().out)
    reading, measuring, scoring, library = said
    bend = anatomy.angles(results[0].keypoints, COCO)
    assert f"{bend['left_knee'][0]:.2f}" in reading and "(3, 34)" in reading
    assert f"{bend['left_elbow'][0]:.2f}" in measuring
    assert "'AP': 1.0" in scoring or "'AP': 0.9999" in scoring
    assert float(library.splitlines()[-1]) == pytest.approx(1)
