"""The report's pictures: what is true and what was predicted, drawn on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise import draw
from pixelwise.metrics import Metric
from pixelwise.metrics.matching import match, overlaps
from pixelwise.report import pose_case
from pixelwise.types import Annotation, Image, Instances

_PICTURE_PX = 480
_WIDTH_PX = 2
_NUM_WORST, _NUM_MEDIAN, _NUM_BEST = 6, 3, 3
_CROWD: draw.Rgb = (190, 190, 190)


def picks(scores: NDArray[np.float64]) -> Iterator[tuple[str, int]]:
    """Which pictures are shown, each once: ("Worst" | "Middle" | "Best", place in ``scores``)."""
    order = np.argsort(scores, kind="stable")
    middle = (len(order) - _NUM_MEDIAN) // 2
    wanted = {
        "Worst": order[:_NUM_WORST],
        "Middle": order[max(0, middle) : middle + _NUM_MEDIAN],
        "Best": order[-_NUM_BEST:],
    }
    seen: set[int] = set()
    for title, places in wanted.items():
        for place in places:
            if int(place) not in seen:
                seen.add(int(place))
                yield title, int(place)


def legend(kind: str) -> tuple[tuple[str, draw.Rgb], ...]:
    """The words and colours of the outlines, in the order they are drawn."""
    if kind == "semantic":
        return ("truth", draw.TRUTH), ("prediction, drawn last", draw.PREDICTION)
    if kind == "pose":
        return pose_case.LEGEND
    return (
        ("found (the prediction's outline)", draw.MATCHED),
        ("missed (the truth's)", draw.MISSED),
        ("false (the prediction's)", draw.FALSE),
        ("crowd, not counted", _CROWD),
    )


def draw_case(image: Image, annotation: Annotation, result: Any, metric: Metric) -> Image:
    """The picture shrunk for a page, with what was right and wrong outlined on it."""
    small = draw.fit(image, _PICTURE_PX)
    if metric.kind == "semantic":
        truth, labels = (
            draw.fit_numbers(part, small) for part in (annotation.semantic, result.labels)
        )
        return draw.truth_and_prediction(small, truth, labels, width_px=_WIDTH_PX)
    # On a small picture, which the page enlarges, thick lines hide small segments.
    width_px = _WIDTH_PX if max(small.shape[:2]) > 2 * _PICTURE_PX // 3 else 1
    if metric.kind == "pose":
        return pose_case.draw_poses(small, annotation, result, metric, width_px)
    borders = list(_borders(annotation, result, metric, small))
    return draw.outlines(small, borders, width_px=width_px)


def _borders(
    annotation: Annotation, result: Instances, metric: Metric, small: Image
) -> Iterator[tuple[NDArray[np.bool_], draw.Rgb]]:
    """Every segment's mask at the small picture's size, and its colour; what is wrong last."""
    stuff = metric.kind == "panoptic"
    every = overlaps(annotation, result, metric.categories, stuff=stuff)
    matches, excusable = match(every), every.excusable()
    layers = [draw.fit_numbers(layer, small) for layer in annotation.layers]
    id_map, semantic = (
        draw.fit_numbers(result.id_map, small),
        draw.fit_numbers(annotation.semantic, small),
    )

    def truth(row: int) -> NDArray[np.bool_]:
        place = int(every.truth_ids[row])
        if place >= len(annotation):
            return np.asarray(semantic == place - len(annotation))
        return np.asarray(np.any([layer == place + 1 for layer in layers], axis=0))

    def prediction(column: int) -> NDArray[np.bool_]:
        return np.asarray(id_map == every.found_ids[column] + 1)

    rows, columns = set(matches.rows.tolist()), set(matches.columns.tolist())
    for row in np.flatnonzero(every.crowd).tolist():
        yield truth(row), _CROWD
    for column in sorted(columns):
        yield prediction(column), draw.MATCHED
    for row in np.flatnonzero(~every.crowd).tolist():
        if row not in rows:
            yield truth(row), draw.MISSED
    for column in np.flatnonzero(~excusable).tolist():
        if column not in columns:
            yield prediction(column), draw.FALSE
