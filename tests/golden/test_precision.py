"""Average precision against the library that agrees with COCO's own code, and by hand."""

import json

import numpy as np
import pytest

from pixelwise import rle
from pixelwise.coco_scores import score_coco
from pixelwise.instance_metrics import InstanceMetric
from segments import SCENE, crowded

OURS = {
    "segm": ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100"),
    "bbox": ("box_ap", "box_ap50", "box_ap75"),
}
THEIRS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")


def box_of(mask: np.ndarray) -> list[int]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return [
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    ]


def write_coco(folder, pictures) -> tuple:
    """Annotations and results as COCO's files, from [(annotation, result)]."""
    truths, results = [], []
    for image, (annotation, result) in enumerate(pictures):
        for index in range(len(annotation)):
            mask = annotation.mask(index)
            truths.append(
                {
                    "id": len(truths) + 1,
                    "image_id": image,
                    "category_id": int(annotation.labels[index]),
                    "iscrowd": int(annotation.crowd[index]),
                    "area": int(mask.sum()),
                    "bbox": box_of(mask),
                    "segmentation": rle.encode(mask),
                }
            )
        for index in range(len(result)):
            results.append(
                {
                    "image_id": image,
                    "category_id": int(result.labels[index]),
                    "score": float(result.scores[index]),
                    "segmentation": rle.encode(result.mask(index)),
                }
            )
    size = dict(zip(("height", "width"), pictures[0][0].size_hw, strict=True))
    whole = {
        "images": [{"id": image, **size} for image in range(len(pictures))],
        "annotations": truths,
        "categories": [{"id": 2, "name": "sheep"}, {"id": 3, "name": "person"}],
    }
    for name, content in (("truth", whole), ("results", results)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / "truth.json", folder / "results.json"


@pytest.mark.parametrize("kind", ["segm", "bbox"])
@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_what_the_library_prints(tmp_path, seed, kind):
    pictures = [crowded(10 * seed + number) for number in range(5)]
    metric = InstanceMetric(SCENE)
    for number, (annotation, result) in enumerate(pictures):
        metric.update(str(number), annotation, result)
    ours = metric.compute()["pooled over segments"]
    theirs = score_coco(*write_coco(tmp_path, pictures), kind)
    for name, other in zip(OURS[kind], THEIRS, strict=False):
        assert ours[name] == pytest.approx(theirs[other], abs=1e-9, nan_ok=True), name
    assert 0.1 < ours["ap"] < 0.9
