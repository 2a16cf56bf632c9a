"""Predictions as files: masks, overlays, and a JSON line for each picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pil

from pixelwise.datasets import open_dataset
from pixelwise.datasets._files import list_files
from pixelwise.datasets._files import pictures as pictures_among
from pixelwise.datasets._pictures import read_image
from pixelwise.draw import fit, outline, write_png
from pixelwise.files import atomic, write_text
from pixelwise.predictor import load
from pixelwise.progress import Progress
from pixelwise.types import Category, Image, PixelwiseError, Semantic

# An overlay is for looking at; the mask carries the full size.
_OVERLAY_PX = 1600


@dataclass(frozen=True)
class Predictions:
    """What `predict` did: ``lines`` as in ``predictions.jsonl``; ``failures``, a sentence each."""

    out: Path
    lines: tuple[dict[str, Any], ...]
    failures: tuple[str, ...]


def predict(
    run: str | Path | None,
    pictures: Sequence[str | Path],
    *,
    out: str | Path = "predictions",
    probs: bool = False,
    flips: bool = True,
    tile_px: int | None = None,
    device: str = "auto",
) -> Predictions:
    """Outline pictures and write what was found.

    For each picture NAME: ``NAME_mask.png`` at its own size (two categories: 0 and 255; more: the
    category's index, with its colour as palette), ``NAME_overlay.jpg``, on request
    ``NAME_probs.png`` (16 bit, 65535 = 1: of the foreground, or of the chosen category), and a
    line in ``predictions.jsonl``. A picture that cannot be read is named and skipped.

    Args:
        run: folder of a run; None for the built-in model, which outlines nevi.
        pictures: files, and folders to look through.
        out: folder to write to.
        probs: also write probabilities.
        flips: also look at each picture's mirror images.
        tile_px: cut larger pictures into tiles with this long a side.
        device: where to compute.

    Raises:
        PixelwiseError: the run or a path is wrong, or there is no picture at all.
    """
    named = _names([Path(picture) for picture in pictures])
    predictor = load(run, flips=flips, tile_px=tile_px, device=device)
    folder = Path(out)
    lines: list[dict[str, Any]] = []
    failures: list[str] = []
    with Progress("predicting", len(named)) as bar:
        for done, (name, image) in enumerate(_read_ahead(named), start=1):
            if isinstance(image, PixelwiseError):
                failures.append(str(image))
            else:
                result = predictor(image)
                _write(folder / name, image, result, probs)
                lines.append({"picture": str(named[name]), **_line(folder, name, result)})
            bar.at(done)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write_text(folder / "predictions.jsonl", text)
    return Predictions(folder, tuple(lines), tuple(failures))


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """Output name -> picture; two pictures of one name keep their endings apart."""
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            found += _pictures_in(path)
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise PixelwiseError(f"{path} does not exist. Give pictures, or folders of pictures.")
    if not paths:
        raise PixelwiseError("There is no picture to look at. Give some, or folders of pictures.")
    if not found:
        raise PixelwiseError(f"There is no picture in {', '.join(map(str, paths))}.")
    stems = [name.with_suffix("").as_posix() for _, name in found]
    clashes = (
        {stem for stem in stems if stems.count(stem) > 1} if len(set(stems)) < len(stems) else set()
    )
    names: dict[str, Path] = {}
    for (path, name), stem in zip(found, stems, strict=True):
        key = stem if stem not in clashes else f"{stem}{name.suffix.replace('.', '_')}"
        number = 2
        while key in names:
            key, number = f"{stem}_{number}", number + 1
        names[key] = path
    return names


def _pictures_in(folder: Path) -> list[tuple[Path, Path]]:
    """The pictures of a folder and their names; of a dataset, not its masks."""
    everything = [(folder / file, Path(file)) for file in pictures_among(list_files(folder))]
    try:
        dataset = open_dataset(folder, "binary")
    except PixelwiseError:
        return everything
    samples = [dataset[index] for index in range(len(dataset))]
    named = [(sample.files[0], Path(sample.id + sample.files[0].suffix)) for sample in samples]
    # Pictures whose mask is still missing lie where those that have one do.
    places, unpaired = {path.parent for path, _ in named}, set(dataset.unpaired)
    return named + [p for p in everything if p[0] in unpaired and p[0].parent in places]


def _read_ahead(named: dict[str, Path]) -> Iterator[tuple[str, Image | PixelwiseError]]:
    """Pictures in order, the next one being read while the last is looked at."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for name, path in named.items():
            upcoming = (name, pool.submit(_try_read, path))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = upcoming
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _try_read(path: Path) -> Image | PixelwiseError:
    try:
        return read_image(path)
    except PixelwiseError as error:
        return error


def _write(stem: Path, image: Image, result: Semantic, probs: bool) -> None:
    with atomic(stem.with_name(f"{stem.name}_mask.png")) as path:
        _mask(result).save(path, format="PNG")
    small = fit(image, _OVERLAY_PX)
    labels = cv2.resize(result.labels, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    drawn = outline(small, np.asarray(labels, np.uint8), result.categories)
    with atomic(stem.with_name(f"{stem.name}_overlay.jpg")) as path:
        Pil.fromarray(drawn).save(path, format="JPEG", quality=90)
    if probs:
        share = _foreground(result) if len(result.categories) == 2 else result.confidence
        write_png(
            stem.with_name(f"{stem.name}_probs.png"), np.rint(share * 65535).astype(np.uint16)
        )


def _foreground(result: Semantic) -> Any:
    """(H, W) float32: the foreground's probability, of two categories."""
    return np.where(result.labels == 1, result.confidence, 1 - result.confidence)


def _mask(result: Semantic) -> Pil.Image:
    if len(result.categories) == 2:
        return Pil.fromarray(result.labels * np.uint8(255))
    mask = Pil.fromarray(result.labels, mode="P")
    mask.putpalette([value for category in result.categories for value in category.color])
    return mask


def _line(folder: Path, name: str, result: Semantic) -> dict[str, Any]:
    """What was found in one picture, as it is written to ``predictions.jsonl``."""
    height, width = result.labels.shape
    found = [
        _region(result, index, category)
        for index, category in enumerate(result.categories)
        if index > 0 or len(result.categories) > 2
    ]
    return {
        "mask": f"{name}_mask.png",
        "size_hw": [height, width],
        "mean_confidence": round(float(result.confidence.mean()), 4),
        "categories": [region for region in found if region["area_px"] > 0],
    }


def _region(result: Semantic, index: int, category: Category) -> dict[str, Any]:
    """Area in px, box xyxy and centroid xy in px, mean confidence of one category's pixels."""
    mask = (result.labels == index).astype(np.uint8)
    moments = cv2.moments(mask, binaryImage=True)
    area = int(moments["m00"])
    if area == 0:
        return {"name": category.name, "area_px": 0}
    left, top, width, height = cv2.boundingRect(mask)
    centroid = [moments["m10"] / area + 0.5, moments["m01"] / area + 0.5]
    return {
        "name": category.name,
        "area_px": area,
        "area_share": round(area / mask.size, 6),
        "box_xyxy": [left, top, left + width, top + height],
        "centroid_xy": [round(value, 2) for value in centroid],
        "mean_confidence": round(float(cv2.mean(result.confidence, mask)[0]), 4),
    }
