"""What `check` calls an error, `train` refuses in one sentence, and leaves no folder behind."""

import shutil

import numpy as np
import pytest

import pixelwise
from folders import image_of, mask_of, white, write, write_pairs
from pixelwise.types import PixelwiseError


def refused(data, tmp_path, **asked):
    """The message of `train`, which agrees with `check` that something is wrong."""
    assert not pixelwise.check(data, masks=asked.get("masks", "auto")).ok
    run = tmp_path / "run"
    with pytest.raises(PixelwiseError) as error:
        pixelwise.train(data, out=run, steps=1, size=32, on_note=str, **asked)
    assert not run.exists()
    return str(error.value)


@pytest.mark.parametrize("value", [0, 255])
def test_masks_that_show_one_category_alone(tmp_path, value):
    data = write_pairs(tmp_path / "data", 6, values=lambda mask: np.full_like(white(mask), value))
    assert "alone in the training part" in refused(data, tmp_path, masks="binary")


def test_objects_that_are_all_crowds(tmp_path, coco_crowds):
    assert "nothing to tell apart" in refused(coco_crowds, tmp_path)


@pytest.fixture
def coco_crowds(tmp_path):
    import json

    root = tmp_path / "data"
    for index in range(6):
        write(root / f"images/p{index}.png", image_of(index))
    square = [[4.0, 4.0, 20.0, 4.0, 20.0, 20.0, 4.0, 20.0]]
    one = {"category_id": 1, "segmentation": square, "bbox": [4, 4, 16, 16], "area": 256}
    annotations = [{"id": n + 1, "image_id": n, "iscrowd": 1, **one} for n in range(6)]
    images = [{"id": n, "file_name": f"p{n}.png", "width": 48, "height": 36} for n in range(6)]
    listed = {"images": images, "annotations": annotations}
    listed["categories"] = [{"id": 1, "name": "cell"}]
    (root / "annotations").mkdir()
    (root / "annotations/instances.json").write_text(json.dumps(listed))
    return root


def test_an_image_in_two_of_the_folders_own_parts(tmp_path):
    root = tmp_path / "data"
    for part, start in (("train", 0), ("val", 10), ("test", 20)):
        write_pairs(root, 6, f"{part}/images/p{{}}.png", f"{part}/masks/p{{}}.png", start=start)
    for kind in ("images", "masks"):
        shutil.copy(root / "train" / kind / "p0.png", root / "test" / kind / "p20.png")
    assert "more than one of the folder's own parts" in refused(root, tmp_path)
    # A cross-validation deals anew and keeps copies together.
    run = pixelwise.train(root, out=tmp_path / "run", steps=1, size=32, folds=2, on_note=str)
    assert run.recipe.folds == 2


def test_images_that_mostly_cannot_be_read(tmp_path):
    root = write_pairs(tmp_path / "data", 8)
    for index in range(6):
        (root / f"images/p{index}.png").write_bytes(b"no image")
    assert "training and validation images cannot be used" in refused(root, tmp_path)


def test_one_mask_with_something_in_it_is_enough(tmp_path):
    root = write_pairs(tmp_path / "data", 8, values=lambda mask: white(mask) * 0)
    # Whichever part they come into, two of three are trained on.
    for index in range(6):
        write(root / f"masks/p{index}.png", white(mask_of(index)))
    pixelwise.train(root, out=tmp_path / "run", steps=1, size=32, on_note=str)


@pytest.mark.parametrize(
    "asked, sentence",
    [
        ({"size": 32, "batch": 1}, "single point.*--batch 2"),
        ({"size_hw": (33, 65)}, r"33 x 65 is no multiple of 2.*\(34, 66\)"),
        ({"size_hw": (34, 66), "stride": 4}, r"no multiple of 4.*\(36, 68\)"),
    ],
)
def test_sizes_that_the_network_cannot_be_trained_on(tmp_path, asked, sentence):
    data = write_pairs(tmp_path / "data", 8)
    with pytest.raises(PixelwiseError, match=sentence):
        pixelwise.train(data, out=tmp_path / "run", steps=1, start="none", on_note=str, **asked)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "asked", [{"size": 64, "batch": 1}, {"size_hw": (37, 69), "stride": 1, "batch": 2}]
)
def test_sizes_that_it_can_be_trained_on(tmp_path, asked):
    data = write_pairs(tmp_path / "data", 8)
    pixelwise.train(data, out=tmp_path / "run", steps=1, start="none", on_note=str, **asked)
