"""Panoptic quality of files in COCO's panoptic form: PNG of segment ids, and JSON of segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.files import read_json
from pixelwise.metrics.matching import Overlaps, match, shared_pixels, tally
from pixelwise.rle import ids_of_colors
from pixelwise.types import PixelwiseError

Counts = NDArray[np.float64]
_NOBODY = -1
"""A category that matches none."""


@dataclass(frozen=True, eq=False)
class _Segments:
    """The segments of one picture, in the order of their ids.

    ``labels`` (N,) place of the category. ``crowd`` (N,). ``areas`` (N,) pixels. ``order`` (N,)
    place in the file's list. ``id_map`` (H, W), n = segment n - 1, 0 = void.
    """

    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    areas: NDArray[np.int64]
    order: NDArray[np.int64]
    id_map: NDArray[np.int64]


def score_panoptic(
    truth_json: str | Path,
    results_json: str | Path,
    truth_folder: str | Path | None = None,
    results_folder: str | Path | None = None,
) -> dict[str, Any]:
    """Score a panoptic segmentation in COCO's files against another.

    Kirillov et al., "Panoptic Segmentation" (CVPR 2019), as its authors' code (panopticapi) counts.

    Args:
        truth_json, results_json: {"annotations": [{"image_id", "file_name", "segments_info":
            [{"id", "category_id", "iscrowd", "area"}]}]}; the truth also {"categories": [{"id",
            "isthing"}]}.
        truth_folder, results_folder: of the PNG, whose pixels hold R + 256 G + 256 x 256 B = id,
            0 = void. None: the folder beside the JSON that has its name.

    Returns:
        {"All", "Things", "Stuff": {"pq", "sq", "rq", "n"}, "per_class": {category id: {"pq", "sq",
        "rq"}}}; each mean is over the n categories with any segment, 0 without one.

    Raises:
        PixelwiseError: a file is missing or of another form or size, a picture has no prediction,
            or PNG, JSON and categories do not agree.
    """
    truth = _Files(truth_json, truth_folder, is_truth=True)
    results = _Files(results_json, results_folder, is_truth=False)
    categories = truth.categories()
    places = {number: place for place, number in enumerate(categories)}
    sums = np.zeros((4, len(categories)))
    for image_id, annotation in truth.annotations.items():
        if image_id not in results.annotations:
            raise PixelwiseError(
                f"{results.path} has no prediction for image {image_id}. "
                "Predict every picture of the truth, or leave it out of both files."
            )
        known = truth.segments(annotation, places)
        found = results.segments(results.annotations[image_id], places)
        if known.id_map.shape != found.id_map.shape:
            raise PixelwiseError(
                f"{annotation['file_name']} is {known.id_map.shape} in the truth and "
                f"{found.id_map.shape} in the results (height, width). Predict at full size."
            )
        sums += _counts(known, found, len(categories))
    return _scores(sums, categories)


class _Files:
    """A JSON file and its folder of PNG."""

    def __init__(self, path: str | Path, folder: str | Path | None, *, is_truth: bool) -> None:
        self._is_truth = is_truth
        self.path = Path(path)
        self.folder = self.path.with_suffix("") if folder is None else Path(folder)
        self._content = read_json(self.path)
        self.annotations: dict[Any, Mapping[str, Any]] = {}
        try:
            for each in self._content["annotations"]:
                if not {"file_name", "segments_info"} <= set(each):
                    raise KeyError("segments_info")
                self.annotations[each["image_id"]] = each
        except (KeyError, TypeError):
            raise PixelwiseError(
                f"{self.path} is no file of panoptic annotations: each needs image_id, file_name "
                "and segments_info."
            ) from None

    def categories(self) -> dict[int, bool]:
        """Category id -> whether it is a thing."""
        try:
            return {each["id"]: bool(each["isthing"]) for each in self._content["categories"]}
        except (KeyError, TypeError):
            raise PixelwiseError(
                f"{self.path} does not say which categories are things: it needs "
                '"categories": [{"id", "isthing"}].'
            ) from None

    def segments(self, annotation: Mapping[str, Any], places: Mapping[int, int]) -> _Segments:
        """The segments of one picture, checked against its PNG."""
        path = self.folder / annotation["file_name"]
        as_listed = annotation["segments_info"]
        order = sorted(range(len(as_listed)), key=lambda place: int(as_listed[place]["id"]))
        listed = [as_listed[place] for place in order]
        for each in listed:
            if each["category_id"] not in places:
                raise PixelwiseError(
                    f"{self.path}: segment {each['id']} of {path.name} is of category "
                    f"{each['category_id']}, which the truth's categories do not have."
                )
        ids = np.array([each["id"] for each in listed], np.int64)
        numbers = _read_ids(path)
        there, inverse, pixels = np.unique(numbers, return_inverse=True, return_counts=True)
        self._agree(path, ids, there)
        place = np.where(there == 0, 0, np.searchsorted(ids, there) + 1)
        areas = np.zeros(len(ids) + 1, np.int64)
        areas[place] = pixels
        areas = areas[1:]
        if self._is_truth:
            # The reference takes the truth's areas from the JSON.
            areas = np.array(
                [each.get("area", px) for each, px in zip(listed, areas, strict=True)], np.int64
            )
        return _Segments(
            labels=np.array([places[each["category_id"]] for each in listed], np.int64),
            crowd=np.array([bool(each.get("iscrowd", 0)) for each in listed], np.bool_),
            areas=areas,
            order=np.array(order, np.int64),
            id_map=place[inverse].reshape(numbers.shape),
        )

    def _agree(self, path: Path, listed: NDArray[np.int64], there: NDArray[np.integer]) -> None:
        """Whether PNG and JSON name the same segments."""
        unknown = np.setdiff1d(there[there > 0], listed)
        if len(unknown):
            raise PixelwiseError(
                f"{path} has pixels of segment {unknown[0]}, which {self.path} does not list. "
                "Write PNG and JSON from one result."
            )
        gone = np.setdiff1d(listed, there)
        if len(gone) and not self._is_truth:
            raise PixelwiseError(
                f"{self.path} lists segment {gone[0]} of {path.name}, which has no pixel in "
                f"{path}. Write PNG and JSON from one result."
            )


def _read_ids(path: Path) -> NDArray[np.int32]:
    """(H, W) the segment ids that a PNG's colours stand for."""
    if not path.is_file():
        raise PixelwiseError(
            f"{path} is missing. Name the folder of the PNG files that belong to the JSON."
        )
    found = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if found is None:
        raise PixelwiseError(f"{path} cannot be read as a picture. Write it again as RGB PNG.")
    return ids_of_colors(np.asarray(found[..., ::-1], np.uint8))


