"""Stands in for what ``poses.py`` will have: a drawing, and OpenPose's form of a frame."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from pixelwise.draw import line_width, palette
from pixelwise.joints import skeleton_of
from pixelwise.types import Image, Poses


def draw(image: Image, result: Poses) -> Image:
    """Limbs as lines in a colour for each id, and the id."""
    drawn, width = image.copy(), line_width(image.shape[:2])
    scale = np.array(image.shape[:2])[::-1] / result.size_hw[::-1]
    colors = palette(8)[1:]
    for index, pose in enumerate(result.keypoints):
        number = index if result.ids is None else int(result.ids[index])
        places = pose[:, :2] * scale
        for one, two in skeleton_of(result.categories)[1].limbs:
            if result.found[index, [one, two]].all():
                start, stop = (np.floor(places[end]).astype(int).tolist() for end in (one, two))
                cv2.line(drawn, start, stop, colors[number % 7], width, cv2.LINE_AA)
        if number > 0 and result.found[index].any():
            x, y = np.nanmin(places, axis=0).astype(int).tolist()
            cv2.putText(drawn, str(number), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255,) * 3)
    return drawn


def openpose(result: Poses) -> dict[str, Any]:
    """A frame as OpenPose writes it: joints that were not found are 0, 0, 0."""
    ids = [-1] * len(result) if result.ids is None else result.ids.tolist()
    people = [
        {"person_id": [number], "pose_keypoints_2d": np.nan_to_num(pose).ravel().tolist()}
        for number, pose in zip(ids, result.keypoints, strict=True)
    ]
    return {"version": 1.3, "people": people}
