"""A few other images in the folder of a published dataset: none is lost, and nothing turns over."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from folders import MADS_NAMES, WRITERS, image_of, mask_of, white, write, write_pairs
from pixelwise.datasets import open_dataset
from pixelwise.plan import look
from pixelwise.recipe import derive
from pixelwise.types import PixelwiseError


def clinic(root: Path, count: int, mask: str = "masks/clinic_{}.png") -> None:
    write_pairs(root, count, "images/clinic_{}.png", mask)


KINDS: dict[str, Callable[[int], tuple[str, str]]] = {
    "isic": lambda n: (f"ISIC_{n:07d}.jpg", f"ISIC_{n:07d}_segmentation.png"),
    "ph2": lambda n: (f"IMD{n:03d}.bmp", f"IMD{n:03d}_lesion.bmp"),
    "mads": lambda n: (f"Kata_F2_C0_{n:05d}.png", f"Kata_F2_C0_{n:05d}.png"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("few", [1, 3, 4, 8])
def test_other_images_are_read_too_and_nothing_turns_over(tmp_path, kind, few):
    names, recipes = [], []
    for index in range(12):
        image, mask = KINDS[kind](index)
        write(tmp_path / "images" / image, image_of(index))
        write(tmp_path / "masks" / mask, white(mask_of(index)))
    for others in (0, few, few + 1):
        clinic(tmp_path, others)
        dataset = open_dataset(tmp_path)
        assert len(dataset) == 12 + others and not dataset.unpaired
        names.append((dataset.layout, *(each.name for each in dataset.categories)))
        recipes.append(derive(look(dataset), "data", {}))
        said = [note for note in dataset.notes if f"12 of {12 + others} images are named" in note]
        assert bool(said) == bool(others)
    assert len(set(names)) == 1 and names[0][0] == kind
    assert all(recipe == recipes[0] for recipe in recipes)


@pytest.mark.parametrize("kind", KINDS)
def test_other_images_without_masks_are_listed(tmp_path, kind):
    for index in range(6):
        image, mask = KINDS[kind](index)
        write(tmp_path / "images" / image, image_of(index))
        write(tmp_path / "masks" / mask, white(mask_of(index)))
    write(tmp_path / "images" / "clinic_1.png", image_of(1))
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 6
    assert [path.name for path in dataset.unpaired] == ["clinic_1.png"]


def test_a_few_images_of_a_published_dataset_do_not_decide_what_a_folder_is(tmp_path):
    clinic(tmp_path, 8)
    write_pairs(tmp_path, 3, "images/ISIC_000000{}.png", "masks/ISIC_000000{}_segmentation.png")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "folder" and len(dataset) == 11


@pytest.mark.parametrize("form", WRITERS)
def test_one_image_more_is_in_the_dataset_listed_or_spoken_of(tmp_path, form):
    root = WRITERS[form](tmp_path / "data")
    before = open_dataset(root)
    place = before[0].files[0].parent
    write(place / "clinic_77.png", np.zeros((36, 48, 3), np.uint8))
    after = open_dataset(root)
    assert after.layout == before.layout
    assert [c.name for c in after.categories] == [c.name for c in before.categories]
    named = [*after.unpaired, *(after[index].files[0] for index in range(len(after)))]
    assert any(path.name == "clinic_77.png" for path in named) or len(after.notes) > len(
        before.notes
    )


TWINS = [
    ("images/a{}.png", "masks/a{}.png"),
    ("a{}.png", "a{}_mask.png"),
    ("images/ISIC_000000{}.png", "masks/ISIC_000000{}_segmentation.png"),
    ("IMD00{}.png", "IMD00{}_lesion.bmp"),
    *[(f"images/{MADS_NAMES[0][:-1]}{{}}.png", f"masks/{MADS_NAMES[0][:-1]}{{}}.png")],
]


@pytest.mark.parametrize(("image", "mask"), TWINS)
def test_two_images_of_one_name_with_a_mask_are_asked_about(tmp_path, image, mask):
    write_pairs(tmp_path, 5, image, mask)
    write((tmp_path / image.format(1)).with_suffix(".jpg"), image_of(1))
    with pytest.raises(PixelwiseError, match=r"Two \w+ fit the mask"):
        open_dataset(tmp_path)