def _counts(truth: _Segments, found: _Segments, num_categories: int) -> Counts:
    """(4, C) sum of IoU, tp, fp, fn of one picture."""
    labels, every = truth.labels.copy(), np.arange(len(truth.labels))
    # Of several crowds of a category the reference lets the last listed alone excuse. COCO has one.
    for label in np.unique(labels[truth.crowd]):
        crowds = every[truth.crowd & (labels == label)]
        labels[crowds[np.argsort(truth.order[crowds])][:-1]] = _NOBODY
    rows, columns, shared = shared_pixels(
        truth.id_map, found.id_map, len(labels), len(found.labels)
    )
    void = found.id_map[truth.id_map == 0]
    overlaps = Overlaps(
        truth_labels=labels,
        truth_px=truth.areas,
        truth_ids=every,
        crowd=truth.crowd,
        found_labels=found.labels,
        found_px=found.areas,
        found_ids=np.arange(len(found.labels)),
        void_px=np.bincount(void, minlength=len(found.labels) + 1)[1:],
        rows=rows,
        columns=columns,
        shared_px=shared,
    )
    counts = tally(overlaps, match(overlaps), num_categories)
    return np.stack([counts.iou, counts.tp, counts.fp, counts.fn])


def _scores(sums: Counts, categories: Mapping[int, bool]) -> dict[str, Any]:
    """PQ, SQ and RQ of each category and their means, from (4, C) sums."""
    iou, tp, fp, fn = sums
    whole = tp + 0.5 * fp + 0.5 * fn
    quality = {
        name: np.divide(top, bottom, out=np.zeros_like(iou), where=bottom > 0)
        for name, top, bottom in (("pq", iou, whole), ("sq", iou, tp), ("rq", tp, whole))
    }
    is_thing = np.array(list(categories.values()), np.bool_)
    parts = {"All": np.ones_like(is_thing), "Things": is_thing, "Stuff": ~is_thing}
    means: dict[str, Any] = {}
    for part, is_in in parts.items():
        there = is_in & (whole > 0)
        count = int(there.sum())
        means[part] = {
            name: float(values[there].mean()) if count else float("nan")
            for name, values in quality.items()
        } | {"n": count}
    each = {
        number: {name: float(values[place]) for name, values in quality.items()}
        for place, number in enumerate(categories)
    }
    return {**means, "per_class": each}
