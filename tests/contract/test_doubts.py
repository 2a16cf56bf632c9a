"""Annotations that can mean two things: read as what they are, noted by name, or asked about."""

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from cocos import farm, write_farm
from folders import SIZE_HW, image_of, shape, write, write_shapes, write_voc, write_yolo
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.types import IGNORE, PixelwiseError

SQUARE = [(2, 2), (8, 2), (8, 8), (2, 8)]


def names_in(dataset: Dataset) -> list[str]:
    return [category.name for category in dataset.categories]


def write_labels(root: Path, *images: list[str]) -> Path:
    """An image for each list of labels, each label on a square of its own."""
    for number, labels in enumerate(images):
        corners = np.array([(8 * (k % 5), 8 * (k // 5)) for k in range(len(labels))])
        places = [np.array(SQUARE) + corner for corner in corners]
        shapes = [shape(label, place) for label, place in zip(labels, places, strict=True)]
        root.mkdir(parents=True, exist_ok=True)
        write_shapes(root / f"p{number}.json", shapes, number)
    return root


def assert_ignored(annotation: Any, rows: slice, columns: slice, num_objects: int) -> None:
    expected = np.zeros(annotation.size_hw, bool)
    expected[rows, columns] = True
    np.testing.assert_array_equal(annotation.semantic == IGNORE, expected)
    assert len(annotation) == num_objects


# --- boxes beside outlines -----------------------------------------------------------------------


def test_a_labelme_rectangle_beside_outlines_of_its_class_is_an_ignore_region(tmp_path):
    write_shapes(tmp_path / "p0.json", [shape("cell", SQUARE)])
    boxes = [
        shape("cell", [(20, 10), (30, 20)], "rectangle"),
        shape("door", [(2, 2), (8, 8)], "rectangle"),
    ]
    write_shapes(tmp_path / "p1.json", boxes)
    dataset = open_dataset(tmp_path)
    annotation = dataset[1].read_annotation()
    assert_ignored(annotation, slice(10, 20), slice(20, 30), 1)
    assert annotation.labels.tolist() == [names_in(dataset).index("door")]
    assert [note for note in dataset.notes if "rectangle" in note] == [
        "1 rectangle of cell beside outlines of the same class: nothing inside is learned from. "
        "Where a rectangle is the outline, draw it as a polygon."
    ]


@pytest.mark.parametrize("kind", ["rotation", "oriented_rectangle", "quadrilateral"])
def test_a_rotated_labelme_rectangle_is_filled(kind, tmp_path):
    rotated = [(10, 2), (18, 10), (10, 18), (2, 10)]
    write_shapes(tmp_path / "p0.json", [shape("cell", rotated, kind)])
    write_shapes(tmp_path / "p1.json", [shape("cell", rotated)])
    dataset = open_dataset(tmp_path)
    first, second = (dataset[index].read_annotation().semantic for index in range(2))
    np.testing.assert_array_equal(first, second)
    assert (first == 1).sum() == pytest.approx(128, abs=16) and dataset.notes == ()


def via_region(name: str, kind: str, **numbers: Any) -> dict[str, Any]:
    attributes = {"name": name, **numbers}
    return {"shape_attributes": attributes, "region_attributes": {"class": kind}}


def test_a_via_rectangle_beside_outlines_of_its_class_is_an_ignore_region(tmp_path):
    outline = via_region("polygon", "cell", all_points_x=[2, 8, 8, 2], all_points_y=[2, 2, 8, 8])
    box = via_region("rect", "cell", x=20, y=10, width=10, height=10)
    write(tmp_path / "images" / "p0.png", image_of(0))
    entries = {"a": {"filename": "p0.png", "regions": [outline, box]}}
    (tmp_path / "via.json").write_text(json.dumps(entries))
    dataset = open_dataset(tmp_path)
    assert_ignored(dataset[0].read_annotation(), slice(10, 20), slice(20, 30), 1)
    assert any("1 rectangle of cell" in note for note in dataset.notes)


def test_a_yolo_box_among_polygons_is_an_ignore_region(tmp_path):
    root = write_yolo(tmp_path)
    text = root / "labels" / "train" / "p0.txt"
    height, width = SIZE_HW
    text.write_text(f"0 {10 / width} {10 / height} {8 / width} {4 / height}")
    dataset = open_dataset(root)
    assert_ignored(dataset[0].read_annotation(), slice(8, 12), slice(6, 14), 0)
    assert any("1 of 9 lines looked at have a box and no outline" in note for note in dataset.notes)


VOC_OBJECT = (
    "<object><name>{}</name><part><bndbox><xmin>1</xmin></bndbox></part><bndbox><xmin>{}</xmin>"
    "<ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def test_a_voc_box_with_nothing_of_its_class_inside_is_an_ignore_region(tmp_path):
    root = write_voc(tmp_path)
    plain = open_dataset(root)[0].read_annotation()
    rows, columns = np.nonzero(plain.semantic == 8)
    cat = VOC_OBJECT.format("cat", columns.min() + 1, rows.min() + 1, columns.max(), rows.max())
    far = VOC_OBJECT.format("horse", 41, 31, 46, 34)
    (root / "Annotations").mkdir()
    (root / "Annotations" / "p0.xml").write_text(f"<annotation>{cat}{far}</annotation>")
    dataset = open_dataset(root)
    annotation = dataset[0].read_annotation()
    changed = annotation.semantic != plain.semantic
    assert (annotation.semantic[changed] == IGNORE).all() and (plain.semantic[changed] == 0).all()
    assert not changed[:30].any() and not changed[:, :40].any()
    assert changed[30:34, 40:46].sum() == (plain.semantic[30:34, 40:46] == 0).sum() > 0
    assert any("Boxes in the XML files" in note for note in dataset.notes)
    np.testing.assert_array_equal(annotation.layers, plain.layers)


def test_yolo_boxes_alone_are_refused(tmp_path):
    root = write_yolo(tmp_path)
    for text in root.glob("labels/*/*.txt"):
        text.write_text("0 0.5 0.5 0.2 0.2")
    with pytest.raises(PixelwiseError, match=r"holds boxes .* Export the labels for segmentation"):
        open_dataset(root)[0].read_annotation()


def test_a_yolo_class_that_is_no_whole_number_is_named(tmp_path):
    root = write_yolo(tmp_path)
    (root / "labels" / "train" / "p0.txt").write_text("1.7 0.1 0.1 0.2 0.1 0.2 0.2")
    with pytest.raises(PixelwiseError, match=r"'1\.7 .* is not a class number"):
        open_dataset(root)[0].read_annotation()


# --- labels that end in a number -----------------------------------------------------------------


def test_numbers_that_count_nothing_are_classes(tmp_path):
    dataset = open_dataset(write_labels(tmp_path, *[["HPV-16", "HPV-18"]] * 4))
    assert names_in(dataset) == ["background", "HPV-16", "HPV-18"]
    assert any("read as classes: HPV-16, HPV-18" in note for note in dataset.notes)


def test_numbers_that_count_from_1_in_each_image_are_objects(tmp_path):
    images = [["sheep-1"], ["sheep-1", "sheep-2"], ["sheep-1", "sheep-2", "sheep-3"], []]
    dataset = open_dataset(write_labels(tmp_path, *images))
    assert names_in(dataset) == ["background", "sheep"]
    assert any("one class, sheep: sheep-1, sheep-2, sheep-3" in note for note in dataset.notes)


ASKED = {
    "the same in each image": [["L-1", "L-2", "L-3"]] * 4,
    "one in each image": [["grade-1"], ["grade-2"], ["grade-3"], ["grade-3"]],
    "with gaps": [["T-1", "T-3"], ["T-2"], ["T-0", "T-3"]],
}


@pytest.mark.parametrize("name", ASKED)
def test_numbers_that_may_be_both_are_asked_about_and_a_names_file_settles_it(name, tmp_path):
    root = write_labels(tmp_path, *ASKED[name])
    with pytest.raises(PixelwiseError, match=r"may be classes, or numbered objects .*labels\.txt"):
        open_dataset(root)
    every = sorted({label for labels in ASKED[name] for label in labels})
    (root / "labels.txt").write_text("\n".join(every))
    assert names_in(open_dataset(root)) == ["background", *every]
    (root / "labels.txt").write_text(every[0].partition("-")[0])
    assert len(names_in(open_dataset(root))) == 2


def test_other_numbers_at_the_end_are_noted(tmp_path):
    dataset = open_dataset(write_labels(tmp_path, ["cell_1", "cell_2"], ["cell_1", "T1"]))
    assert names_in(dataset) == ["background", "T1", "cell_1", "cell_2"]
    assert any("read as classes: cell_1, cell_2. If they are" in note for note in dataset.notes)


# --- names that look alike -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        *(("Cell", "cell"), ("cell", "cell "), ("red cell", "red_cell")),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_names_that_look_alike_are_noted_in_every_form(names, tmp_path):
    one, other = names
    roots = [write_labels(tmp_path / "labelme", [one], [other])]
    found = farm()
    found["categories"] = [{"id": 18, "name": one}, {"id": 20, "name": other}]
    roots.append(write_farm(tmp_path / "coco", found))
    (tmp_path / "yolo").mkdir()
    roots.append(write_yolo(tmp_path / "yolo"))
    (tmp_path / "yolo" / "data.yaml").write_text(f'names:\n  0: "{one}"\n  2: "{other}"\n')
    for root in roots:
        told = [note for note in open_dataset(root).notes if "the same but for capitals" in note]
        assert len(told) == 1 and f'"{one}"' in told[0], root.name


def test_ordinary_names_are_not_noted(tmp_path):
    dataset = open_dataset(write_labels(tmp_path, ["cell", "cells"], ["c+", "c"]))
    assert dataset.notes == ()


# --- labelme: where the images are ---------------------------------------------------------------


@pytest.mark.parametrize(
    "stated", ["p0.png", "../images/p0.png", "C:\\data\\p0.png", "/abs/p0.png", "", "renamed.png"]
)
def test_labelme_files_apart_from_their_images(stated, tmp_path):
    write(tmp_path / "images" / "p0.png", image_of(0))
    (tmp_path / "labels").mkdir()
    path = write_shapes(tmp_path / "labels" / "p0.json", [shape("cell", SQUARE)])
    path.with_suffix(".png").unlink()
    path.write_text(json.dumps({**json.loads(path.read_text()), "imagePath": stated}))
    dataset = open_dataset(tmp_path)
    assert (len(dataset), dataset.notes, dataset.unpaired) == (1, (), ())
    assert (dataset[0].read_annotation().semantic == 1).sum() == 36


def test_labelme_files_whose_images_are_missing_are_named(tmp_path):
    root = write_labels(tmp_path, ["cell"], ["cell"])
    (root / "p1.png").unlink()
    dataset = open_dataset(root)
    assert [path.name for path in dataset.unpaired] == ["p1.json"]
    assert any("p1.json with the imagePath p1.png" in note for note in dataset.notes)
    (root / "p0.png").unlink()
    write(root / "other.png", image_of(0))
    with pytest.raises(PixelwiseError, match=r"None of the images .* name as imagePath"):
        open_dataset(root)


def test_labelme_files_with_their_images_inside_say_so(tmp_path):
    root = write_labels(tmp_path, ["cell"])
    stored = io.BytesIO((root / "p0.png").read_bytes())
    path = root / "p0.json"
    inside = {"imageData": base64.b64encode(stored.getvalue()).decode()}
    path.write_text(json.dumps({**json.loads(path.read_text()), **inside}))
    (root / "p0.png").unlink()
    with pytest.raises(PixelwiseError, match=r"images are inside the JSON files \(imageData\)"):
        open_dataset(root)


# --- images that EXIF turns ----------------------------------------------------------------------


def save_turned(path: Path, orientation: int, size_hw: tuple[int, int] = SIZE_HW) -> None:
    exif = Pil.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Pil.fromarray(np.resize(image_of(0), (*size_hw, 3))).save(path, exif=exif)


def turned_notes(root: Path) -> list[str]:
    return [note for note in open_dataset(root).notes if "EXIF orientation" in note]


def write_mask(path: Path, size_hw: tuple[int, int]) -> None:
    mask = np.zeros(size_hw, np.uint8)
    mask[:9, :9] = 255
    write(path, mask)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size_hw", [(40, 48), (40, 40)])
def test_an_image_that_exif_turns_is_noted_where_the_masks_size_cannot_tell(
    orientation, size_hw, tmp_path
):
    save_turned(tmp_path / "images" / "a.jpg", orientation, size_hw)
    is_quarter = orientation > 4
    write_mask(tmp_path / "masks" / "a.png", size_hw[::-1] if is_quarter else size_hw)
    is_told = orientation == 1 or (is_quarter and size_hw == (40, 48))
    notes = turned_notes(tmp_path)
    assert len(notes) == int(not is_told)
    assert is_told or "1 image with an EXIF orientation, for example images/a.jpg" in notes[0]


def write_turned(root: Path, layout: str, orientation: int, *, is_sized: bool) -> None:
    """A folder whose image is turned; its annotation speaks of the size as turned, if it does."""
    save_turned(root / "images" / "p0.jpg", orientation)
    height, width = SIZE_HW[::-1] if orientation > 4 else SIZE_HW
    if layout == "yolo":
        (root / "labels").mkdir()
        (root / "labels" / "p0.txt").write_text("0 0.1 0.1 0.3 0.1 0.3 0.3")
    if layout == "labelme":
        path = write_shapes(root / "p0.json", [shape("cell", SQUARE)])
        path.with_suffix(".png").unlink()
        sides = {"imageHeight": height, "imageWidth": width} if is_sized else {"imageHeight": None}
        path.write_text(json.dumps({**json.loads(path.read_text()), **sides}))
    if layout == "via":
        region = via_region("polygon", "cell", all_points_x=[2, 8, 8], all_points_y=[2, 2, 8])
        entries = {"a": {"filename": "p0.jpg", "regions": [region]}}
        (root / "via.json").write_text(json.dumps(entries))
    if layout == "coco":
        found = farm()
        sides = {"height": height, "width": width} if is_sized else {}
        found["images"] = [{"id": 10, "file_name": "p0.jpg", **sides}]
        (root / "instances.json").write_text(json.dumps(found))


@pytest.mark.parametrize("is_sized", [True, False])
@pytest.mark.parametrize("layout", ["coco", "labelme", "yolo", "via"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_an_image_that_exif_turns_is_noted_for_outlines_of_every_form(
    orientation, layout, is_sized, tmp_path
):
    write_turned(tmp_path, layout, orientation, is_sized=is_sized)
    is_told = orientation == 6 and is_sized and layout in ("coco", "labelme")
    assert len(turned_notes(tmp_path)) == int(not is_told)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tiff_says_its_orientation_in_a_tag_of_its_own(orientation, tmp_path):
    (tmp_path / "images").mkdir()
    tag = (0x0112, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "images" / "a.tif", image_of(0), photometric="rgb", extratags=[tag])
    write_mask(tmp_path / "masks" / "a.png", SIZE_HW if orientation == 3 else SIZE_HW[::-1])
    assert len(turned_notes(tmp_path)) == int(orientation == 3)


def test_a_mask_that_exif_turns_like_its_image_raises_no_doubt(tmp_path):
    save_turned(tmp_path / "images" / "a.jpg", 3)
    exif = Pil.Exif()
    exif[0x0112] = 3
    mask = np.zeros(SIZE_HW, np.uint8)
    mask[:9, :9] = 255
    (tmp_path / "masks").mkdir()
    Pil.fromarray(mask).save(tmp_path / "masks" / "a.png", exif=exif)
    assert turned_notes(tmp_path) == []


def test_shapes_of_an_image_as_it_is_stored_are_refused_by_the_name_of_exif(tmp_path):
    path = write_shapes(tmp_path / "p0.json", [shape("cell", SQUARE)])
    path.with_suffix(".png").unlink()
    save_turned(tmp_path / "p0.jpg", 6)
    with pytest.raises(PixelwiseError, match=r"as it is stored, 48 x 36; its EXIF orientation"):
        open_dataset(tmp_path)[0].read_annotation()


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_out_of_the_folder_are_named(tmp_path):
    write(tmp_path / "elsewhere" / "a.png", image_of(0))
    root = tmp_path / "data"
    write_mask(root / "masks" / "a.png", SIZE_HW)
    (root / "images").mkdir()
    (root / "images" / "a.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    notes = [note for note in open_dataset(root).notes if "lead out of the folder" in note]
    assert len(notes) == 1 and "images/a.png, which is" in notes[0]
    inside = tmp_path / "inside"
    write(inside / "store" / "a.png", image_of(0))
    write_mask(inside / "masks" / "a.png", SIZE_HW)
    (inside / "images").mkdir()
    (inside / "images" / "b.png").symlink_to(inside / "store" / "a.png")
    (tmp_path / "link").symlink_to(inside, target_is_directory=True)
    assert not any("lead out" in note for note in open_dataset(tmp_path / "link").notes)
