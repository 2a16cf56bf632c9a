"""Panoptic quality of COCO's files, against its authors' algorithm written out pixel by pixel."""

import json

import cv2
import numpy as np
import pytest

from pixelwise.metrics.panoptic import score_panoptic
from pixelwise.metrics.segments import PanopticMetric
from pixelwise.types import IGNORE, Annotation, PixelwiseError
from segments import SCENE, found

# COCO's ids are not consecutive: category 2 * place + 1.
CATEGORIES = [
    {"id": 2 * place + 1, "isthing": int(each.is_thing)} for place, each in enumerate(SCENE)
]


def segmentation(seed: int, *, crowd: bool, size_hw=(24, 30)):
    """Rectangles over one another, some void: (ids (H, W), {id: category}, ids of crowds)."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(size_hw, np.int64)
    kinds = {}
    for number in range(int(rng.integers(3, 9))):
        top, left = rng.integers(0, 20, 2)
        segment = int(rng.integers(1, 60_000)) * 7 + number
        ids[top : top + rng.integers(3, 14), left : left + rng.integers(3, 18)] = segment
        kinds[segment] = int(rng.choice([1, 3, 5, 7]))
    ids, kinds = merged(ids, kinds)
    crowds: dict[int, int] = {}
    for segment, kind in kinds.items():
        if crowd and kind > 4 and rng.random() < 0.5:
            crowds.setdefault(kind, segment)
    return ids, kinds, set(crowds.values())


def near(ids: np.ndarray, kinds: dict, seed: int):
    """The same somewhat moved, some segments renamed to another category."""
    rng = np.random.default_rng(1000 + seed)
    moved = np.roll(ids, tuple(rng.integers(-1, 2, 2)), (0, 1))
    any_kind = [1, 3, 5, 7]
    other = {s: k if rng.random() < 0.8 else int(rng.choice(any_kind)) for s, k in kinds.items()}
    return *merged(moved, other), set()


def merged(ids: np.ndarray, kinds: dict) -> tuple[np.ndarray, dict]:
    """All stuff of one category as one segment, as these files have it; none without pixels."""
    first = {kind: segment for segment, kind in reversed(kinds.items()) if kind < 5}
    for segment, kind in kinds.items():
        ids = np.where(ids == segment, first.get(kind, segment), ids)
    return ids, {segment: kind for segment, kind in kinds.items() if (ids == segment).any()}


def write(folder, name: str, pictures) -> None:
    (folder / name).mkdir()
    annotations = []
    for image, (ids, kinds, crowds) in enumerate(pictures):
        png = np.stack([ids >> 16, ids >> 8, ids], axis=-1) & 255
        cv2.imwrite(str(folder / name / f"{image}.png"), png.astype(np.uint8))
        infos = [
            {
                "id": segment,
                "category_id": kind,
                "iscrowd": int(segment in crowds),
                "area": int((ids == segment).sum()),
            }
            for segment, kind in kinds.items()
        ]
        annotations.append({"image_id": image, "file_name": f"{image}.png", "segments_info": infos})
    content = {"annotations": annotations, "categories": CATEGORIES}
    (folder / f"{name}.json").write_text(json.dumps(content))


def by_the_book(truths, results) -> dict[int, list[float]]:
    """Category -> [IoU, tp, fp, fn], comparing every segment with every other."""
    sums = {each["id"]: [0.0, 0, 0, 0] for each in CATEGORIES}
    for (truth, kinds, crowds), (guess, guesses, _) in zip(truths, results, strict=True):
        right, left = set(), set()
        for a, kind in kinds.items():
            for b, other in guesses.items():
                if a in crowds or kind != other:
                    continue
                inter = ((truth == a) & (guess == b)).sum()
                void = ((truth == 0) & (guess == b)).sum()
                iou = inter / ((truth == a).sum() + (guess == b).sum() - inter - void)
                if iou > 0.5:
                    sums[kind][0] += iou
                    sums[kind][1] += 1
                    right.add(a)
                    left.add(b)
        for a, kind in kinds.items():
            sums[kind][3] += a not in right and a not in crowds
        for b, kind in guesses.items():
            on = [a for a in crowds if kinds[a] == kind]
            free = (guess == b) & ((truth == 0) | np.isin(truth, on))
            sums[kind][2] += b not in left and free.sum() / (guess == b).sum() <= 0.5
    return sums


@pytest.mark.parametrize("listed", [(20, 10), (10, 20)])
def test_of_several_crowds_the_last_listed_excuses_as_in_panopticapi(tmp_path, listed):
    """Its code keeps one crowd for each category, and a later one takes the place of an earlier."""
    truth, guess = np.full((4, 8), 20), np.zeros((4, 8), np.int64)
    truth[:, 4:], guess[:, 4:] = 10, 1
    write(tmp_path, "truth", [(truth, dict.fromkeys(listed, 7), {10, 20})])
    write(tmp_path, "results", [(guess, {1: 7}, set())])
    scores = score_panoptic(tmp_path / "truth.json", tmp_path / "results.json")
    # The result lies on 10, so that it is false where 20 is the last.
    assert scores["All"]["n"] == (0 if listed[-1] == 10 else 1)


@pytest.fixture(params=range(4))
def pair(request, tmp_path):
    truths = [segmentation(10 * request.param + n, crowd=True) for n in range(6)]
    results = [near(ids, kinds, seed) for seed, (ids, kinds, _) in enumerate(truths)]
    write(tmp_path, "truth", truths)
    write(tmp_path, "results", results)
    return tmp_path, truths, results


def test_panoptic_quality_is_what_comparing_every_pair_gives(pair):
    folder, truths, results = pair
    scores = score_panoptic(folder / "truth.json", folder / "results.json")
    each = {}
    for kind, (iou, tp, fp, fn) in by_the_book(truths, results).items():
        if tp + fp + fn:
            whole = tp + fp / 2 + fn / 2
            each[kind] = {"pq": iou / whole, "sq": iou / tp if tp else 0, "rq": tp / whole}
    for kind, expected in each.items():
        assert scores["per_class"][kind] == pytest.approx(expected)
    parts = {"All": {1, 3, 5, 7}, "Things": {5, 7}, "Stuff": {1, 3}}
    for part, members in parts.items():
        there = [values for kind, values in each.items() if kind in members]
        assert scores[part]["n"] == len(there)
        for name in ("pq", "sq", "rq"):
            assert scores[part][name] == pytest.approx(np.mean([v[name] for v in there]))


def test_the_metric_of_a_task_gives_what_its_files_give(pair):
    folder, truths, results = pair
    metric = PanopticMetric(SCENE)
    for number, (truth, guess) in enumerate(zip(truths, results, strict=True)):
        metric.update(str(number), annotation_of(*truth), result_of(*guess))
    pooled = metric.compute()["pooled over segments"]
    scores = score_panoptic(folder / "truth.json", folder / "results.json")
    for part, ending in (("All", ""), ("Things", "_things"), ("Stuff", "_stuff")):
        for name in ("pq", "sq", "rq"):
            assert pooled[name + ending] == pytest.approx(scores[part][name])


def annotation_of(ids, kinds, crowds) -> Annotation:
    """The same in our terms: things on a layer, stuff in the label map."""
    things = [segment for segment in kinds if kinds[segment] > 4]
    semantic = np.full(ids.shape, IGNORE, np.uint8)
    layer = np.zeros(ids.shape, np.uint16)
    for segment, kind in kinds.items():
        if segment not in crowds:
            semantic[ids == segment] = kind // 2
    for number, segment in enumerate(things, start=1):
        layer[ids == segment] = number
    labels = np.array([kinds[segment] // 2 for segment in things], np.int64)
    return Annotation(semantic, layer[None], labels, np.isin(things, list(crowds)))


def result_of(ids, kinds, _):
    listed = list(kinds)
    id_map = np.zeros(ids.shape, np.int32)
    for number, segment in enumerate(listed, start=1):
        id_map[ids == segment] = number
    return found(id_map, [kinds[segment] // 2 for segment in listed], categories=SCENE)


def test_worked_out_by_hand(tmp_path):
    # 10 x 10. Truth: a sheep (category 5) of 40 pixels, a person (7) of 20, the rest void.
    # Prediction: a sheep of 30 of the 40 pixels and 10 on void: IoU 30 / (40 + 40 - 30 - 10) = 3/4;
    # no person, but a second sheep on its place: false, because only void and crowds excuse.
    truth = np.zeros((10, 10), np.int64)
    truth[:4], truth[4:6] = 11, 12
    guess = np.zeros((10, 10), np.int64)
    guess[:3], guess[9], guess[4:6] = 21, 21, 22
    write(tmp_path, "truth", [(truth, {11: 5, 12: 7}, set())])
    write(tmp_path, "results", [(guess, {21: 5, 22: 5}, set())])
    scores = score_panoptic(tmp_path / "truth.json", tmp_path / "results.json")
    # Sheep: tp 1, fp 1, fn 0: PQ = 0.75 / 1.5. Person: fn 1: 0. Two categories, no stuff.
    assert scores["per_class"][5] == pytest.approx({"pq": 0.5, "sq": 0.75, "rq": 2 / 3})
    assert scores["All"] == pytest.approx({"pq": 0.25, "sq": 0.375, "rq": 1 / 3, "n": 2})
    assert scores["Stuff"]["n"] == 0 and np.isnan(scores["Stuff"]["pq"])


@pytest.fixture
def files(tmp_path):
    truth = segmentation(1, crowd=False)
    write(tmp_path, "truth", [truth])
    write(tmp_path, "results", [truth])
    return tmp_path / "truth.json", tmp_path / "results.json"


def changed(path, change) -> None:
    content = json.loads(path.read_text())
    change(content["annotations"])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda each: each[0]["segments_info"].pop(), r"pixels of segment \d+.*does not list"),
        (lambda each: each[0]["segments_info"][0].update(category_id=99), "category 99, which"),
        (lambda each: each.clear(), "no prediction for image 0"),
        (lambda each: each[0].update(file_name="gone.png"), r"gone\.png is missing"),
        (lambda each: each[0].pop("segments_info"), "each needs image_id"),
        (
            lambda each: each[0]["segments_info"].append({"id": 3, "category_id": 1}),
            "segment 3 .* no pixel",
        ),
    ],
)
def test_files_that_do_not_agree_are_refused_with_the_cure(files, change, words):
    truth, results = files
    assert score_panoptic(truth, results)["All"]["pq"] == 1
    changed(results, change)
    with pytest.raises(PixelwiseError, match=words):
        score_panoptic(truth, results)


def test_a_file_that_is_missing_or_no_json_is_named(files, tmp_path):
    with pytest.raises(PixelwiseError, match=r"nothing\.json cannot be read"):
        score_panoptic(files[0], tmp_path / "nothing.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(PixelwiseError, match=r"broken\.json is damaged or no JSON"):
        score_panoptic(files[0], tmp_path / "broken.json")
