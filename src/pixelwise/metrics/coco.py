"""Scores of files in COCO's own formats, for comparing with what others print.

Boxes, masks and joints are scored by the library that agrees with COCO's own code; joints may be of
any skeleton (`coco_joints`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelwise.files import read_json
from pixelwise.metrics import coco_joints
from pixelwise.rle import decode, encode
from pixelwise.types import PixelwiseError

_DETECTION = (
    *("AP", "AP50", "AP75", "APs", "APm", "APl"),
    *("AR1", "AR10", "AR100", "ARs", "ARm", "ARl"),
)
_POSE = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
_NAMES = {"segm": _DETECTION, "bbox": _DETECTION, **dict.fromkeys(coco_joints.FIELDS, _POSE)}
_NEEDED = {"segm": ("segmentation",), "bbox": ("bbox",), **coco_joints.FIELDS}


def score_coco(
    truth_json: str | Path,
    results_json: str | Path,
    kind: str = "segm",
    sigmas: Sequence[float] | None = None,
) -> dict[str, float]:
    """Score a file of COCO results against a file of COCO annotations.

    Lin et al., "Microsoft COCO: Common Objects in Context" (ECCV 2014), and the COCO evaluation of
    boxes, masks ("segm") and joints ("keypoints", by object keypoint similarity).

    Args:
        truth_json: {"images", "annotations", "categories"}.
        results_json: [{"image_id", "category_id", "score", "segmentation" | "bbox" | "keypoints"}];
            masks as run-length codes. Boxes are taken from masks where there are none.
        kind: "segm", "bbox" or "keypoints"; of COCO-WholeBody "foot", "face", "lefthand" or
            "righthand", whose joints stand in "foot_kpts" and so on, or "wholebody", all 133.
        sigmas: (K,) of the joints, see `pixelwise.types.Skeleton`. None: those that the truth's
            category gives ("sigmas"), else those published for its joints.

    Returns:
        AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl; for joints AP, AP50, AP75,
        APm, APl, AR, AR50, AR75, ARm, ARl. Each in [0, 1]; NaN where nothing of that size exists.

    Raises:
        PixelwiseError: a file is missing or no such file, results name another picture or
            category, or have another number of joints, or nobody knows the joints' sigmas.
    """
    if kind not in _NAMES:
        raise PixelwiseError(f"There is no kind '{kind}'. There are: {', '.join(_NAMES)}.")
    from faster_coco_eval import COCO, COCOeval_faster

    truth = _truth(Path(truth_json), kind)
    results = _results(Path(results_json), kind, truth)
    options: dict[str, Any] = {}
    if kind in coco_joints.FIELDS:
        known = coco_joints.sigmas_of(truth, kind, sigmas, str(truth_json))
        truth, results = coco_joints.ready(truth, results, kind, len(known))
        options["kpt_oks_sigmas"] = known
    elif sigmas is not None:
        raise PixelwiseError(f"Sigmas are of joints; '{kind}' has none. Leave them out.")
    whole = COCO(truth)
    evaluation = COCOeval_faster(
        whole,
        whole.loadRes(results),
        "keypoints" if options else kind,
        print_function=_silent,
        **options,
    )
    evaluation.run()
    # -1 stands for "nothing to find".
    values = [float(value) for value in evaluation.stats[: len(_NAMES[kind])]]
    return {
        name: value if value >= 0 else float("nan")
        for name, value in zip(_NAMES[kind], values, strict=True)
    }


def _truth(path: Path, kind: str) -> dict[str, Any]:
    found = read_json(path)
    parts = ("images", "annotations", "categories")
    if not isinstance(found, Mapping) or not all(isinstance(found.get(p), list) for p in parts):
        raise PixelwiseError(
            f"{path} is no file of COCO annotations: it needs the lists {', '.join(parts)}."
        )
    for each in found["annotations"]:
        _has(f"{path}: annotation {each.get('id')}", each, kind)
    return dict(found)


def _results(path: Path, kind: str, truth: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = read_json(path)
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise PixelwiseError(f"{path} is no file of COCO results: it must be one list.")
    known = {
        "image_id": {each["id"] for each in truth["images"]},
        "category_id": {each["id"] for each in truth["categories"]},
    }
    sizes = {each["id"]: (each.get("height"), each.get("width")) for each in truth["images"]}
    for place, each in enumerate(found):
        _check(f"{path}: result {place}", each, kind, known)
    return [_packed(each, sizes[each["image_id"]]) for each in found]


def _packed(result: Mapping[str, Any], size_hw: tuple[Any, Any]) -> dict[str, Any]:
    """The result with its mask as the library wants it, whichever way COCO has to write one."""
    mask = result.get("segmentation")
    if mask is None or (isinstance(mask, Mapping) and isinstance(mask.get("counts"), str)):
        return dict(result)
    return {**result, "segmentation": encode(decode(mask, size_hw))}


def _check(where: str, result: Any, kind: str, known: Mapping[str, set[Any]]) -> None:
    """Whether a result can be scored.

    Raises:
        PixelwiseError: something is missing, or names what the truth does not have.
    """
    if not isinstance(result, Mapping) or not {*known, "score"} <= set(result):
        raise PixelwiseError(f"{where} needs image_id, category_id and score.")
    for key, values in known.items():
        if result[key] not in values:
            raise PixelwiseError(
                f"{where} is of {key} {result[key]}, which the annotations do not have. "
                "Give the annotations these results were made for."
            )
    if not (kind == "bbox" and "segmentation" in result):
        _has(where, result, kind)


def _has(where: str, entry: Mapping[str, Any], kind: str) -> None:
    lacking = [field for field in _NEEDED[kind] if field not in entry]
    if lacking:
        raise PixelwiseError(
            f"{where} has no '{lacking[0]}', which '{kind}' needs. Ask for another kind, or give "
            "another file."
        )


def _silent(*_: object) -> None:
    """Takes the place of the library's printing."""
