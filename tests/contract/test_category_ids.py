"""The numbers of categories in a dataset's files are those in result files and conversions."""

import json

import numpy as np
import pytest

from cocos import image, picture, region, square, write_json, write_meadow
from folders import write
from pixelwise.conversion import convert
from pixelwise.datasets import open_dataset
from pixelwise.metrics.coco import score_coco
from pixelwise.metrics.panoptic import score_panoptic
from pixelwise.outputs import Picture, open_output
from pixelwise.run import open_run
from pixelwise.types import Category, Instances, Panoptic, Poses, source_ids
from untrained import write_run

# In COCO's own files too, numbers have gaps and are not in the order of a run.
IDS = {"person": 1, "car": 44, "bicycle": 2}


@pytest.fixture
def road(tmp_path):
    """Two images, each with one of every kind."""
    places = zip(IDS.values(), (2, 12, 22), strict=True)
    outlines = [(kind, square(left, 5, 8)) for kind, left in places]
    annotations = [
        region(10 * number + kind, number, kind, [outline], bbox=[outline[0], 5, 8, 8], area=64)
        for number in (1, 2)
        for kind, outline in outlines
    ]
    for number in (1, 2):
        write(tmp_path / f"road/images/{number}.png", picture(number))
    write_json(
        tmp_path / "road/annotations/instances.json",
        {
            "images": [image(number, f"{number}.png") for number in (1, 2)],
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for name, number in IDS.items()],
        },
    )
    return tmp_path / "road"


def perfect(kind, annotation, categories):
    ids = annotation.layers.max(axis=0).astype(np.int32)
    return kind(ids, annotation.labels, np.ones(len(annotation), np.float32), categories)


def predicted(root, out, result_of):
    """Write what `predict` would write of a perfect model."""
    dataset = open_dataset(root)
    samples = [dataset[place] for place in range(len(dataset))]
    results = [result_of(each.read_annotation(), dataset.categories) for each in samples]
    out.mkdir()
    with open_output(results[0], out, probs=False) as output:
        for number, (sample, result) in enumerate(zip(samples, results, strict=True), start=1):
            name = sample.files[0].stem
            output.write(Picture(name, sample.files[0], number), sample.read_image(), result)
    return out


def test_instances_are_scored_against_the_file_they_were_learned_from(road, tmp_path):
    out = predicted(road, tmp_path / "out", lambda *parts: perfect(Instances, *parts))
    truth = road / "annotations/instances.json"
    assert score_coco(truth, out / "coco_results.json")["AP"] == 1
    found = json.loads((out / "coco_results.json").read_text())
    assert {each["category"]: each["category_id"] for each in found} == IDS


def test_panoptic_segments_are(tmp_path):
    root = write_meadow(tmp_path / "meadow")

    def result(annotation, categories):
        ids = annotation.layers.max(axis=0).astype(np.int32)
        stuff = (ids == 0) & (annotation.semantic != 255)
        ids[stuff] = len(annotation) + 1
        labels = np.append(annotation.labels, annotation.semantic[stuff][0]).astype(np.int64)
        return Panoptic(ids, labels, np.ones(len(labels), np.float32), categories)

    out = predicted(root, tmp_path / "out", result)
    truth = root / "annotations/panoptic_val.json"
    found = score_panoptic(truth, out / "panoptic.json", root / "annotations/panoptic_val")
    assert found["All"]["pq"] == 1
    written = json.loads((out / "panoptic.json").read_text())
    assert {each["name"]: each["id"] for each in written["categories"]} == {
        "sheep": 20,
        "meadow": 193,
    }


def test_poses_are(tmp_path):
    joints = ["nose", "left_hand", "right_hand"]
    entry = region(1, 1, 7, [], keypoints=[4, 4, 2, 8, 9, 2, 12, 9, 2], num_keypoints=3)
    entry |= {"bbox": [2, 2, 14, 12], "area": 90}
    write(tmp_path / "pets/images/1.png", picture(1))
    write_json(
        tmp_path / "pets/annotations/person_keypoints.json",
        {
            "images": [image(1, "1.png")],
            "annotations": [entry],
            "categories": [{"id": 7, "name": "cat", "keypoints": joints}],
        },
    )

    def result(annotation, categories):
        assert annotation.keypoints is not None
        found = annotation.keypoints.copy()
        found[..., 2] = 1
        return Poses(found, np.ones(1, np.float32), categories, annotation.size_hw)

    out = predicted(tmp_path / "pets", tmp_path / "out", result)
    [written] = json.loads((out / "coco_results.json").read_text())
    assert written["category_id"] == 7


def test_a_run_keeps_them(tmp_path):
    run = write_run(tmp_path / "run")
    numbered = tuple(
        Category(f"c{n}", (n, n, n), n > 0, source_id=number) for n, number in enumerate((9, 4))
    )
    written = json.loads((run.path / "categories.json").read_text())
    for each, category in zip(written, numbered, strict=True):
        each |= {"source_id": category.source_id}
    (run.path / "categories.json").write_text(json.dumps(written))
    assert source_ids(open_run(run.path).categories) == (9, 4)


@pytest.mark.parametrize("form", ["coco", "coco_panoptic"])
def test_a_conversion_keeps_them(road, tmp_path, form):
    if form == "coco_panoptic":
        road = write_meadow(tmp_path / "meadow")
    before = open_dataset(road)
    convert(road, tmp_path / "out", to=form)
    after = open_dataset(tmp_path / "out")
    ids = [
        {c.name: c.source_id for c in each.categories if c.source_id} for each in (before, after)
    ]
    assert ids[0] == ids[1] and len(ids[0]) >= 2


@pytest.mark.parametrize(
    "given, expected",
    [
        ((None, None, None), (0, 1, 2)),
        ((None, 7, 3), (0, 7, 3)),
        ((None, 0, 1), (2, 0, 1)),
        ((None, 7, None), (0, 1, 2)),
        ((5, 5, 6), (0, 1, 2)),
        ((8, 7, 6), (8, 7, 6)),
    ],
)
def test_numbers_are_the_datasets_own_where_all_have_one(given, expected):
    categories = [Category("c", (0, 0, 0), source_id=number) for number in given]
    assert source_ids(categories) == expected
