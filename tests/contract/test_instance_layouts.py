"""Folders with instances: each layout gives the objects that were written, whatever the habit."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from folders import (
    SIZE_HW,
    WRITERS,
    corners_of,
    image_of,
    mask_of,
    objects_of,
    shape,
    white,
    write,
    write_cityscapes,
    write_instance_files,
    write_pairs,
    write_pairs_of_objects,
    write_pennfudan,
    write_shapes,
    write_voc,
    write_yolo,
)
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.datasets._class_names import names_in_yaml
from pixelwise.datasets._shapes import polygon
from pixelwise.types import IGNORE, Annotation, PixelwiseError

OF_OBJECTS = ("instance_files", "labelme", "pennfudan", "via", "voc", "yolo")
"""Layouts whose writer draws `objects_of`: a disc, then a square."""


def annotation(dataset: Dataset, index: int = 0) -> Annotation:
    return dataset[index].read_annotation()


def kinds(dataset: Dataset, index: int = 0) -> list[str]:
    return [dataset.categories[label].name for label in annotation(dataset, index).labels]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("layout", OF_OBJECTS)
def test_the_objects_that_were_written_are_the_instances(tmp_path, layout):
    dataset = open_dataset(WRITERS[layout](tmp_path))
    assert len(dataset) == 5 and dataset.unpaired == ()
    assert dataset.categories[0].name == "background" and not dataset.categories[0].is_thing
    assert all(category.is_thing for category in dataset.categories[1:])
    for index in range(5):
        found, truth = annotation(dataset, index), objects_of(index)
        assert len(found) == 2 and not found.crowd.any()
        for number in (1, 2):
            # Outlines go through corners and back; files of pixels are exact.
            least = 0.9 if layout in ("labelme", "via", "yolo") else 0.999
            assert overlap(found.mask(number - 1), truth == number) > least
            seen = found.semantic[found.mask(number - 1)]
            assert (seen == found.labels[number - 1]).all()


@pytest.mark.parametrize("layout", OF_OBJECTS)
def test_an_option_for_mask_pictures_is_refused_where_there_is_nothing_to_settle(tmp_path, layout):
    root = WRITERS[layout](tmp_path)
    if layout == "pennfudan":
        assert open_dataset(root, "binary=person").masks == "binary=person"
        return
    with pytest.raises(PixelwiseError, match=r"--masks binary says what .*Say --masks auto"):
        open_dataset(root, "binary")
    assert len(open_dataset(root, "ids=thing")) == 5


# --- numbered objects ----------------------------------------------------------------------------


def test_numbers_need_not_be_consecutive_and_all_parts_of_one_are_one_instance(tmp_path):
    root = write_pairs_of_objects(tmp_path, "images/p{}.png", "masks/p{}.png")
    scattered = np.zeros(SIZE_HW, np.uint16)
    scattered[0:4, 0:4] = scattered[20:24, 20:24] = 900
    scattered[10:14, 0:4] = 7
    write(root / "masks" / "p0.png", scattered)
    found = annotation(open_dataset(root, "ids=cell"))
    assert len(found) == 2
    np.testing.assert_array_equal(found.mask(0), scattered == 7)
    np.testing.assert_array_equal(found.mask(1), scattered == 900)
    np.testing.assert_array_equal(found.semantic, scattered > 0)


def test_colours_and_32_bit_files_number_objects_too(tmp_path):
    root = write_pairs(tmp_path, 4, mask="masks/p{}.tif")
    for index in range(4):
        path = root / "masks" / f"p{index}.tif"
        path.unlink()
        tifffile.imwrite(path, objects_of(index).astype(np.int32) * 300)
    dataset = open_dataset(root, "ids")
    assert dataset.masks == "ids=object" and len(annotation(dataset, 3)) == 2
    colors = np.array([(0, 0, 0), (9, 0, 0), (9, 0, 1)], np.uint8)
    root = write_pairs(tmp_path / "c", 4, values=lambda mask: colors[mask + 0])
    write(root / "masks" / "p0.png", colors[objects_of(0)])
    assert len(annotation(open_dataset(root, "ids"))) == 2


def test_a_table_tells_what_numbered_objects_are(tmp_path):
    root = write_pairs_of_objects(tmp_path, "images/p{}.png", "masks/p{}.png")
    rows = [f"p{index}.png,{number},{kind}" for index in range(5) for number, kind in KINDS]
    (root / "instances.csv").write_text("\n".join(["File,id,category", *rows]))
    dataset = open_dataset(root, "ids")
    assert dataset.masks == "ids=cell,debris"
    assert kinds(dataset) == ["cell", "debris"]
    assert kinds(open_dataset(root, dataset.masks)) == ["cell", "debris"]
    (root / "instances.csv").write_text("\n".join(["file,id,category", *rows[:-1]]))
    with pytest.raises(PixelwiseError, match=r"no category for the object 2 of .*p4\.png.*Add the"):
        annotation(open_dataset(root, "ids"), 4)
    (root / "instances.csv").write_text("name,number\n")
    with pytest.raises(PixelwiseError, match=r"columns name, number; expected file, id and"):
        open_dataset(root, "ids")


KINDS = ((1, "cell"), (2, "debris"))


def test_a_mask_of_numbers_at_another_scale_is_resized(tmp_path):
    root = write_pairs_of_objects(tmp_path, "images/p{}.png", "masks/p{}.png")
    write(root / "masks" / "p0.png", objects_of(0).repeat(2, axis=0).repeat(2, axis=1))
    found = annotation(open_dataset(root, "ids"))
    np.testing.assert_array_equal(found.layers[0], objects_of(0))
    write(root / "masks" / "p0.png", objects_of(0)[:, :20])
    with pytest.raises(PixelwiseError, match=r"p0\.png is 20 x 36 pixels, but its image is 48 x"):
        annotation(open_dataset(root, "ids"))


def test_measurements_beside_numbered_objects_are_no_groups(tmp_path):
    root = write_pairs_of_objects(tmp_path, "images/p{}.png", "masks/p{}.png")
    (root / "index.csv").write_text("image,width,height\np0,48,36\np1,48,36\n")
    assert open_dataset(root, "ids")[0].groups == {}


def test_a_picture_without_numbers_has_no_instances(tmp_path):
    root = write_pairs_of_objects(tmp_path, "images/p{}.png", "masks/p{}.png")
    write(root / "masks" / "p1.png", np.zeros(SIZE_HW, np.uint8))
    found = annotation(open_dataset(root, "ids"), 1)
    assert len(found) == 0 and found.layers.shape == (0, *SIZE_HW)


def test_pennfudan_is_people(tmp_path):
    dataset = open_dataset(write_pennfudan(tmp_path))
    assert kinds(dataset) == ["person", "person"] and dataset.masks == "ids=person"


# --- a file for each object ----------------------------------------------------------------------


def test_a_folder_of_masks_named_after_each_picture_is_read(tmp_path):
    for index in range(4):
        write(tmp_path / "train" / "images" / f"p{index}.png", image_of(index))
        for number in (1, 2):
            path = tmp_path / "train" / "masks" / f"p{index}" / f"{number}.png"
            write(path, white(objects_of(index) == number))
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, len(dataset), dataset.unpaired) == ("instance_files", 4, ())
    np.testing.assert_array_equal(annotation(dataset, 2).mask(0), objects_of(2) == 1)


def test_masks_of_objects_saved_as_jpeg_are_cut_at_half(tmp_path):
    for index in range(3):
        write(tmp_path / "images" / f"p{index}.png", image_of(index))
        for number in (1, 2):
            path = tmp_path / "masks" / f"p{index}" / f"{number}.jpg"
            write(path, white(objects_of(index) == number), quality=60)
    found = annotation(open_dataset(tmp_path))
    assert all(overlap(found.mask(n - 1), objects_of(0) == n) > 0.9 for n in (1, 2))


def test_a_large_folder_of_masks_is_recognised_by_a_glimpse(tmp_path, monkeypatch):
    from pixelwise.datasets import _files

    for index in range(24):
        write(tmp_path / "images" / f"p{index}.png", image_of(index))
        for number in (1, 2):
            path = tmp_path / "masks" / f"p{index}" / f"{number}.png"
            write(path, white(objects_of(index) == number))
    monkeypatch.setattr(_files, "_GLIMPSE_PER_FOLDER", 4)
    assert len(open_dataset(tmp_path)) == 24


def test_masks_that_overlap_lie_on_layers_and_the_smaller_is_seen(tmp_path):
    root = write_instance_files(tmp_path)
    write(root / "case0" / "masks" / "0a2.png", white(np.ones(SIZE_HW, bool)))
    dataset = open_dataset(root, "ids=nucleus")
    (root / "classes.txt").write_text("background\ncell\n")
    assert open_dataset(root).categories[1].name == "cell"
    found = annotation(dataset)
    assert len(found.layers) == 2 and found.mask(1).all()
    np.testing.assert_array_equal(found.mask(0), mask_of(0) & (objects_of(0) == 1))
    assert kinds(dataset) == ["nucleus", "nucleus"]


def test_one_mask_for_each_picture_in_folders_of_cases_is_no_file_for_each_object(tmp_path):
    for index in range(4):
        write(tmp_path / f"case{index}" / "images" / f"{index}.png", image_of(index))
        write(tmp_path / f"case{index}" / "masks" / f"{index}_mask.png", white(mask_of(index)))
    assert open_dataset(tmp_path).layout == "folder"


# --- yolo ----------------------------------------------------------------------------------------


def test_yolo_names_parts_and_pictures_without_objects(tmp_path):
    root = write_yolo(tmp_path)
    write(root / "images" / "train" / "empty.jpg", image_of(7))
    dataset = open_dataset(root)
    assert [category.name for category in dataset.categories] == ["background", "cell", "debris"]
    samples = {dataset[index].id: dataset[index] for index in range(len(dataset))}
    assert samples["train/p0"].split == "train" and samples["val/p4"].split == "val"
    assert len(samples["train/empty"].read_annotation()) == 0
    assert any("1 pictures have no text file" in note for note in dataset.notes)


YAMLS = {
    "block list": "names:\n- cell\n- 'big debris'  # often\n",
    "indented list": 'nc: 2\nnames:\n  - cell\n  - "big debris"\ntrain: x\n',
    "block table": "names:\n  0: cell\n  1: big debris\npath: .\n",
    "brackets": "names: ['cell', 'big debris']\n",
    "brackets on several lines": "names: ['cell',\n  'big debris']\nnc: 2",
    "braces": "names: {0: cell, 1: big debris}",
}


@pytest.mark.parametrize("name", YAMLS)
def test_names_in_any_habit_of_yaml(name):
    assert names_in_yaml(YAMLS[name]) == {0: "cell", 1: "big debris"}


def test_yaml_without_names_names_nothing():
    assert names_in_yaml("path: ../data\nnc: 3\nnames:\ntrain: x\n") == {}


def test_yolo_without_names_calls_classes_by_their_numbers(tmp_path):
    root = write_yolo(tmp_path)
    (root / "data.yaml").unlink()
    names = [category.name for category in open_dataset(root).categories]
    assert names == ["background", "class 0", "class 2"]


BAD_LINES = {
    "0 0.5 0.5 0.2 0.2 0.1 0.1 0.4": r"7 numbers after the class; a polygon has an even",
    "0 10 20 30 20 30 40": r"holds 40; corners are shares .* Divide x by the width",
    "7 0.1 0.1 0.2 0.1 0.2 0.2": r"holds the class 7, but 2 are named",
    "cell 0.1 0.1 0.2 0.1 0.2 0.2": r"line 1: 'cell 0\.1.*is not a class number",
    "0 0.1 nan 0.2 0.1 0.2 0.2": r"corners are shares",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_lines_that_are_no_polygons_are_sentences(tmp_path, line):
    root = write_yolo(tmp_path)
    (root / "labels" / "train" / "p0.txt").write_text(line)
    with pytest.raises(PixelwiseError, match=BAD_LINES[line]):
        annotation(open_dataset(root))


# --- labelme and via -----------------------------------------------------------------------------

SQUARE = np.array([(2, 2), (8, 2), (8, 8), (2, 8)])


def square(x: int, y: int) -> np.ndarray:
    """A square of 6 px whose corner is at 2 + x, 2 + y."""
    return SQUARE + np.array([x, y])


def labelme_of(root: Path, *shapes: dict) -> Dataset:
    write_shapes(root / "p0.json", list(shapes))
    return open_dataset(root)


def test_shapes_of_one_group_or_number_are_one_instance(tmp_path):
    away = square(20, 0)
    dataset = labelme_of(
        tmp_path,
        shape("sofa", SQUARE, group=0),
        shape("sofa", away, group=0),
        shape("sheep-1", square(0, 12)),
        shape("sheep-1", square(20, 12)),
        shape("sheep-2", square(0, 22)),
        shape("sofa", square(20, 20)),
    )
    assert kinds(dataset) == ["sofa", "sheep", "sheep", "sofa"]
    assert annotation(dataset).mask(0)[5, 5] and annotation(dataset).mask(0)[5, 25]
    assert any("one class, sheep: sheep-1, sheep-2." in note for note in dataset.notes)


def test_a_label_that_a_names_file_lists_keeps_its_number(tmp_path):
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ncovid-19\nother\n")
    dataset = labelme_of(tmp_path, shape("covid-19", SQUARE))
    assert [category.name for category in dataset.categories] == ["background", "covid-19", "other"]
    assert kinds(dataset) == ["covid-19"]
    dataset = labelme_of(tmp_path, shape("flu", SQUARE))
    with pytest.raises(PixelwiseError, match=r"label 'flu', which the names file does not list"):
        annotation(dataset)


def test_rectangles_circles_and_masks_are_filled_and_lines_left_out(tmp_path):
    small = io.BytesIO()
    Pil.fromarray(white(np.eye(4, dtype=bool))).save(small, "PNG")
    stamp = shape("dot", [(30, 10), (33, 13)], "mask")
    stamp["mask"] = base64.b64encode(small.getvalue()).decode()
    dataset = labelme_of(
        tmp_path,
        shape("box", [(2, 3), (6, 9)], "rectangle"),
        shape("disc", [(20, 20), (25, 20)], "circle"),
        stamp,
        shape("line", [(1, 1), (9, 9)], "linestrip"),
        shape("__ignore__", square(30, 20)),
    )
    found = annotation(dataset)
    assert kinds(dataset) == ["box", "disc", "dot"]
    expected = np.zeros(SIZE_HW, bool)
    expected[3:9, 2:6] = True
    np.testing.assert_array_equal(found.mask(0), expected)
    assert found.mask(1).sum() == pytest.approx(np.pi * 25, rel=0.05)
    np.testing.assert_array_equal(np.argwhere(found.mask(2))[:, 1], [30, 31, 32, 33])
    assert (found.semantic[23:27, 33:37] == IGNORE).all()
    assert any("1 shapes without an area (linestrip)" in note for note in dataset.notes)


def test_outlines_of_a_picture_that_was_made_smaller_since_move_along(tmp_path):
    write_shapes(tmp_path / "p0.json", [shape("box", 2 * SQUARE)])
    content = json.loads((tmp_path / "p0.json").read_text())
    content["imageHeight"], content["imageWidth"] = 2 * SIZE_HW[0], 2 * SIZE_HW[1]
    (tmp_path / "p0.json").write_text(json.dumps(content))
    assert annotation(open_dataset(tmp_path)).mask(0).sum() == 36
    content["imageHeight"] = 500
    (tmp_path / "p0.json").write_text(json.dumps(content))
    with pytest.raises(PixelwiseError, match=r"drawn on a picture of 96 x 500 pixels"):
        annotation(open_dataset(tmp_path))


def test_a_damaged_json_and_a_shape_that_cannot_be_drawn_are_sentences(tmp_path):
    dataset = labelme_of(tmp_path, shape("box", [(2, 3)], "circle"))
    with pytest.raises(PixelwiseError, match=r"p0\.json holds a circle labelled 'box' that cannot"):
        annotation(dataset)
    text = (tmp_path / "p0.json").read_text()
    (tmp_path / "p0.json").write_text(text[:-20])
    with pytest.raises(PixelwiseError, match=r"p0\.json is damaged or no JSON"):
        open_dataset(tmp_path)


def test_via_reads_kinds_shapes_and_both_of_its_versions(tmp_path):
    write(tmp_path / "p0.png", image_of(0))
    write(tmp_path / "p1.png", image_of(1))
    regions = [
        {"name": "rect", "x": 2, "y": 3, "width": 4, "height": 6},
        {"name": "circle", "cx": 20, "cy": 20, "r": 5},
        {"name": "point", "cx": 1, "cy": 1},
    ]
    marked = [
        {"shape_attributes": each, "region_attributes": {"class": kind}}
        for each, kind in zip(regions, ("box", "disc", "dot"), strict=True)
    ]
    entries = {"a": {"filename": "p0.png", "regions": marked}}
    entries["b"] = {"filename": "p1.png", "regions": []}
    (tmp_path / "project.json").write_text(json.dumps({"_via_img_metadata": entries}))
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, len(dataset), dataset.unpaired) == ("via", 2, ())
    assert kinds(dataset) == ["box", "disc"] and len(annotation(dataset, 1)) == 0
    assert annotation(dataset).mask(0).sum() == 24
    assert dataset.notes == ("1 points and lines are left out.",)


# --- voc and cityscapes --------------------------------------------------------------------------


def test_voc_takes_the_class_under_each_object_void_and_the_declared_parts(tmp_path):
    dataset = open_dataset(write_voc(tmp_path))
    assert len(dataset.categories) == 21 and kinds(dataset) == ["cat", "dog"]
    assert (annotation(dataset).semantic[:3, -3:] == IGNORE).all()
    assert [dataset[index].split for index in range(5)] == ["train"] * 3 + ["val"] * 2


def test_voc_with_names_of_its_own_and_pictures_without_masks(tmp_path):
    root = write_voc(tmp_path)
    names = ["_background_", *(f"kind{number}" for number in range(1, 13))]
    (root / "class_names.txt").write_text("\n".join(names))
    write(root / "JPEGImages" / "unlabelled.jpg", image_of(9))
    dataset = open_dataset(root)
    assert kinds(dataset) == ["kind8", "kind12"] and dataset.unpaired == ()
    assert "1 pictures without masks are left out." in dataset.notes
    write(root / "SegmentationClass" / "p0.png", np.zeros(SIZE_HW, np.uint8))
    with pytest.raises(PixelwiseError, match=r"object 1 of .*p0\.png has no class in"):
        annotation(open_dataset(root))


def test_voc_without_objects_is_a_semantic_folder(tmp_path):
    root = write_voc(tmp_path)
    for path in (root / "SegmentationObject").iterdir():
        path.unlink()
    dataset = open_dataset(root, "index")
    assert dataset.layout == "folder" and not any(c.is_thing for c in dataset.categories)


def test_cityscapes_is_panoptic_with_groups_as_crowds(tmp_path):
    dataset = open_dataset(write_cityscapes(tmp_path))
    assert len(dataset.categories) == 19 and dataset.categories[13].name == "car"
    assert sum(category.is_thing for category in dataset.categories) == 8
    found, objects = annotation(dataset), objects_of(3)  # bonn comes before ulm
    assert kinds(dataset) == ["person", "car"] and found.crowd.tolist() == [True, False]
    np.testing.assert_array_equal(found.mask(1), objects == 1)
    np.testing.assert_array_equal(found.semantic == 13, objects == 1)
    assert (found.semantic[objects == 2] == IGNORE).all()
    assert (found.semantic[:3, -3:] == IGNORE).all() and found.semantic[-1, -1] == 0
    assert dict(dataset[0].groups) == {"city": "bonn"} and dataset[0].split == "val"


def test_cityscapes_without_instances_is_semantic(tmp_path):
    dataset = open_dataset(write_cityscapes(tmp_path, with_instances=False))
    assert dataset.layout == "cityscapes" and not any(c.is_thing for c in dataset.categories)
    found = annotation(dataset)
    assert len(found) == 0 and (found.semantic[objects_of(3) == 2] == 11).all()


def test_the_blank_test_part_of_cityscapes_is_left_out(tmp_path):
    root = write_cityscapes(tmp_path)
    name = "berlin/berlin_000000_000019"
    write(root / "leftImg8bit" / "test" / f"{name}_leftImg8bit.png", image_of(0))
    for kind in ("labelIds", "instanceIds"):
        write(root / "gtFine" / "test" / f"{name}_gtFine_{kind}.png", np.zeros(SIZE_HW, np.uint8))
    dataset = open_dataset(root)
    assert len(dataset) == 5 and dataset.unpaired == ()
    assert dataset.notes == ("The 1 test pictures have blank maps and are left out.",)


def test_corners_and_back_is_the_same_object():
    disc = objects_of(0) == 1
    assert overlap(polygon(corners_of(disc), SIZE_HW), disc) > 0.95
