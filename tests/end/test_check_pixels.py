"""What `check` says of files whose numbers may be mistaken: a sentence for each kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from folders import image_of, mask_of, white, write
from pixelwise.doctor import check

HW = (36, 48)


def tiff(path: Path, values: np.ndarray, **how: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, values, **how)


def folder(
    root: Path,
    image: Callable[[Path, int], object] = lambda path, k: write(path / f"a{k}.png", image_of(k)),
    mask: Callable[[Path, int], object] = lambda path, k: write(
        path / f"a{k}.png", white(mask_of(k))
    ),
) -> Path:
    for number in range(6):
        image(root / "images", number)
        mask(root / "masks", number)
    return root


def moving(path: Path, number: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    frames = [Pil.fromarray(image_of(number + k)) for k in range(3)]
    frames[0].save(path / f"a{number}.gif", save_all=True, append_images=frames[1:])


def drawing(path: Path, number: int) -> None:
    clear = np.uint8([255, 255, 255, 0])
    write(
        path / f"a{number}.png",
        np.where(mask_of(number)[..., None], np.uint8([255, 0, 0, 255]), clear),
    )


def grey(number: int) -> np.ndarray:
    return image_of(number)[..., 0]


IMAGES: dict[str, tuple[Callable[[Path, int], object], str]] = {
    "a stack": (
        lambda path, k: tiff(path / f"a{k}.tif", np.stack([grey(k)] * 5), photometric="minisblack"),
        "holds 5 pages",
    ),
    "five channels": (
        lambda path, k: tiff(
            path / f"a{k}.tif",
            np.dstack([image_of(k), image_of(k)[..., :2]]),
            photometric="minisblack",
            planarconfig="contig",
        ),
        "has 5 channels",
    ),
    "frames": (moving, "moving image of 3 frames"),
    "12 bits": (
        lambda path, k: tiff(path / f"a{k}.tif", grey(k).astype(np.uint16) * 16),
        "4095 counts as white",
    ),
    "negative": (
        lambda path, k: tiff(path / f"a{k}.tif", grey(k).astype(np.float32) / 100 - 1),
        "not negative",
    ),
}

MASKS: dict[str, tuple[Callable[[Path, int], object], str]] = {
    "0 shown white": (
        lambda path, k: tiff(
            path / f"a{k}.tif", mask_of(k).astype(np.uint16), photometric="miniswhite"
        ),
        "0 white",
    ),
    "transparent": (drawing, "Transparent parts of the masks are background"),
    "smooth": (
        lambda path, k: write(
            path / f"a{k}.png",
            np.asarray(
                Pil.fromarray(white(mask_of(k)))
                .resize(HW[::-1], Pil.Resampling.LANCZOS)
                .resize((45, 34), Pil.Resampling.BICUBIC)
                .resize(HW[::-1], Pil.Resampling.BICUBIC)
            ),
        ),
        "half is the border",
    ),
}


def said(root: Path) -> str:
    report = check(root)
    return "\n".join([*report.notes, *(finding.message for finding in report.findings)])


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_are_not_what_they_seem(tmp_path, name):
    write_one, words = IMAGES[name]
    assert words in said(folder(tmp_path, image=write_one))


@pytest.mark.parametrize("name", MASKS)
def test_masks_that_are_not_what_they_seem(tmp_path, name):
    write_one, words = MASKS[name]
    assert words in said(folder(tmp_path, mask=write_one))


def test_of_an_ordinary_folder_there_is_none_of_this(tmp_path):
    text = said(folder(tmp_path))
    for _, words in (*IMAGES.values(), *MASKS.values()):
        assert words not in text
