"""Layouts in the forms that circulate: other tools' exports, other cases of letters, wrapped."""

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
