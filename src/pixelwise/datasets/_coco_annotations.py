"""From what COCO's files say of one picture to its annotation; see `pixelwise.datasets.coco`."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise import rle
from pixelwise.datasets._coco_entries import Key, Picture, Region, Segment
from pixelwise.datasets._instances import forget_box, from_masks, on_layers
from pixelwise.datasets._pictures import image_size_hw, is_rotated, read_stored
from pixelwise.joints import PIXEL_MIDDLE
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError

Mask = NDArray[np.bool_]

# Beyond this many times the picture's size a coordinate is a mistake, and slow to draw.
_FAR = 100


@dataclass(frozen=True)
class Source:
    """What all pictures of one file have in common.

    ``labels``: the file's category id -> index into the dataset's categories. ``num_joints``: K,
    0 where the dataset has none. ``has_outlines``: whether anything in the dataset is outlined.
    ``jointed``: the categories that have joints.
    """

    json: Path
    labels: Mapping[Key, int]
    num_joints: int = 0
    mirrored: tuple[int, ...] = ()
    has_outlines: bool = True
    jointed: frozenset[int] = frozenset()


def read_regions(
    image: Path, picture: Picture, regions: Sequence[Region], source: Source
) -> Annotation:
    """The annotation of a picture whose objects are outlined one by one.

    Objects that have joints and no outline are instances without a pixel and with a box. Nothing
    is known of what is inside it (255), but where nothing in the dataset is outlined and the joints
    are known. What has a box alone, and can have no joints, is an ignore region and no instance.

    Raises:
        PixelwiseError: another size than the picture's, or an outline or joints that are none.
    """
    size_hw = _size_hw(image, picture, source)
    labels = [source.labels[region.category] for region in regions]
    crowd = [region.is_crowd for region in regions]
    masks = (_mask(region, size_hw, image, source) for region in regions)
    annotation = from_masks(masks, labels, size_hw, crowd=crowd)
    _forget_boxes(annotation, regions, source.has_outlines)
    annotation = replace(annotation, boxes=_boxes(regions, labels, source))
    return _without_ghosts(_with_joints(annotation, regions, source))


def read_panoptic(
    image: Path,
    mask: Path,
    picture: Picture,
    segments: Sequence[Segment],
    source: Source,
    categories: Sequence[Category],
    jointed: Source,
) -> Annotation:
    """The annotation of a picture with a panoptic PNG, whose segment is R + 256 G + 65536 B.

    ``jointed``: the file that the joints are from.

    Raises:
        PixelwiseError: another size than the picture's, no such PNG, or a segment in it that the
            JSON does not list.
    """
    size_hw = _size_hw(image, picture, source)
    ids = _segment_ids(mask, size_hw)
    place = _places(ids, [segment.id for segment in segments], mask, source)
    kinds = [source.labels[segment.category] for segment in segments]
    paint = np.array([IGNORE, *kinds], np.uint8)  # 0 is void
    there = np.bincount(place.ravel(), minlength=len(kinds) + 1)[1:] > 0
    things = [k for k, kind in enumerate(kinds) if categories[kind].is_thing and there[k]]
    number = np.zeros(len(kinds) + 1, np.uint16)
    number[[k + 1 for k in things]] = np.arange(1, len(things) + 1)
    annotation = on_layers(
        number[place][None] if things else np.zeros((0, *size_hw), np.uint16),
        [kinds[k] for k in things],
        paint[place],
        crowd=[segments[k].is_crowd for k in things],
    )
    return _with_joints(annotation, [segments[k].person for k in things], jointed)


# --- sizes ---------------------------------------------------------------------------------------


def _size_hw(image: Path, picture: Picture, source: Source) -> tuple[int, int]:
    """The picture's size as it is read, upright; the file must speak of the same."""
    seen = image_size_hw(image)
    if picture.size_hw in (None, seen):
        return seen
    asked, found = _words(picture.size_hw or seen), _words(seen)
    if picture.size_hw == seen[::-1] and is_rotated(image):
        raise PixelwiseError(
            f"{source.json} was made for {image.name} as it is stored, {asked}; its EXIF mark "
            f"turns it to {found} pixels. Delete the mark, or annotate the picture upright."
        )
    raise PixelwiseError(
        f"{source.json} says that {image.name} has {asked} pixels; {image} has {found}. Put the "
        "picture there that was annotated, or scale the outlines with it."
    )


def _words(size_hw: tuple[int, int]) -> str:
    return f"{size_hw[1]} x {size_hw[0]}"


# --- outlines ------------------------------------------------------------------------------------


def _mask(region: Region, size_hw: tuple[int, int], image: Path, source: Source) -> Mask:
    """(H, W) bool: the pixels of a region, exactly as COCO's own tools draw them."""
    if not region.is_outlined:
        return np.zeros(size_hw, np.bool_)
    try:
        if isinstance(region.segmentation, tuple):
            _check_polygons(region.segmentation, size_hw)
        return rle.decode(region.segmentation, size_hw)
    # What the decoder says of broken counts comes as any of these.
    except (ValueError, RuntimeError, TypeError) as error:
        raise PixelwiseError(
            f"The outline of annotation {region.id} (picture {image.name}) in {source.json} "
            f"cannot be read: {str(error).rstrip('.')}. Correct it, or take the annotation out."
        ) from error


