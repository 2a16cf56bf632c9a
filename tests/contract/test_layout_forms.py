"""Layouts in the forms that circulate: other tools' exports, other cases of letters, wrapped."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image as Pil

from folders import (
    WRITERS,
    image_of,
    mask_of,
    objects_of,
    write,
    write_cityscapes,
    write_coco,
    write_lsp,
    write_pairs,
    write_voc,
    write_yolo,
)
from pixelwise.datasets import open_dataset
from pixelwise.types import IGNORE, PixelwiseError


def read(root, masks="auto"):
    dataset = open_dataset(root, masks)
    return dataset, [dataset[index].read_annotation() for index in range(len(dataset))]


# --- maps of VOC in colours ----------------------------------------------------------------------

COLORS = np.array([(0, 0, 0), (250, 50, 83), (50, 183, 250)], np.uint8)
LABELMAP = "# label:color_rgb:parts:actions\n{}\n"
LINES = ["background:0,0,0::", "cell:250,50,83::", "debris:50,183,250::"]


def write_cvat(root, lines=LINES, names="labelmap.txt", folders=("SegmentationObject",)):
    for index in range(4):
        objects = objects_of(index)
        write(root / "JPEGImages" / f"p{index}.jpg", image_of(index))
        write(root / "SegmentationClass" / f"p{index}.png", COLORS[objects])
        for folder in folders:
            shades = np.array([(0, 0, 0), (128, 0, 0), (0, 128, 0)], np.uint8)
            write(root / folder / f"p{index}.png", shades[objects])
    (root / names).write_text(LABELMAP.format("\n".join(lines)))
    return root


@pytest.mark.parametrize("names", ["labelmap.txt", "LabelMap.txt"])
@pytest.mark.parametrize("lines", [LINES, LINES[1:], LINES[::-1], [LINES[1], LINES[0], LINES[2]]])
def test_cvats_colours_are_the_classes_and_the_objects(tmp_path, lines, names):
    dataset, found = read(write_cvat(tmp_path, lines, names))
    assert dataset.layout == "voc"
    for index, annotation in enumerate(found):
        kinds = [dataset.categories[label].name for label in annotation.labels]
        assert sorted(kinds) == ["cell", "debris"]
        at = {name: index for index, name in enumerate(kinds)}
        np.testing.assert_array_equal(annotation.mask(at["cell"]), objects_of(index) == 1)
        np.testing.assert_array_equal(annotation.mask(at["debris"]), objects_of(index) == 2)


def test_cvats_export_without_objects_is_classes_by_colour(tmp_path):
    dataset, found = read(write_cvat(tmp_path, folders=()))
    assert [c.name for c in dataset.categories] == ["background", "cell", "debris"]
    np.testing.assert_array_equal(found[1].semantic, objects_of(1))


def test_what_labelmap_calls_ignored_is_ignored(tmp_path):
    _, found = read(write_cvat(tmp_path, [*LINES[:2], "ignore:50,183,250::"]))
    np.testing.assert_array_equal(found[0].semantic == IGNORE, objects_of(0) == 2)
    assert len(found[0]) == 1


def test_a_colour_that_labelmap_does_not_name_is_a_sentence(tmp_path):
    with pytest.raises(PixelwiseError, match=r"colour 50,183,250, which labelmap.txt does not nam"):
        read(write_cvat(tmp_path, LINES[:2]))


def test_vocs_own_palette_written_as_colours_is_read_by_its_colours(tmp_path):
    write_voc(tmp_path)
    # The first colours of VOC's palette, by the bits of their indices; cat is 8 and dog 12.
    palette = {0: (0, 0, 0), 8: (64, 0, 0), 12: (64, 0, 128), 255: (224, 224, 192)}
    before = read(tmp_path)[1]
    for index in range(5):
        path = tmp_path / "SegmentationClass" / f"p{index}.png"
        values = np.asarray(Pil.open(path))
        colors = np.zeros((*values.shape, 3), np.uint8)
        for value, color in palette.items():
            colors[values == value] = color
        write(path, colors)
    for one, other in zip(before, read(tmp_path)[1], strict=True):
        np.testing.assert_array_equal(one.semantic, other.semantic)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_folders_within_vocs_folders_are_read(tmp_path):
    root = write_cvat(tmp_path)
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        for path in sorted((root / folder).glob("p[01].*")):
            (root / folder / "first").mkdir(exist_ok=True)
            path.rename(root / folder / "first" / path.name)
    (root / "JPEGImages" / "p2.jpg").rename(root / "JPEGImages" / "P2.JPG")
    dataset, found = read(root)
    assert dataset.layout == "voc" and sum(map(len, found)) == 8


# --- names and parts -----------------------------------------------------------------------------


def test_the_names_of_fastais_camvid_are_read(tmp_path):
    names = "images/0016E5_0811{}.png", "labels/0016E5_0811{}_P.png"
    write_pairs(tmp_path, 4, *names, lambda mask: mask * np.uint8(2))
    (tmp_path / "codes.txt").write_text("Animal\nArchway\nBicyclist\nVoid\n")
    dataset, found = read(tmp_path)
    assert dataset.layout == "camvid"
    assert [c.name for c in dataset.categories] == ["Animal", "Archway", "Bicyclist"]
    np.testing.assert_array_equal(found[0].semantic, mask_of(0) * 2)


# --- cityscapes with train ids -------------------------------------------------------------------


def to_train_ids(root, kind="labelIds", to="labelTrainIds"):
    numbers = {7: 0, 26: 13, 24: 11, 0: 255}
    for path in sorted(root.rglob(f"*_{kind}.png")):
        ids = np.asarray(Pil.open(path)).astype(np.uint16)
        label, rest = np.where(ids >= 1000, ids // 1000, ids), np.where(ids >= 1000, ids % 1000, 0)
        changed = np.vectorize(numbers.get)(label)
        changed = np.where(ids >= 1000, changed * 1000 + rest, changed)
        kept = changed.astype(np.uint16 if "instance" in kind else np.uint8)
        write(path.with_name(path.name.replace(kind, to)), kept)
        path.unlink()
    return root


def test_cityscapes_with_train_ids_alone_says_the_same(tmp_path):
    before = read(write_cityscapes(tmp_path / "a", with_instances=False))
    after = read(to_train_ids(write_cityscapes(tmp_path / "b", with_instances=False)))
    assert before[0].categories == after[0].categories and after[0].layout == "cityscapes"
    for one, other in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(one.semantic, other.semantic)


def test_cityscapes_with_instances_by_train_ids_says_the_same(tmp_path):
    before = read(write_cityscapes(tmp_path / "a"))
    root = to_train_ids(write_cityscapes(tmp_path / "b"))
    after = read(to_train_ids(root, "instanceIds", "instanceTrainIds"))
    for one, other in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(one.semantic, other.semantic)
        np.testing.assert_array_equal(one.crowd, other.crowd)


def test_cityscapes_colours_alone_ask_for_the_numbers(tmp_path):
    root = write_cityscapes(tmp_path, with_instances=False)
    for path in sorted(root.rglob("*_labelIds.png")):
        path.rename(path.with_name(path.name.replace("labelIds", "color")))
    with pytest.raises(PixelwiseError, match=r"has its NAME_gtFine_labelIds.*for looking at"):
        open_dataset(root)


# --- any case of letters, any folder around ------------------------------------------------------


def splits(dataset):
    return sorted(dataset[index].split or "" for index in range(len(dataset)))


CASES = {"lower": str.lower, "UPPER": str.upper, "Title": str.title}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", WRITERS)
def test_folders_in_any_case_of_letters_are_the_same_layout(tmp_path, form, case):
    before, truth = read(WRITERS[form](tmp_path / "a"))
    root = WRITERS[form](tmp_path / "b")
    folders = [path for path in root.rglob("*") if path.is_dir()]
    for path in sorted(folders, key=lambda path: -len(path.parts)):
        path.rename(path.with_name(CASES[case](path.name)))
    after, found = read(root)
    assert (after.layout, len(after)) == (before.layout, len(before))
    assert [c.name for c in after.categories] == [c.name for c in before.categories]
    assert len(after.unpaired) == len(before.unpaired)
    totals = [sum((each.semantic == 1).sum() for each in part) for part in (truth, found)]
    assert totals[0] == totals[1]
    assert sum(map(len, truth)) == sum(map(len, found))
    assert splits(before) == splits(after)


WRAPS = ("data", "archive/dataset", "coco-2017/coco2017", "a/b/c", "Kvasir-SEG/Kvasir-SEG")


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("form", WRITERS)
def test_folders_around_a_dataset_change_nothing(tmp_path, form, wrap):
    before = read(WRITERS[form](tmp_path / "plain"))[0]
    WRITERS[form](tmp_path / "zip" / wrap)
    (tmp_path / "zip" / "README.md").write_text("About.")
    after, found = read(tmp_path / "zip")
    assert (after.layout, len(after), after.unpaired) == (before.layout, len(before), ())
    assert [c.name for c in after.categories] == [c.name for c in before.categories]
    assert len(found) == len(before)


def test_the_folder_that_is_read_is_named(tmp_path):
    write_coco(tmp_path / "archive" / "dataset")
    dataset = open_dataset(tmp_path)
    assert dataset.notes[0].startswith("Read from archive/dataset, the only folder in ")
    assert dataset.root == tmp_path / "archive" / "dataset"


def test_a_single_part_is_no_wrapping(tmp_path):
    write_pairs(tmp_path, 2, "train/images/p{}.png", "train/masks/p{}.png")
    dataset = open_dataset(tmp_path)
    assert dataset.root == tmp_path and dataset[0].id == "train/p0"


@pytest.mark.parametrize("deep", ["one/two", "one/two/three"])
def test_coco_deeper_down_beside_other_folders_is_found(tmp_path, deep):
    write_coco(tmp_path / deep)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("About.")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "coco" and len(dataset) == 6


YOLOS = [
    ("Images", "Labels"),
    ("IMAGES", "LABELS"),
    ("JPEGImages", "labels"),
    ("imgs", "label"),
    ("Train/Images", "Train/Labels"),
    ("images/Train", "labels/train"),
]


@pytest.mark.parametrize(("images", "labels"), YOLOS)
def test_yolos_folders_in_other_words(tmp_path, images, labels):
    root, plain = tmp_path / "new", write_yolo(tmp_path / "plain")
    (root / images).mkdir(parents=True)
    (root / labels).mkdir(parents=True)
    for index in range(4):
        shutil.copy(plain / f"images/train/p{index}.jpg", root / images / f"P{index}.JPG")
        shutil.copy(plain / f"labels/train/p{index}.txt", root / labels / f"p{index}.txt")
    shutil.copy(plain / "data.yaml", root / "Data.YAML")
    dataset, found = read(root)
    assert (dataset.layout, len(dataset), dataset.unpaired) == ("yolo", 4, ())
    assert dataset.categories[1].name == "cell" and [len(each) for each in found] == [2] * 4


# --- nnU-Net's names, trimaps, lines, probabilities ----------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "cell": 1, "wall": 2, "ignore": 3},
        {"0": "background", "1": "cell", "2": "wall", "3": "ignore"},
    ],
)
def test_nnunets_json_names_the_values(tmp_path, labels):
    def values(mask):
        found = mask.astype(np.uint8)
        found[:3], found[:, :3] = 2, 3
        return found

    write_pairs(tmp_path, 4, "imagesTr/c{}_0000.png", "labelsTr/c{}.png", values)
    write(tmp_path / "imagesTs" / "d_0000.png", image_of(0))
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels, "file_ending": ".png"}))
    dataset, found = read(tmp_path)
    assert [c.name for c in dataset.categories] == ["background", "cell", "wall"]
    np.testing.assert_array_equal(found[0].semantic == IGNORE, values(mask_of(0)) == 3)
    assert dataset.unpaired == ()
    assert "1 test images without masks are left out." in dataset.notes


@pytest.mark.parametrize("labels", [None, [["a", 1]], {"a": [1, 2]}, {}, "x"])
def test_another_dataset_json_changes_nothing(tmp_path, labels):
    write_pairs(tmp_path, 4)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert [c.name for c in open_dataset(tmp_path).categories] == ["background", "foreground"]


TRIMAPS = [
    ("annotations/trimaps/Cat_{}.png", (2, 1, 3)),
    ("p{}_trimap.png", (0, 255, 128)),
    ("trimap/Cat_{}.png", (0, 255, 127)),
]


@pytest.mark.parametrize(("name", "values"), TRIMAPS)
def test_trimaps_say_what_is_unknown(tmp_path, name, values):
    def trimap(mask):
        found = np.where(mask, values[1], values[0]).astype(np.uint8)
        found[:, :4] = values[2]
        return found

    image = "images/Cat_{}.jpg" if "Cat" in name else "p{}.jpg"
    write_pairs(tmp_path, 4, image, name, trimap)
    dataset, found = read(tmp_path)
    expected = mask_of(0).astype(np.uint8)
    expected[:, :4] = IGNORE
    np.testing.assert_array_equal(found[0].semantic, expected)
    assert any(note.startswith("Trimaps: ") for note in dataset.notes)
    again = read(tmp_path, dataset.masks)[1]
    np.testing.assert_array_equal(again[0].semantic, expected)


def line(mask):
    inside = mask.copy()
    for axis in (0, 1):
        inside &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return (mask & ~inside).astype(np.uint8) * 255


@pytest.mark.parametrize("name", ["p{}_contour.png", "contours/p{}_mask.png", "p{}_outline.png"])
def test_outlines_drawn_as_lines_are_asked_about_and_filled_ones_are_masks(tmp_path, name):
    write_pairs(tmp_path / "filled", 4, "p{}.png", name)
    np.testing.assert_array_equal(read(tmp_path / "filled")[1][0].semantic, mask_of(0))
    write_pairs(tmp_path / "lines", 4, "p{}.png", name, line)
    with pytest.raises(PixelwiseError, match=r"draws an outline as a line; .*Fill the outlines"):
        open_dataset(tmp_path / "lines")


PLACEHOLDERS = [
    ("p{}_Probabilities.png", "probabilities: .*Simple Segmentation"),
    ("p{}_heatmap.png", "probabilities"),
    ("p{}_overlay.png", "a drawing for people to look at"),
    ("p{}_cp_outlines.png", "a drawing for people to look at"),
    ("Drawing of p{}.png", "a drawing for people to look at"),
    ("p{}_cp_flows.png", "features"),
]


@pytest.mark.parametrize(("name", "words"), PLACEHOLDERS)
def test_what_stands_in_the_place_of_masks_is_named(tmp_path, name, words):
    write_pairs(tmp_path, 4, "p{}.png", name)
    with pytest.raises(PixelwiseError, match=f"but no masks.*holds {words}"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("name", ["p0_seg.npy", "p0_predictions.h5", "RoiSet.zip", "p0.geojson"])
def test_outlines_in_a_form_that_is_not_read_are_named(tmp_path, name):
    write(tmp_path / "p0.png", image_of(0))
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(PixelwiseError, match=rf"Outlines in other forms \({name}\) are not read"):
        open_dataset(tmp_path)


# --- MATLAB --------------------------------------------------------------------------------------

MATLAB = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(116) + bytes(8)
HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    "content",
    [
        (MATLAB + b"\x00\x02IM").ljust(512, b"\0") + HDF5 + bytes(600),
        HDF5 + bytes(600),
        bytes(512) + HDF5 + bytes(600),
    ],
)
def test_a_newer_matlab_file_says_how_to_save_it(tmp_path, content):
    write_lsp(tmp_path)
    (tmp_path / "joints.mat").write_bytes(content)
    with pytest.raises(PixelwiseError, match=r"joints\.mat is a MATLAB file of version 7\.3.*-v7"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("with_instances", [True, False])
def test_other_labels_in_cityscapes_layout_have_the_names_of_their_file(tmp_path, with_instances):
    """As CVAT exports them: values are the lines of label_colors.txt."""
    for index in range(4):
        objects, name = objects_of(index), f"default/p{index}"
        truth = f"gtFine/{name}_gtFine"
        write(tmp_path / f"leftImg8bit/{name}_leftImg8bit.png", image_of(index))
        write(tmp_path / f"{truth}_labelIds.png", objects)
        numbers = np.where(objects > 0, objects.astype(np.uint16) * 1000 + 1, 0)
        if with_instances:
            write(tmp_path / f"{truth}_instanceIds.png", numbers.astype(np.uint16))
    (tmp_path / "label_colors.txt").write_text("0 0 0 background\n9 9 9 cell\n5 5 5 debris\n")
    dataset, found = read(tmp_path)
    assert [c.name for c in dataset.categories] == ["background", "cell", "debris"]
    assert [c.is_thing for c in dataset.categories] == [False, *[with_instances] * 2]
    np.testing.assert_array_equal(found[1].semantic, objects_of(1))
    assert [len(each) for each in found] == [2 * with_instances] * 4
