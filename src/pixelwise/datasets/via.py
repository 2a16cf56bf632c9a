"""VGG Image Annotator (VIA): one JSON file that lists pictures with their regions.

Any JSON file, as a rule via_region_data.json, whose entries have "filename" and "regions" (or that
holds them under "_via_img_metadata"), beside its images or apart from them. Polygons, rectangles,
circles and ellipses are read; points and lines have no area and are left out. A rectangle beside
outlines of the same class is a box and no outline: an ignore region. The category is a region's
attribute "class", "label", "name", "type" or "category", or its only one; without any, all are
objects. Dutta, Zisserman: The VIA annotation software for images, audio and video, 2019.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.datasets import _shapes
from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, refuse_second, settled
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures
from pixelwise.datasets._instances import boxed_among, forget, from_masks, thing_categories
from pixelwise.datasets._json import mentions, read_object
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.datasets._roles import split_of
from pixelwise.datasets._shapes import Mask
from pixelwise.types import Annotation, PixelwiseError
from pixelwise.words import count

_LOOKED_AT = 5
_KINDS = ("class", "label", "name", "type", "category")
_RECTANGLE = "rect"
_WITH_AREA = ("polygon", _RECTANGLE, "circle", "ellipse")
_OBJECT = "object"

Region = Mapping[str, Any]
"""One region, as VIA writes it: shape_attributes and region_attributes."""


def likeness(root: Path) -> float:
    """Sure when a JSON file beside pictures speaks of regions with shapes."""
    files = glimpse(root)
    found = [file for file in files if file.lower().endswith(".json")][:_LOOKED_AT]
    hits = any(mentions(root / one, "regions", "filename", "shape_attributes") for one in found)
    return 0.93 if hits and pictures(files) else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances of the categories met; a picture that is listed without regions shows none.

    Raises:
        PixelwiseError: a JSON file is damaged, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "regions in a JSON file (layout via)")
    files = list_files(root)
    locate = Locator(pictures(files))
    cases: dict[str, Case] = {}
    shapes: dict[str, Counter[str]] = defaultdict(Counter)
    missing: list[str] = []
    for file in files:
        for name, regions in _entries(root / file) if file.lower().endswith(".json") else ():
            image = locate.find(name.replace("\\", "/"), file)
            if image is None:
                missing.append(name)
                continue
            refuse_second(root, cases.get(image), file)
            split = split_of(folder_of(image))
            cases[image] = Case(case_id(image), image, (file,), split, held=(name,), is_sized=False)
            for region in regions:
                shapes[_kind(region)][_shape(region)] += 1
    if not cases:
        raise PixelwiseError(_no_cases(root, missing))
    drawn = {kind for kind, counts in shapes.items() if any(counts[one] for one in _WITH_AREA)}
    names = sorted(drawn) or [_OBJECT]
    boxed, notes = boxed_among(shapes, _RECTANGLE, _WITH_AREA)
    num_passed_over = sum(
        counts[one] for counts in shapes.values() for one in counts if one not in _WITH_AREA
    )
    if num_passed_over:
        notes.append(f"{num_passed_over} points and lines are left out.")
    if missing:
        notes.append(
            f"{count(len(missing), 'image')} that the file names are not there: {missing[0]} ..."
        )
    return Cases(
        "via",
        root,
        settled(cases.values()),
        thing_categories(names),
        partial(_read, tuple(names), boxed),
        unpaired=tuple(root / file for file in pictures(files) if file not in cases),
        notes=tuple(notes),
    )


def _no_cases(root: Path, missing: Sequence[str]) -> str:
    if not missing:
        return f"No JSON file in {root} lists an image with regions. Export the project again."
    return (
        f"None of the {count(len(missing), 'image')} that the JSON file names is in {root}, for "
        f"example {missing[0]}. Put the images into the folder, by these names."
    )


def _read(
    names: tuple[str, ...], boxed: frozenset[str], name: str, image: Path, files: tuple[Path, ...]
) -> Annotation:
    size_hw = image_size_hw(image)
    drawn = [region for region in _regions_of(files[0], name) if _shape(region) in _WITH_AREA]
    boxes = [each for each in drawn if _shape(each) == _RECTANGLE and _kind(each) in boxed]
    things = [region for region in drawn if region not in boxes]
    annotation = from_masks(
        (_fill(region, size_hw, files[0], image) for region in things),
        [names.index(_kind(region)) + 1 for region in things],
        size_hw,
    )
    for box in boxes:
        forget(annotation, _fill(box, size_hw, files[0], image))
    return annotation


# --- the file -------------------------------------------------------------------------------------


def _entries(path: Path) -> Iterator[tuple[str, list[Region]]]:
    """The pictures a JSON file lists, with their regions; none where it is something else."""
    found = read_object(path)
    listed = found.get("_via_img_metadata", found)
    for entry in listed.values() if isinstance(listed, Mapping) else ():
        if isinstance(entry, Mapping) and {"filename", "regions"} <= set(entry):
            regions = entry["regions"]
            # Version 1 numbers the regions, version 2 lists them.
            values = regions.values() if isinstance(regions, Mapping) else regions
            listed_here = values if isinstance(regions, Mapping | list) else ()
            yield (
                str(entry["filename"]),
                [each for each in listed_here if isinstance(each, Mapping)],
            )


def _regions_of(path: Path, name: str) -> Sequence[Region]:
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise PixelwiseError(f"{path} cannot be read: {error.strerror}.") from error
    return _by_picture(path, changed).get(name, [])


@lru_cache(maxsize=8)
def _by_picture(path: Path, changed: int) -> dict[str, list[Region]]:
    """The file, read once for all its pictures, and again when it changed."""
    return dict(_entries(path))


def _kind(region: Region) -> str:
    told = region.get("region_attributes")
    if not isinstance(told, Mapping):
        return _OBJECT
    values = [told[name] for name in _KINDS if told.get(name)] or [
        value for value in told.values() if len(told) == 1 and value
    ]
    if not values:
        return _OBJECT
    # A checkbox is a table of what is ticked.
    return next(iter(values[0]), _OBJECT) if isinstance(values[0], Mapping) else str(values[0])


def _shape(region: Region) -> str:
    """The name of its shape, "" where it has none."""
    told = region.get("shape_attributes")
    return str(told.get("name", "")) if isinstance(told, Mapping) else ""


def _fill(region: Region, size_hw: tuple[int, int], path: Path, image: Path) -> Mask:
    shape = region["shape_attributes"]
    try:
        return _drawn(shape, size_hw)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise PixelwiseError(
            f"{path} holds a {shape['name']} for {image.name} that cannot be drawn ({error}). Draw "
            "it again, or delete it."
        ) from error


def _drawn(shape: Mapping[str, Any], size_hw: tuple[int, int]) -> Mask:
    if shape["name"] == "polygon":
        points = np.array([shape["all_points_x"], shape["all_points_y"]], np.float64).T
        return _shapes.polygon(points, size_hw)
    if shape["name"] == _RECTANGLE:
        corner = np.array([shape["x"], shape["y"]], np.float64)
        extent = np.array([shape["width"], shape["height"]], np.float64)
        return _shapes.rectangle(corner, corner + extent, size_hw)
    center = np.array([shape["cx"], shape["cy"]], np.float64)
    radii = [shape["r"]] * 2 if shape["name"] == "circle" else [shape["rx"], shape["ry"]]
    turned = float(shape.get("theta", 0.0))
    return _shapes.ellipse(center, np.array(radii, np.float64), size_hw, turned)
