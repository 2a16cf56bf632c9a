"""An image and a mask that both lost their partner are no pair because their names are equal."""

import json
from pathlib import Path

import pytest

from folders import image_of, mask_of, white, write
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.datasets._pairs import pair_up


def lay(root: Path, images: list[str], masks: list[str]) -> Dataset:
    """Images and masks of these names; the pixels do not matter."""
    for index, file in enumerate(images):
        write(root / file, image_of(index))
    for index, file in enumerate(masks):
        write(root / file, white(mask_of(index)))
    return open_dataset(root)


def crossed(dataset: Dataset) -> list[tuple[str, ...]]:
    """Pairs whose two files lie in folders of different names."""
    found = [dataset[index].files for index in range(len(dataset))]
    return [tuple(map(str, files)) for files in found if len({f.parent.name for f in files}) > 1]


PATIENTS = [f"p{p}/{k:03d}" for p in range(3) for k in range(4)]
RANDOM = ["p0/001", "p0/005", "p0/007", "p1/002", "p1/009"]


@pytest.mark.parametrize("image", ["images/{}.png", "{}_rgb.png", "Images/{}.JPG"])
@pytest.mark.parametrize("mask", ["masks/{}.png", "masks/{}_mask.png", "LABELS/{}.bmp"])
@pytest.mark.parametrize("names", [PATIENTS, RANDOM])
def test_leftovers_of_two_patients_are_no_pair(tmp_path, image, mask, names):
    without_mask, without_image = ("p0/002", "p1/002")
    images = [image.format(name) for name in {*names, without_mask} - {without_image}]
    masks = [mask.format(name) for name in {*names, without_image} - {without_mask}]
    dataset = lay(tmp_path, images, masks)
    assert crossed(dataset) == []
    left = {path.relative_to(tmp_path).as_posix() for path in dataset.unpaired}
    assert left == {image.format(without_mask), mask.format(without_image)}
    assert any("no pair" in note and "p0/002" in note for note in dataset.notes)


def test_leftovers_of_two_parts_are_no_pair(tmp_path):
    names = [f"{part}/{{}}/{n}.png" for part in ("train", "val", "test") for n in range(3)]
    images = [each.format("images") for each in names] + ["train/images/9.png"]
    masks = [each.format("masks") for each in names] + ["test/masks/9.png"]
    assert len(lay(tmp_path, images, masks)) == 9


def test_leftovers_where_folders_are_called_differently(tmp_path):
    images = [f"images/p{p}/{p}0{k}.png" for p in range(3) for k in range(6)]
    masks = [f"masks/m{p}/{p}0{k}.png" for p in range(3) for k in range(6)]
    dataset = lay(tmp_path, [*images, "images/p0/777.png"], [*masks, "masks/m1/777.png"])
    assert len(dataset) == 18 and len(dataset.unpaired) == 2


ACROSS = {
    "masks in one folder": (
        [f"images/{'ab'[n % 2]}/{n}.png" for n in range(6)],
        [f"masks/{n}.png" for n in range(6)],
    ),
    "images in one folder": (
        [f"images/{n}.png" for n in range(6)],
        [f"masks/{'ab'[n % 2]}/{n}.png" for n in range(6)],
    ),
    "folders of other names": (
        [f"images/{'ab'[n // 3]}/{n}.png" for n in range(6)],
        [f"masks/{'xy'[n // 3]}/{n}.png" for n in range(6)],
    ),
    "batches and annotators": (
        [f"images/{'ab'[n % 2]}/{n}.png" for n in range(8)],
        [f"masks/{'xy'[n // 4]}/{n}.png" for n in range(8)],
    ),
    "folders in other cases": (
        [f"images/P{n}/scan{n}.png" for n in range(4)],
        [f"masks/p{n}/scan{n}.png" for n in range(4)],
    ),
    "a part of the masks below": (
        [f"images/{n}.png" for n in range(6)],
        [f"masks/{'' if n % 2 else 'more/'}{n}.png" for n in range(6)],
    ),
}


@pytest.mark.parametrize("how", ACROSS)
def test_names_that_occur_once_are_paired_in_any_folders(how):
    images, masks = ACROSS[how]
    found = pair_up([*images, *masks])
    assert len(found.pairs) == len(images) and not found.unpaired


def test_an_image_that_a_coco_file_names_in_another_folder_is_missing(tmp_path):
    names = [f"p{p}/{k}.png" for p in range(2) for k in range(3)]
    for index, name in enumerate(names):
        if name != "p1/2.png":
            write(tmp_path / "images" / name, image_of(index))
    listed = [name for name in names if name != "p0/2.png"]
    outline = [[2, 2, 12, 2, 12, 12, 2, 12]]
    regions = [
        {
            "id": n + 1,
            "image_id": n,
            "category_id": 1,
            "segmentation": outline,
            "bbox": [2, 2, 10, 10],
        }
        | {"area": 100, "iscrowd": 0}
        for n in range(len(listed))
    ]
    images = [{"id": n, "file_name": f, "height": 36, "width": 48} for n, f in enumerate(listed)]
    kinds = [{"id": 1, "name": "x"}]
    text = json.dumps({"images": images, "annotations": regions, "categories": kinds})
    (tmp_path / "annotations.json").write_text(text)
    dataset = open_dataset(tmp_path)
    assert [dataset[n].files[0].parent.name for n in range(len(dataset))] == [
        "p0",
        "p0",
        "p1",
        "p1",
    ]
    assert {path.name for path in dataset.unpaired} == {"2.png"} and len(dataset.unpaired) == 2
