"""Instances and segments as files: what both kinds of result write alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise import draw, rle
from pixelwise.captions import write_names
from pixelwise.outputs import Picture
from pixelwise.outputs._files import growing_list, growing_table
from pixelwise.regions import Regions, measure
from pixelwise.types import Image, Instances, PixelwiseError, source_ids

# What a 16-bit picture can tell apart.
_MOST = 65_535
# More names than these hide the picture.
_MOST_NAMES = 30

# fmt: off
_HEADER = (
    "picture", "id", "category", "score", "area_px", "centroid_x_px", "centroid_y_px",
    "box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px",
    "equivalent_diameter_px", "eccentricity", "orientation_deg",
    "mean_red", "mean_green", "mean_blue",
)
# fmt: on


@dataclass(frozen=True)
class Shared:
    """The files about the instances of all pictures."""

    add_row: Callable[[Sequence[Any]], None]
    add_result: Callable[[Any], None]

    def write(
        self, picture: Picture, result: Instances, regions: Regions, chosen: Iterable[int]
    ) -> None:
        """Add some of a picture's instances, by index."""
        masks = rle.encode_all(result.id_map, len(result))
        for index in chosen:
            category = int(result.labels[index])
            self.add_row(_row(picture, result, regions, index))
            # Without "bbox": where there is one, pycocotools takes its area for the mask's, and
            # sorts the instances into small, medium and large by it.
            self.add_result(
                {
                    "image_id": picture.number,
                    "file_name": picture.file_name,
                    "category_id": source_ids(result.categories)[category],
                    "category": result.categories[category].name,
                    "score": _score(result, index),
                    "segmentation": masks[index],
                }
            )


@contextmanager
def open_shared(folder: Path, *, probs: bool) -> Iterator[Shared]:
    """``instances.csv`` and ``coco_results.json``, which appear when the block ends.

    Raises:
        PixelwiseError: probabilities are asked for.
    """
    if probs:
        raise PixelwiseError(
            "Instances have no picture of probabilities, only a score each, in instances.csv. "
            "Leave out --probs."
        )
    with (
        growing_table(folder / "instances.csv", _HEADER) as add_row,
        growing_list(folder / "coco_results.json") as add_result,
    ):
        yield Shared(add_row, add_result)


def examine(picture: Picture, image: Image, result: Instances) -> Regions:
    """Measure a picture's instances.

    Raises:
        PixelwiseError: there are more than a 16-bit id map can hold.
    """
    if len(result) > _MOST:
        raise PixelwiseError(
            f"{picture.path}: {len(result)} instances are more than the {_MOST} that a 16-bit "
            "id map tells apart. Cut the picture in parts."
        )
    is_thing = np.array([each.is_thing for each in result.categories], np.bool_)
    return measure(result.id_map, is_thing[result.labels], image)


def write_ids(stem: Path, result: Instances) -> None:
    """``NAME_ids.png``, 16 bit: n = the instance with the id n, 0 = none."""
    draw.write_png(stem.with_name(f"{stem.name}_ids.png"), result.id_map.astype(np.uint16))


def tinted(
    image: Image,
    result: Instances,
    pick: Callable[[NDArray[np.int32]], NDArray[np.uint8]],
    *,
    named: bool,
    alpha: float,
) -> Image:
    """The picture, at any size, with each instance in its colour; ``pick`` gives the colours
    (N, 3) for an id map of that size."""
    ids = draw.fit_numbers(result.id_map, image)
    drawn = draw.instances(image, ids, pick(ids), alpha=alpha)
    if named and len(result) <= _MOST_NAMES:
        names = [result.categories[label].name for label in result.labels]
        drawn = write_names(drawn, ids, names)
    return drawn


def describe(result: Instances, regions: Regions) -> list[dict[str, Any]]:
    """Each of a picture's instances, as ``predictions.jsonl`` holds them; only things have a
    centroid."""
    found = []
    for index, label in enumerate(result.labels.tolist()):
        line = {
            "id": index + 1,
            "category": result.categories[label].name,
            "score": _score(result, index),
            "area_px": int(regions.area_px[index]),
            "box_xyxy": regions.boxes_xyxy[index].tolist(),
        }
        if result.categories[label].is_thing:
            line["centroid_xy"] = np.round(regions.centroids_xy[index], 2).tolist()
        found.append(line)
    return found


def counts(result: Instances, chosen: Iterable[int]) -> dict[str, int]:
    """How many of these there are of each category that there is any of, in their order."""
    found = Counter(result.labels[list(chosen)].tolist())
    return {result.categories[label].name: found[label] for label in sorted(found)}


def _row(picture: Picture, result: Instances, regions: Regions, index: int) -> list[Any]:
    """One line of ``instances.csv``."""
    shape = (
        regions.equivalent_diameter_px[index],
        regions.eccentricity[index],
        regions.orientation_deg[index],
    )
    return [
        str(picture.path),
        index + 1,
        result.categories[result.labels[index]].name,
        _score(result, index),
        int(regions.area_px[index]),
        *(f"{value:.2f}" for value in regions.centroids_xy[index]),
        *regions.boxes_xyxy[index].tolist(),
        *(f"{value:.4f}" for value in shape),
        *(f"{value:.2f}" for value in regions.mean_rgb[index]),
    ]


def _score(result: Instances, index: int) -> float:
    return round(float(result.scores[index]), 4)