def _check_polygons(polygons: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> None:
    most = _FAR * max(size_hw)
    for polygon in polygons:
        if not isinstance(polygon, array):
            raise ValueError("a polygon is not a row of numbers")
        if len(polygon) % 2:
            raise ValueError(
                f"a polygon has {len(polygon)} numbers, and x, y, x, y ... are an even number"
            )
        numbers = np.asarray(polygon, np.float64)
        if not (np.isfinite(numbers).all() and (np.abs(numbers) <= most).all()):
            raise ValueError("a polygon has coordinates that lie nowhere near the picture")


# --- boxes and joints ----------------------------------------------------------------------------


def _boxes(
    regions: Sequence[Region], labels: Sequence[int], source: Source
) -> NDArray[np.float32] | None:
    """(N, 4) xyxy of what can have joints and is not outlined, NaN for the rest; None for none."""
    found = np.full((len(regions), 4), np.nan, np.float32)
    for row, region, label in zip(found, regions, labels, strict=True):
        box = region.box_xyxy
        if label in source.jointed and not region.is_outlined and box is not None:
            row[:] = box
    return found if np.isfinite(found).any() else None


def _forget_boxes(annotation: Annotation, regions: Sequence[Region], has_outlines: bool) -> None:
    """Something is where there is a box and no pixel of it: that is no background.

    Where nobody is outlined there is no background to learn, and joints say all there is to know.
    """
    is_empty = annotation.areas_px == 0
    for region, has_no_pixel in zip(regions, is_empty, strict=True):
        box = region.box_xyxy
        is_told = region.has_joints and not region.is_crowd and not has_outlines
        if has_no_pixel and box is not None and not is_told and not _is_sliver(region):
            forget_box(annotation, box)


def _is_sliver(region: Region) -> bool:
    """An outline thinner than a pixel, which COCO's own files have: nothing is missing there."""
    return region.is_outlined and region.box is not None and min(region.box[2:]) < 1


def _with_joints(
    annotation: Annotation, regions: Sequence[Region | None], source: Source
) -> Annotation:
    """The annotation with the joints of each instance, as far as they are known."""
    if not source.num_joints:
        return annotation
    joints = np.zeros((len(regions), source.num_joints, 3), np.float32)
    for place, region in enumerate(regions):
        if region is not None:
            joints[place] = _joints(region, source)
    return replace(annotation, keypoints=joints, mirrored=source.mirrored)


def _joints(region: Region, source: Source) -> NDArray[np.float32]:
    """(K, 3) x, y, visibility; zeros where the region has no joints."""
    found = np.zeros((source.num_joints, 3), np.float32)
    if region.joints is None:
        return found
    if len(region.joints) != found.size:
        raise PixelwiseError(
            f"Annotation {region.id} in {source.json} has {len(region.joints)} numbers in "
            f'"keypoints"; {source.num_joints} joints with x, y, visibility are {found.size}. '
            "Correct it, or take the annotation out."
        )
    found[:] = np.asarray(region.joints, np.float32).reshape(-1, 3)
    found[found[:, 2] > 0, :2] += PIXEL_MIDDLE
    found[found[:, 2] <= 0] = 0
    return found


def _without_ghosts(annotation: Annotation) -> Annotation:
    """Without the instances that have no pixel, joint or box, such as slivers of polygons."""
    count = len(annotation)
    here = annotation.areas_px > 0
    if annotation.keypoints is not None:
        here |= (annotation.keypoints[:, :, 2] > 0).any(axis=1)
    if annotation.boxes is not None:
        here |= np.isfinite(annotation.boxes).all(axis=1)
    if here.all():
        return annotation
    number = np.zeros(count + 1, np.uint16)
    number[1:][here] = np.arange(1, here.sum() + 1)
    return replace(
        annotation,
        layers=number[annotation.layers],
        labels=annotation.labels[here],
        crowd=annotation.crowd[here],
        keypoints=None if annotation.keypoints is None else annotation.keypoints[here],
        boxes=None if annotation.boxes is None else annotation.boxes[here],
    )


# --- panoptic ------------------------------------------------------------------------------------


def _segment_ids(mask: Path, size_hw: tuple[int, int]) -> NDArray[np.int32]:
    """(H, W) int32: R + 256 G + 65536 B."""
    values = read_stored(mask).values
    if values.ndim != 3 or values.dtype != np.uint8:
        raise PixelwiseError(
            f"{mask} is no panoptic PNG, whose segments are RGB colours (8 bits each). Give the "
            "folder of PNG files that belongs to the JSON."
        )
    if values.shape[:2] != size_hw:
        raise PixelwiseError(
            f"{mask} has {_words(values.shape[:2])} pixels, and its picture {_words(size_hw)}. Put "
            "the PNG there that was made for this picture."
        )
    return rle.ids_of_colors(values[..., :3])


def _places(
    ids: NDArray[np.int32], listed: Sequence[int], mask: Path, source: Source
) -> NDArray[np.intp]:
    """(H, W): k + 1 where the k-th listed segment is, 0 for void (0)."""
    numbers = np.array([-1, *listed], np.int64)
    order = np.argsort(numbers)
    place = order[np.searchsorted(numbers, ids, sorter=order).clip(0, len(order) - 1)]
    is_known = numbers[place] == ids
    strange = ids[~is_known & (ids != 0)]
    if len(strange):
        raise PixelwiseError(
            f"{mask} holds segment {strange[0]} ({len(strange):,} pixels are of segments that "
            f"{source.json} does not list). Export the two together again."
        )
    return np.where(is_known, place, 0)
