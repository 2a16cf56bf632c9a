"""Folders whose people are told by their joints: LSP, MPII and YOLO pose."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from cocos import JOINTS, region, write_json
from folders import (
    SIZE_HW,
    WRITERS,
    image_of,
    joints_of,
    mpii_person,
    write,
    write_lsp,
    write_mpii,
    write_yolo,
    write_yolo_pose,
    yolo_person,
)
from pixelwise import convert, skeletons
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.joints import jointed, skeleton_of
from pixelwise.types import IGNORE, Annotation, PixelwiseError, Skeleton

FORMS = ("lsp", "mpii", "yolo pose")


def annotation(dataset: Dataset, index: int = 0) -> Annotation:
    return dataset[index].read_annotation()


def skeleton(dataset: Dataset) -> Skeleton:
    return skeleton_of(dataset.categories)[1]


@pytest.mark.parametrize("form", FORMS)
def test_the_joints_that_were_written_are_read(tmp_path, form):
    dataset = open_dataset(WRITERS[form](tmp_path))
    count = len(skeleton(dataset).joints)
    assert len(dataset) == 5 and dataset.unpaired == ()
    for index in range(4):
        found = annotation(dataset, index)
        assert not found.layers.size and found.labels[0] == 1 and not found.crowd.any()
        assert found.mirrored == skeleton(dataset).mirrored
        np.testing.assert_allclose(found.keypoints[0, :, :2], joints_of(index, count), atol=1e-3)
        assert jointed(found, dataset.categories).is_labelled[0]
        x, y = found.keypoints[0, 0, :2].astype(int)
        assert found.semantic[y, x] == 0


@pytest.mark.parametrize("form", FORMS)
def test_an_option_for_mask_pictures_is_refused(tmp_path, form):
    with pytest.raises(PixelwiseError, match=r"--masks binary says what .*Say --masks auto"):
        open_dataset(WRITERS[form](tmp_path), "binary")


@pytest.mark.parametrize("form", FORMS)
def test_people_written_as_yolo_pose_are_read_back_the_same(tmp_path, form):
    first = open_dataset(WRITERS[form](tmp_path / "data"))
    again = open_dataset(convert(first.root, tmp_path / "out", "yolo_pose").out)
    assert skeleton(again).joints == skeleton(first).joints
    assert skeleton(again).mirrored == skeleton(first).mirrored
    for index in range(4):
        one, other = annotation(first, index).keypoints, annotation(again, index).keypoints
        np.testing.assert_allclose(one, other, atol=1e-3)


# --- lsp -----------------------------------------------------------------------------------------


def test_lsp_marks_hidden_joints_and_what_lies_apart_is_void(tmp_path):
    dataset = open_dataset(write_lsp(tmp_path))
    assert skeleton(dataset) == skeletons.LSP
    found = annotation(dataset)
    assert found.keypoints[0, :, 2].tolist() == [2] * 3 + [1] + [2] * 10
    low, high = joints_of(0, 14).min(axis=0), joints_of(0, 14).max(axis=0)
    margin = 0.2 * (high - low).max()
    known = np.argwhere(found.semantic == 0)[:, ::-1] + 0.5
    assert (known > low - margin - 1).all() and (known < high + margin + 1).all()
    assert (found.semantic == IGNORE).any()
    assert "Not everybody in the pictures is marked" in dataset.notes[0]


def test_lsp_declares_its_parts_and_names_pictures_beyond_the_table(tmp_path):
    write_lsp(tmp_path, rows=1001)
    for number in (1001, 1002):
        write(tmp_path / "images" / f"im{number}.jpg", image_of(0))
    dataset = open_dataset(tmp_path)
    assert [dataset[index].split for index in range(6)] == ["train"] * 5 + ["test"]
    assert [path.name for path in dataset.unpaired] == ["im1002.jpg"]
    assert "1 picture left out, which no table has joints for: images/im1002.jpg" in str(
        dataset.notes
    )


@pytest.mark.parametrize("axes", [(1, 2, 0), (0, 1, 2)])
def test_the_extension_has_another_order_and_joints_that_are_not_known(tmp_path, axes):
    write_lsp(tmp_path, count=2)
    table = np.ones((2, 14, 3))
    table[0, :, :2] = joints_of(0, 14) + 0.5
    table[0, 5] = 0, 0, 0
    savemat(tmp_path / "joints.mat", {"joints": table.transpose(axes)})
    found = annotation(open_dataset(tmp_path)).keypoints[0]
    assert found[5].tolist() == [0, 0, 0] and (np.delete(found[:, 2], 5) == 2).all()
    expected = np.delete(joints_of(0, 14), 5, axis=0)
    np.testing.assert_allclose(np.delete(found, 5, axis=0)[:, :2], expected, atol=1e-3)


def test_two_sets_side_by_side_each_have_their_own_table(tmp_path):
    write_lsp(tmp_path / "one", count=2)
    write_lsp(tmp_path / "two", count=3)
    dataset = open_dataset(tmp_path)
    ids = [dataset[index].id for index in range(5)]
    assert ids == ["one/im0001", "one/im0002", "two/im0001", "two/im0002", "two/im0003"]


BAD_TABLES = {
    b"": r"joints\.mat is damaged or no MATLAB file",
    b"MATLAB 5.0 MAT-file": r"joints\.mat is damaged or no MATLAB file",
}


@pytest.mark.parametrize("content", BAD_TABLES)
def test_a_table_that_is_no_matlab_file_is_a_sentence(tmp_path, content):
    write_lsp(tmp_path)
    (tmp_path / "joints.mat").write_bytes(content)
    with pytest.raises(PixelwiseError, match=BAD_TABLES[content]):
        open_dataset(tmp_path)


@pytest.mark.parametrize("share", np.linspace(0.05, 0.95, 10))
def test_a_table_that_is_cut_off_is_a_sentence(tmp_path, share):
    path = write_lsp(tmp_path) / "joints.mat"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(PixelwiseError, match=r"joints\.mat (is damaged|holds no array)"):
        open_dataset(tmp_path)


def test_another_table_and_other_pictures_are_sentences(tmp_path):
    write_lsp(tmp_path)
    savemat(tmp_path / "joints.mat", {"joints": np.zeros((2, 16, 9))})
    with pytest.raises(PixelwiseError, match=r"an array of 2 x 16 x 9; expected .*3 x 14 x N"):
        open_dataset(tmp_path)
    savemat(tmp_path / "joints.mat", {"other": np.zeros(3)})
    with pytest.raises(PixelwiseError, match="holds no array called joints"):
        open_dataset(tmp_path)
    savemat(tmp_path / "joints.mat", {"joints": np.zeros((3, 14, 0))})
    with pytest.raises(PixelwiseError, match=r"no joints for the pictures beside it; im0001"):
        open_dataset(tmp_path)


# --- mpii ----------------------------------------------------------------------------------------


def entries(root: Path, part: str = "train") -> list[dict]:
    return json.loads((root / "annot" / f"{part}.json").read_text())


def put(root: Path, found: object, part: str = "train") -> None:
    (root / "annot" / f"{part}.json").write_text(json.dumps(found))


def test_mpii_brings_the_people_of_a_picture_together_and_counts_them_once(tmp_path):
    dataset = open_dataset(write_mpii(tmp_path))
    assert [len(annotation(dataset, index)) for index in range(5)] == [2, 1, 1, 1, 1]
    assert [dataset[index].split for index in range(5)] == ["train"] * 4 + ["val"]
    assert skeleton(dataset) == skeletons.MPII
    found = annotation(dataset)
    np.testing.assert_allclose(found.keypoints[1, :, :2], joints_of(0, 16) + 3, atol=1e-3)
    assert np.isnan(found.boxes).all() and (found.semantic == IGNORE).any()


def test_mpii_knows_hidden_joints_those_not_known_and_people_without_any(tmp_path):
    root = write_mpii(tmp_path)
    hidden = mpii_person(1, joints_of(1, 16), joints_vis=[0, 0, 0] + [1] * 13)
    hidden["joints"][:2] = [[-1, -1], [0, 0]]
    nobody = mpii_person(1, np.full((16, 2), -1.5), joints_vis=[0] * 16, center=[10.5, 10.5])
    put(root, [*entries(root)[:1], hidden, nobody])
    (root / "annot" / "trainval.json").unlink()
    dataset = open_dataset(root)
    found = annotation(dataset, 1)
    assert found.keypoints[0, :4].tolist()[:2] == [[0, 0, 0], [0, 0, 0]]
    assert found.keypoints[0, 2:4, 2].tolist() == [1, 2]
    assert not found.keypoints[1].any() and found.boxes[1].tolist() == [0, 0, 20, 20]
    assert jointed(found, dataset.categories).is_labelled.tolist() == [True, False]


def test_mpii_in_matlabs_form_is_named(tmp_path):
    write(tmp_path / "images" / "1.jpg", image_of(0))
    (tmp_path / "mpii_human_pose_v1_u12_1.mat").write_bytes(b"")
    with pytest.raises(PixelwiseError, match=r"u12_1\.mat is MPII in MATLAB's form, .*train\.json"):
        open_dataset(tmp_path)


def test_pictures_of_mpii_that_are_not_there_are_counted_or_a_sentence(tmp_path):
    root = write_mpii(tmp_path)
    (root / "images" / "000000002.jpg").unlink()
    assert "1 picture that the files name are not there." in open_dataset(root).notes
    for path in (root / "images").iterdir():
        path.rename(root / "images" / f"x{path.name}")
    with pytest.raises(PixelwiseError, match=r"None of the 5 pictures .*000000000\.jpg\. Put the"):
        open_dataset(root)


BAD_PEOPLE = {
    "few joints": {"joints": [[1, 2]] * 15},
    "few marks": {"joints_vis": [1] * 15},
    "no place": {"joints": None},
    "words": {"joints": [["a", "b"]] * 16},
}


@pytest.mark.parametrize("name", BAD_PEOPLE)
def test_a_person_of_mpii_that_is_none_is_named_by_its_number(tmp_path, name):
    root = write_mpii(tmp_path)
    people = entries(root)
    people[2] |= BAD_PEOPLE[name]
    put(root, people)
    with pytest.raises(PixelwiseError, match=r"train\.json, entry 2: a person needs"):
        open_dataset(root)


def test_a_damaged_list_of_mpii_is_a_sentence(tmp_path):
    root = write_mpii(tmp_path)
    path = root / "annot" / "train.json"
    path.write_text(path.read_text()[:-9])
    with pytest.raises(PixelwiseError, match=r"train\.json is damaged or no JSON"):
        open_dataset(root)
    put(root, {"people": entries(root, "valid")})
    with pytest.raises(PixelwiseError, match=r"holds a dict; MPII's JSON form is a list"):
        open_dataset(root)


# --- yolo pose -----------------------------------------------------------------------------------


def yaml(root: Path, *lines: str) -> Dataset:
    (root / "data.yaml").write_text("\n".join(lines))
    return open_dataset(root)


def one_line(root: Path, line: str) -> Path:
    (root / "labels" / "train" / "p0.txt").write_text(line)
    return root


def shares(index: int, count: int) -> np.ndarray:
    return joints_of(index, count) / SIZE_HW[::-1]


def test_yolo_pose_has_boxes_and_void_where_nobody_knows_the_joints(tmp_path):
    dataset = open_dataset(write_yolo_pose(tmp_path))
    found = annotation(dataset)
    middle = joints_of(0, 4).mean(axis=0)
    expected = [*(middle - 6), *(middle + 6)]
    assert found.boxes.dtype == np.float32
    np.testing.assert_allclose(found.boxes[0], expected, atol=1e-3)
    assert found.keypoints[0, :, 2].tolist() == [2, 1, 2] and not found.semantic.any()
    nobody = annotation(dataset, 4)
    left, top, right, bottom = nobody.boxes[0].round().astype(int)
    assert len(nobody) == 1 and not nobody.keypoints.any()
    assert (nobody.semantic[top:bottom, left:right] == IGNORE).all()
    assert not jointed(nobody, dataset.categories).is_labelled.any()


def test_yolo_pose_makes_up_names_and_limbs_and_says_so(tmp_path):
    dataset = open_dataset(write_yolo_pose(tmp_path))
    found = skeleton(dataset)
    assert found.joints == ("joint 1", "joint 2", "joint 3") and found.mirrored == (0, 2, 1)
    # Evenly on a circle: the shortest limb of its own kind, then both to the first.
    assert {frozenset(limb) for limb in found.limbs} >= {frozenset((0, 1)), frozenset((0, 2))}
    assert any("No limbs are given: added are the shortest" in note for note in dataset.notes)
    assert [category.name for category in dataset.categories] == ["background", "bird"]


NAMED = {
    "a list": ("kpt_names: [beak, left_wing, right_wing]",),
    "a list for each class": ("kpt_names:", "  0: [beak, 'left_wing', right_wing]"),
    "lines": ("kpt_names:", "  0:", "    - beak", "    - left_wing  # spread", "    - right_wing"),
    "braces": ('kpt_names: {0: ["beak", "left_wing",', "  right_wing]}"),
}


@pytest.mark.parametrize("form", NAMED)
def test_joints_are_named_in_any_habit_of_yaml(tmp_path, form):
    dataset = yaml(write_yolo_pose(tmp_path), "kpt_shape: [3, 3]", *NAMED[form], "names: [bird]")
    found = skeleton(dataset)
    assert found.joints == ("beak", "left_wing", "right_wing") and found.mirrored == (0, 2, 1)
    assert dataset.categories[1].name == "bird"


def test_without_a_mirror_order_and_names_the_user_is_told(tmp_path):
    dataset = yaml(write_yolo_pose(tmp_path), "kpt_shape:", "- 3", "- 3", "names:", "- bird")
    assert skeleton(dataset).mirrored == (0, 1, 2)
    assert any("has no flip_idx" in note for note in dataset.notes)


def test_seventeen_joints_are_cocos_with_or_without_a_yaml_file(tmp_path):
    root = write_yolo_pose(tmp_path)
    for index in range(5):
        part = "val" if index > 3 else "train"
        joints = np.column_stack([shares(index, 17), np.full(17, 2)])
        (root / "labels" / part / f"p{index}.txt").write_text(yolo_person(index, joints))
    flip = f"flip_idx: {list(skeletons.COCO.mirrored)}"
    dataset = yaml(root, "kpt_shape: [17, 3]", flip, "names: [person]")
    assert skeleton(dataset) == skeletons.COCO
    (root / "data.yaml").unlink()
    dataset = open_dataset(root)
    assert skeleton(dataset) == skeletons.COCO
    assert any("56 numbers" in note for note in dataset.notes)
    np.testing.assert_allclose(annotation(dataset).keypoints[0, :, :2], joints_of(0, 17), atol=1e-3)
    dataset = yaml(root, "kpt_shape: [17, 3]", f"flip_idx: {list(range(17))}", "names: [worm]")
    assert skeleton(dataset).joints[0] == "joint 1"


def test_two_numbers_a_joint_are_places_and_0_0_is_not_known(tmp_path):
    root = write_yolo_pose(tmp_path)
    for index in range(5):
        part = "val" if index > 3 else "train"
        places = shares(index, 17)
        places[4] = 0
        (root / "labels" / part / f"p{index}.txt").write_text(yolo_person(index, places))
    (root / "data.yaml").unlink()
    found = annotation(open_dataset(root)).keypoints[0]
    assert found[4].tolist() == [0, 0, 0] and (np.delete(found[:, 2], 4) == 2).all()


def test_polygons_of_nineteen_corners_stay_polygons(tmp_path):
    root = write_yolo(tmp_path)
    (root / "data.yaml").unlink()
    angles = np.arange(19) * 2 * np.pi / 19
    corners = 0.5 + 0.4 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for text in (root / "labels").rglob("*.txt"):
        text.write_text(" ".join(map(str, [0, *corners.ravel()])))
    found = annotation(open_dataset(root))
    assert found.keypoints is None and found.mask(0).sum() > 500


BAD_LINES = {
    "0 0.5 0.5 0.2 0.2": r"4 numbers after the class; expected are 13: .*not mixed",
    "0 0.1 0.1 0.2 0.1 0.2 0.2": r"6 numbers after the class; expected are 13",
    "1 0.5 0.5 0.2 0.2 0.5 0.5 2 0.5 0.5 2 0.5 0.5 2": r"holds the class 1, but 1 are named",
    "0 0.5 0.5 0.2 0.2 24 18 2 0.5 0.5 2 0.5 0.5 2": r"holds 24; corners are shares",
    "0 0.5 0.5 0.2 nan 0.5 0.5 2 0.5 0.5 2 0.5 0.5 2": r"corners are shares",
    "bird 0.5 0.5": r"line 1: 'bird 0\.5 0\.5' is not a class number",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_lines_that_are_no_people_are_sentences(tmp_path, line):
    dataset = open_dataset(one_line(write_yolo_pose(tmp_path), line))
    with pytest.raises(PixelwiseError, match=rf"p0\.txt.*{BAD_LINES[line]}"):
        annotation(dataset)


BAD_YAMLS = {
    "kpt_shape: [3]": r"kpt_shape is '\[3\]'; expected the number of joints and 2",
    "kpt_shape: [3, 4]": r"kpt_shape is",
    "kpt_shape: [3, 3]\nflip_idx: [0, 2]": r"flip_idx must tell for each of 3 joints \(0 to 2\)",
    "kpt_shape: [3, 3]\nflip_idx: [1, 2, 0]": r"flip_idx .* that one must tell the same",
    "kpt_shape: [3, 3]\nkpt_names: [a, b]": r"kpt_names names 2 joints, and kpt_shape says 3",
}


@pytest.mark.parametrize("text", BAD_YAMLS)
def test_a_yaml_file_that_contradicts_itself_is_a_sentence(tmp_path, text):
    with pytest.raises(PixelwiseError, match=rf"data\.yaml: {BAD_YAMLS[text]}"):
        yaml(write_yolo_pose(tmp_path), text, "names: [bird]")


# --- coco: limbs that the file leaves out --------------------------------------------------------


def coco_of(tmp_path: Path, **category: object) -> Dataset:
    write(tmp_path / "a.png", image_of(0, (24, 32)))
    square = [[2, 2, 12, 2, 12, 12, 2, 12]]
    people = [
        region(n, 10, 1, square, keypoints=[5, 2, 2, 9, 4 + n, 2, 1, 4 + n, 2]) for n in range(3)
    ]
    found = {
        "images": [{"id": 10, "file_name": "a.png", "height": 24, "width": 32}],
        "annotations": people,
        "categories": [{"id": 1, "name": "person", "keypoints": JOINTS, **category}],
    }
    write_json(tmp_path / "instances.json", found)
    return open_dataset(tmp_path)


def test_limbs_that_a_coco_file_leaves_out_are_added_and_named(tmp_path):
    dataset = coco_of(tmp_path)
    assert {frozenset(limb) for limb in skeleton(dataset).limbs} == {
        frozenset((0, 1)),
        frozenset((0, 2)),
    }
    assert any("No limbs are given: added are" in note for note in dataset.notes)
    dataset = coco_of(tmp_path, skeleton=[[1, 2]])
    assert skeleton(dataset).limbs[0] == (0, 1) and len(skeleton(dataset).limbs) > 1
    assert any("do not connect all joints" in note for note in dataset.notes)
    dataset = coco_of(tmp_path, skeleton=[[1, 2], [1, 3]])
    assert skeleton(dataset).limbs == ((0, 1), (0, 2))
    assert not any("added" in note for note in dataset.notes)


def test_limbs_of_another_skeleton_give_way_to_those_that_are_known(tmp_path):
    from pixelwise.datasets._joints import skeleton_in

    names = list(skeletons.CROWDPOSE.joints)
    found = skeleton_in({"keypoints": names, "skeleton": [[16, 14], [14, 12]]})
    assert found is not None and found == skeletons.CROWDPOSE
