"""What is written is read back equal, but for what the form cannot hold, and that is said."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from cocos import SIZE_HW, picture, pixels, write_farm, write_json, write_meadow
from cocos import farm as farm_json
from cocos import people as people_json
from discs import draw_disc
from folders import write, write_camvid, write_folder
from pixelwise import convert, rle
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.find import find, names
from pixelwise.types import Annotation, PixelwiseError
from pixelwise.writers._polygons import polygon_of

WRITERS = names("writers")


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    """Overlaps, a herd, joints, parts."""
    root = tmp_path / "farm"
    for part in ("train", "val"):
        write_json(root / "annotations" / f"instances_{part}.json", farm_json())
        write_json(root / "annotations" / f"person_keypoints_{part}.json", people_json())
        for seed, name in enumerate(("a.png", "b.png")):
            write(root / part / name, picture(seed))
    return root


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    """No overlaps, one herd, no joints, no parts."""
    found = farm_json()
    found["annotations"][1]["segmentation"] = [[14, 14, 18, 14, 18, 18, 14, 18]]
    return write_farm(tmp_path / "yard", found)


def annotations(dataset: Dataset) -> dict[str, Annotation]:
    samples = (dataset[index] for index in range(len(dataset)))
    return {
        Path(sample.id).stem + (sample.split or ""): sample.read_annotation() for sample in samples
    }


def assert_equal(one: Dataset, other: Dataset, *, joints: bool = True) -> None:
    assert [c.name for c in one.categories] == [c.name for c in other.categories]
    assert [c.is_thing for c in one.categories] == [c.is_thing for c in other.categories]
    first, second = annotations(one), annotations(other)
    assert list(first) == list(second)
    for name, annotation in first.items():
        again = second[name]
        np.testing.assert_array_equal(annotation.semantic, again.semantic)
        np.testing.assert_array_equal(annotation.labels, again.labels)
        np.testing.assert_array_equal(annotation.crowd, again.crowd)
        for index in range(len(annotation)):
            np.testing.assert_array_equal(annotation.mask(index), again.mask(index))
        if joints and annotation.keypoints is not None:
            np.testing.assert_array_equal(annotation.keypoints, again.keypoints)
            assert annotation.mirrored == again.mirrored


def test_there_are_these_forms():
    assert WRITERS == ["coco", "coco_panoptic", "ids", "yolo", "yolo_pose"]
    assert all(callable(find("writers", name).write) for name in WRITERS)


@pytest.mark.parametrize("to", WRITERS)
def test_pictures_are_copied_as_they_are_and_all_are_there(to, farm, tmp_path):
    done = convert(farm, tmp_path / "out", to)
    copies = [path for path in done.out.rglob("a.png") if path.read_bytes() == _bytes(farm)]
    assert (done.num_pictures, len(copies)) == (4, 2)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def _bytes(farm: Path) -> bytes:
    return (farm / "train" / "a.png").read_bytes()


def test_coco_keeps_everything_of_instances(farm, tmp_path):
    done = convert(farm, tmp_path / "out", "coco")
    assert done.notes == ()
    assert_equal(open_dataset(farm), open_dataset(done.out))
    skeletons = [open_dataset(root).categories[1].skeleton for root in (farm, done.out)]
    assert skeletons[0] is not None and skeletons[0] == skeletons[1]


def test_coco_writes_joints_as_the_numbers_of_pixels(farm, tmp_path):
    import json

    done = convert(farm, tmp_path / "out", "coco")
    found = json.loads((done.out / "annotations" / "instances_train.json").read_text())
    assert found["annotations"][2]["keypoints"] == [21, 3, 2, 0, 0, 0, 22, 4, 1]
    assert found["annotations"][2]["num_keypoints"] == 2
    assert found["annotations"][0]["area"] == 100
    assert found["annotations"][0]["bbox"] == [2, 2, 10, 10]


def test_coco_panoptic_keeps_everything_but_what_lies_under_another(tmp_path):
    root = write_meadow(tmp_path / "meadow")
    done = convert(root, tmp_path / "out", "coco_panoptic")
    assert done.notes == ()
    assert_equal(open_dataset(root), open_dataset(done.out))


def test_instances_as_panoptic_have_a_background(yard, tmp_path):
    done = convert(yard, tmp_path / "out", "coco_panoptic")
    assert done.notes == ()
    assert_equal(open_dataset(yard), open_dataset(done.out))


def test_what_panoptic_loses_is_said(farm, tmp_path):
    done = convert(farm, tmp_path / "out", "coco_panoptic")
    assert any(note.startswith("2 instances lie partly under") for note in done.notes)
    assert any(note.startswith("Joints are left out, in 2 pictures") for note in done.notes)
    assert_same_semantic(open_dataset(farm), open_dataset(done.out))


def assert_same_semantic(one: Dataset, other: Dataset) -> None:
    first, second = annotations(one), annotations(other)
    for name, annotation in first.items():
        np.testing.assert_array_equal(annotation.semantic, second[name].semantic)


def test_classes_without_objects_are_panoptics_stuff(tmp_path):
    root = write_camvid(tmp_path / "camvid")
    done = convert(root, tmp_path / "out", "coco_panoptic")
    assert_same_semantic(open_dataset(root), open_dataset(done.out))
    assert not any(category.is_thing for category in open_dataset(done.out).categories)


@pytest.mark.parametrize("to", ["coco", "ids", "yolo"])
def test_regions_of_a_class_become_objects(to, tmp_path):
    root = write_folder(tmp_path / "discs")
    done = convert(root, tmp_path / "out", to)
    assert "each connected region is one object" in done.notes[0]
    if to == "coco":
        assert_same_semantic(open_dataset(root), open_dataset(done.out))


# --- numbered objects ----------------------------------------------------------------------------


def test_ids_are_16_bits_and_a_table_names_their_categories(yard, tmp_path):
    done = convert(yard, tmp_path / "out", "ids")
    assert (
        done.notes
        == (
            "Void (255) becomes background, in 0 pictures.",
            "1 crowds are left out.",
        )[1:]
    )
    ids = cv2.imread(str(done.out / "masks" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert ids.dtype == np.uint16
    annotation = annotations(open_dataset(yard))["a"]
    for index in range(3):
        np.testing.assert_array_equal(ids == index + 1, annotation.mask(index))
    with (done.out / "instances.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["id"], row["category"]) for row in rows] == [
        ("masks/a.png", "1", "sheep"),
        ("masks/a.png", "2", "sheep"),
        ("masks/a.png", "3", "dog"),
    ]


def test_of_overlapping_objects_the_later_has_the_pixel(farm, tmp_path):
    done = convert(farm, tmp_path / "out", "ids")
    ids = cv2.imread(str(done.out / "masks" / "train" / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(ids == 1, pixels(2, 2, 10) & ~pixels(6, 6, 4))
    assert "32 pixels belong to several objects: the later one is written." in done.notes


# --- polygons ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_polygon_of_a_disc_is_the_disc_again_for_either_way_of_filling(seed):
    mask = np.asarray(draw_disc(seed, (60, 80))[1]).copy()
    points, holes = polygon_of(mask)
    drawn = rle.decode([points.ravel().tolist()], mask.shape)
    cut_off = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(cut_off, [points.astype(np.int32)], 1)
    assert holes == 0
    assert _iou(drawn, mask) > 0.99
    assert _iou(cut_off > 0, mask) > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_bridges_between_parts_have_no_width(seed):
    mask = np.asarray(draw_disc(seed, (60, 80))[1]).copy()
    mask[2:7, 3:9] = mask[50, 4] = mask[58, 70:75] = True
    points, _ = polygon_of(mask)
    assert _iou(rle.decode([points.ravel().tolist()], mask.shape), mask) > 0.98


def test_a_polygon_of_one_part_is_exact_and_a_hole_is_counted():
    mask = pixels(3, 3, 9)
    mask[7, 6] = True
    points, holes = polygon_of(mask)
    np.testing.assert_array_equal(rle.decode([points.ravel().tolist()], SIZE_HW), mask)
    mask[5, 5] = False
    assert (holes, polygon_of(mask)[1]) == (0, 1)


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_yolo_is_a_line_for_each_object_and_its_names(farm, tmp_path):
    done = convert(farm, tmp_path / "out", "yolo")
    lines = (done.out / "labels" / "train" / "a.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["1", "1", "0"]
    assert (done.out / "labels" / "val" / "b.txt").read_text() == ""
    annotation = annotations(open_dataset(farm))["atrain"]
    for index, line in enumerate(lines):
        share = np.array(line.split()[1:], float).reshape(-1, 2)
        points = share * SIZE_HW[::-1]
        assert (share >= 0).all() and (share <= 1).all()
        assert _iou(rle.decode([points.ravel().tolist()], SIZE_HW), annotation.mask(index)) > 0.9
    yaml = (done.out / "data.yaml").read_text().splitlines()
    assert yaml[:2] == ["train: images/train", "val: images/val"]
    assert yaml[2:] == ["names:", '  0: "dog"', '  1: "sheep"']
    assert any("crowds are left out" in note for note in done.notes)


def test_numbered_objects_are_read_back_equal(yard, tmp_path):
    done = convert(yard, tmp_path / "out", "ids")
    one, other = open_dataset(yard), open_dataset(done.out, "ids")
    for name, annotation in annotations(one).items():
        again = annotations(other)[name]
        kinds = [
            [d.categories[k].name for k in a.labels] for d, a in ((one, annotation), (other, again))
        ]
        known = np.flatnonzero(~annotation.crowd)
        assert [kinds[0][k] for k in known] == kinds[1]
        for index in known:
            np.testing.assert_array_equal(annotation.mask(index), again.mask(index))


def test_yolo_is_read_back_nearly_equal(farm, tmp_path):
    done = convert(farm, tmp_path / "out", "yolo")
    one, other = open_dataset(farm), open_dataset(done.out)
    assert other.layout == "yolo"
    for name, annotation in annotations(one).items():
        again = annotations(other)[name]
        known = np.flatnonzero(~annotation.crowd)
        assert len(known) == len(again)
        for number, index in enumerate(known):
            assert _iou(annotation.mask(index), again.mask(number)) > 0.9


# --- whole, or not at all ------------------------------------------------------------------------


def test_nothing_is_written_over(yard, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.txt").write_text("mine")
    with pytest.raises(PixelwiseError, match=r"is there already, and nothing is written over"):
        convert(yard, tmp_path / "out", "coco")


def test_an_unknown_form_lists_those_there_are(yard, tmp_path):
    with pytest.raises(PixelwiseError, match=r"No writer is called 'voc'.*coco_panoptic, ids"):
        convert(yard, tmp_path / "out", "voc")


def test_a_bad_annotation_leaves_nothing_behind(tmp_path):
    found = farm_json()
    found["annotations"][0]["segmentation"] = [[1, 1, 2]]
    found["annotations"][0]["segmentation"].append([1, 1, 5, 1, 5, 5, 2])
    root = write_farm(tmp_path / "farm", found)
    with pytest.raises(PixelwiseError, match="annotation 1"):
        convert(root, tmp_path / "out", "coco")
    assert [path.name for path in tmp_path.iterdir()] == ["farm"]


def test_the_command_says_what_is_lost(type_in, farm):
    code, output, _ = type_in(f"pixelwise convert {farm} out --to ids")
    assert code == 0 and "2 crowds are left out." in output
    assert "4 pictures are in out, as ids." in output
    assert type_in(f"pixelwise convert {farm} out --to ids")[0] == 2
