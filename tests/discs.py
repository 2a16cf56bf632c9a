"""Small made-up pictures of discs: what tests learn from in seconds."""

from pathlib import Path

import cv2
import numpy as np

from pixelwise.types import Annotation, Category, Image, Sample

CATEGORIES = (Category("background", (0, 0, 0)), Category("disc", (255, 200, 0)))


def draw_disc(index: int, size_hw: tuple[int, int] = (48, 64)) -> tuple[Image, np.ndarray]:
    """A dark disc on a light ground, (H, W, 3) uint8, and its mask, (H, W) bool."""
    rng = np.random.default_rng(index)
    height, width = size_hw
    radius = rng.uniform(0.15, 0.3) * height
    y, x = rng.uniform(radius, height - radius), rng.uniform(radius, width - radius)
    rows, columns = np.mgrid[:height, :width] + 0.5
    mask = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    ground, disc = rng.uniform(150, 220, 3), rng.uniform(20, 90, 3)
    image = np.where(mask[..., None], disc, ground) + rng.normal(0, 6, (height, width, 3))
    return np.clip(image, 0, 255).astype(np.uint8), mask


def sample(index: int, size_hw: tuple[int, int] = (48, 64)) -> Sample:
    """A sample that lies in no file."""
    image, mask = draw_disc(index, size_hw)
    return Sample(
        id=f"disc{index:03}",
        files=(),
        read_image=lambda: image,
        read_annotation=lambda: Annotation(mask.astype(np.uint8)),
    )


def write_folder(
    root: Path, count: int = 24, size_hw: tuple[int, int] = (48, 64), first: int = 0
) -> Path:
    """``count`` discs, from number ``first`` on, as images/NAME.png and masks/NAME.png."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for index in range(first, first + count):
        image, mask = draw_disc(index, size_hw)
        cv2.imwrite(str(root / "images" / f"disc{index:03}.png"), image[..., ::-1])
        cv2.imwrite(str(root / "masks" / f"disc{index:03}.png"), mask.astype(np.uint8) * 255)
    return root
