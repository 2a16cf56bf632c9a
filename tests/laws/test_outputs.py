"""What is written about instances and segments, and that it says what the result says."""

import csv
import json
import warnings
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pil

from pixelwise import captions, colors, draw, predictions, rle
from pixelwise.outputs import Picture, open_output
from pixelwise.regions import measure
from pixelwise.types import Category, Instances, Panoptic, PixelwiseError

KINDS = (
    Category("background", (0, 0, 0)),
    Category("round", (230, 159, 0), is_thing=True),
    Category("long", (86, 180, 233), is_thing=True),
)
SCENE = (
    Category("sky", (0, 120, 220)),
    Category("grass", (0, 158, 60)),
    Category("sheep", (230, 200, 160), is_thing=True),
)


def scatter(count: int, size_hw: tuple[int, int] = (90, 130), seed: int = 0) -> np.ndarray:
    """(H, W) int32: overlapping ellipses, each with a pixel or more, some of them in pieces."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(size_hw, np.int32)
    for number in range(1, count + 1):
        centre = int(rng.integers(size_hw[1])), int(rng.integers(size_hw[0]))
        axes = int(rng.integers(2, 12)), int(rng.integers(2, 12))
        cv2.ellipse(ids, centre, axes, float(rng.integers(180)), 0, 360, number, -1)
    ids.flat[rng.choice(ids.size, count, replace=False)] = np.arange(1, count + 1)
    return ids


def picture_of(ids: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (*ids.shape, 3), dtype=np.uint8)


def instances(count: int, seed: int = 0) -> Instances:
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 3, count)
    scores = rng.random(count, np.float32)
    return Instances(scatter(count, seed=seed), labels, scores, KINDS)


def panoptic() -> Panoptic:
    """Sky above, grass below, two sheep that touch, a strip of nothing at the left."""
    ids = np.ones((60, 80), np.int32)
    ids[30:] = 2
    ids[35:50, 30:40], ids[35:50, 40:52] = 3, 4
    ids[:, :3] = 0
    return Panoptic(ids, np.array([0, 1, 2, 2]), np.array([0.9, 0.8, 0.7, 0.6], np.float32), SCENE)


def write(folder, *results, probs=False) -> list[dict]:
    """The lines of pictures named a/0001.jpg and so on."""
    lines = []
    with ExitStack() as stack:
        output = None
        for number, result in enumerate(results, start=1):
            if output is None:
                output = stack.enter_context(open_output(result, folder, probs=probs))
            name = f"a/{number:04}"
            picture = Picture(name, folder / f"{name}.jpg", number)
            lines.append(output.write(picture, picture_of(result.id_map), result))
    return lines


def table(folder) -> list[dict]:
    with (folder / "instances.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.integers(0, 99))
def test_all_masks_encoded_at_once_are_each_encoded_alone(height, width, count, seed):
    ids = np.random.default_rng(seed).integers(0, count + 1, (height, width)).astype(np.int32)
    alone = [rle.encode(ids == number) for number in range(1, count + 2)]
    assert rle.encode_all(ids, count + 1) == alone


def test_masks_that_cross_the_strips_are_encoded_whole(monkeypatch):
    ids = scatter(40)
    whole = rle.encode_all(ids, 40)
    assert whole == [rle.encode(ids == number) for number in range(1, 41)]
    monkeypatch.setattr(rle, "_STRIP_PX", 300)
    assert rle.encode_all(ids, 40) == whole
    assert rle.encode_all(ids, 0) == []


@pytest.mark.parametrize("strip_px", [2**21, 700])
def test_measures_are_those_of_scikit_image(monkeypatch, strip_px):
    from skimage.measure import regionprops_table

    monkeypatch.setattr("pixelwise.regions._STRIP_PX", strip_px)
    ids = scatter(60)
    found = measure(ids, 60, picture_of(ids))
    names = ("area", "bbox", "centroid", "eccentricity", "orientation", "intensity_mean")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = regionprops_table(
            ids, picture_of(ids), properties=("label", "equivalent_diameter_area", *names)
        )
    assert known["label"].tolist() == list(range(1, 61))
    assert found.area_px.tolist() == known["area"].tolist()
    boxes = np.stack([known[f"bbox-{side}"] for side in (1, 0, 3, 2)], axis=1)
    assert np.array_equal(found.boxes_xyxy, boxes)
    centroids = np.stack([known["centroid-1"], known["centroid-0"]], axis=1) + 0.5
    assert np.allclose(found.centroids_xy, centroids)
    assert np.allclose(found.equivalent_diameter_px, known["equivalent_diameter_area"])
    assert np.allclose(found.eccentricity, known["eccentricity"], atol=1e-6)
    colors = np.stack([known[f"intensity_mean-{channel}"] for channel in range(3)], axis=1)
    assert np.allclose(found.mean_rgb, colors)
    # Its angle is against the rows' axis, which points down. A disc has none.
    apart = np.degrees(known["orientation"]) - 90 - found.orientation_deg
    assert np.abs((apart + 90) % 180 - 90)[found.eccentricity > 0.01].max() < 1e-6


def test_angles_are_as_one_looks_at_the_picture():
    ids = np.zeros((40, 40), np.int32)
    cv2.line(ids, (5, 30), (20, 15), 1, 2)  # rises to the right
    cv2.line(ids, (22, 38), (38, 38), 2, 2)
    found = measure(ids, 3, picture_of(ids))
    assert np.allclose(found.orientation_deg[:2], [45, 0], atol=3)
    assert (found.eccentricity[:2] > 0.9).all()
    assert found.area_px[2] == 0 and not found.boxes_xyxy[2].any() and found.mean_rgb[2, 0] == 0


def test_an_id_map_comes_back_and_a_line_says_what_is_in_it(tmp_path):
    result = instances(50)
    (line,) = write(tmp_path, result)
    ids = cv2.imread(str(tmp_path / line["ids"]), cv2.IMREAD_UNCHANGED)
    assert ids.dtype == np.uint16 and np.array_equal(ids, result.id_map)
    assert line["size_hw"] == [90, 130] and len(line["instances"]) == 50
    assert sum(line["counts"].values()) == 50
    assert line["counts"]["round"] == (result.labels == 1).sum()
    for index, found in enumerate(line["instances"]):
        mask = result.mask(index)
        rows, columns = np.nonzero(mask)
        assert found["id"] == index + 1 and found["area_px"] == mask.sum()
        assert found["category"] == KINDS[result.labels[index]].name
        assert found["score"] == pytest.approx(result.scores[index], abs=1e-4)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert found["box_xyxy"] == box
        assert found["centroid_xy"] == pytest.approx(
            [columns.mean() + 0.5, rows.mean() + 0.5], abs=0.01
        )
    overlay = Pil.open(tmp_path / "a/0001_overlay.jpg")
    assert overlay.size == (130, 90)


def test_a_table_has_a_row_for_each_instance_of_all_pictures(tmp_path):
    results = [instances(20), instances(0), instances(7, seed=3)]
    lines = write(tmp_path, *results)
    rows = table(tmp_path)
    assert len(rows) == 27
    found = [instance for line in lines for instance in line["instances"]]
    for row, instance in zip(rows, found, strict=True):
        assert int(row["id"]) == instance["id"] and int(row["area_px"]) == instance["area_px"]
        assert row["category"] == instance["category"]
        box = [int(row[f"box_{side}_px"]) for side in ("x0", "y0", "x1", "y1")]
        assert box == instance["box_xyxy"]
        assert 0 <= float(row["eccentricity"]) <= 1
    assert [row["picture"][-8:] for row in rows] == ["0001.jpg"] * 20 + ["0003.jpg"] * 7
    assert lines[1]["counts"] == {} and lines[1]["instances"] == []


def test_coco_reads_the_results_and_takes_the_masks_areas(tmp_path):
    from faster_coco_eval import COCO

    results = [instances(20), instances(6, seed=5)]
    write(tmp_path, *results)
    images = [{"id": n, "height": 90, "width": 130, "file_name": ""} for n in (1, 2)]
    kinds = [{"id": index, "name": kind.name} for index, kind in enumerate(KINDS)]
    truth = COCO({"images": images, "annotations": [], "categories": kinds}, print_function=str)
    found = truth.loadRes(str(tmp_path / "coco_results.json"))
    assert len(found.anns) == 26
    annotations = iter(found.anns.values())
    for number, result in enumerate(results, start=1):
        for index in range(len(result)):
            annotation = next(annotations)
            assert annotation["image_id"] == number
            assert annotation["file_name"] == f"a/{number:04}.jpg"
            assert annotation["category_id"] == result.labels[index]
            assert annotation["area"] == result.mask(index).sum()
            mask = rle.decode(annotation["segmentation"], (90, 130))
            assert np.array_equal(mask, result.mask(index))


def test_lists_of_nothing_are_lists(tmp_path):
    write(tmp_path, instances(0))
    assert json.loads((tmp_path / "coco_results.json").read_text()) == []
    assert table(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a",
        "coco_results.json",
        "instances.csv",
    ]


def test_tables_that_were_not_finished_are_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_output(instances(2), tmp_path, probs=False):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_panoptic_pictures_are_coco_s(tmp_path):
    result = panoptic()
    (line,) = write(tmp_path, result)
    said = json.loads((tmp_path / "panoptic.json").read_text())
    (annotation,) = said["annotations"]
    red, green, blue = np.asarray(Pil.open(tmp_path / "panoptic" / annotation["file_name"])).T
    ids = (red + 256 * green.astype(int) + 65536 * blue.astype(int)).T
    assert np.array_equal(ids, result.id_map)
    assert said["images"] == [{"id": 1, "file_name": "a/0001.jpg", "height": 60, "width": 80}]
    assert [kind["isthing"] for kind in said["categories"]] == [0, 0, 1]
    for segment in annotation["segments_info"]:
        mask = ids == segment["id"]
        left, top, width, height = segment["bbox"]
        assert segment["area"] == mask.sum()
        assert mask[top : top + height, left : left + width].sum() == mask.sum()
        assert segment["category_id"] == result.labels[segment["id"] - 1]
    assert line["panoptic"] == "panoptic/a/0001.png" and line["counts"] == {"sheep": 2}
    assert [segment["is_thing"] for segment in line["segments"]] == [False, False, True, True]


def test_things_alone_are_counted_as_instances(tmp_path):
    write(tmp_path, panoptic())
    assert [row["id"] for row in table(tmp_path)] == ["3", "4"]
    found = json.loads((tmp_path / "coco_results.json").read_text())
    assert [result["category"] for result in found] == ["sheep", "sheep"]
    assert np.array_equal(rle.decode(found[1]["segmentation"], (60, 80)), panoptic().mask(3))


def test_ids_above_a_byte_keep_their_colours(tmp_path):
    ids = np.arange(1, 3001, dtype=np.int32).reshape(50, 60)
    many = Panoptic(ids, np.full(3000, 2), np.ones(3000, np.float32), SCENE)
    write(tmp_path, many)
    drawn = np.asarray(Pil.open(tmp_path / "panoptic/a/0001.png")).astype(int)
    assert np.array_equal(drawn @ [1, 256, 65536], ids)


def test_too_many_instances_are_refused_with_nothing_written(tmp_path):
    ids = np.arange(1, 65_601, dtype=np.int32).reshape(164, 400)
    many = Instances(ids, np.ones(65_600, np.int64), np.ones(65_600, np.float32), KINDS)
    with pytest.raises(PixelwiseError, match=r"0001\.jpg: 65600 instances.*65535.*Cut"):
        write(tmp_path, many)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("result", [instances(2), panoptic()], ids=["instances", "panoptic"])
def test_probabilities_are_refused_before_anything_is_written(tmp_path, result):
    with pytest.raises(PixelwiseError, match=r"Leave out --probs"):
        write(tmp_path, result, probs=True)
    assert list(tmp_path.iterdir()) == []


def test_instances_are_tinted_and_bordered_and_nothing_else_is_touched():
    ids = np.zeros((40, 60), np.int32)
    ids[5:25, 5:25], ids[5:25, 25:45] = 1, 2
    image = np.full((40, 60, 3), 100, np.uint8)
    tones = np.array([[200, 0, 0], [0, 0, 200]], np.uint8)
    drawn = draw.instances(image, ids, tones, alpha=0.5, width_px=2)
    assert (image == 100).all() and (drawn[ids == 0] == 100).all()
    assert drawn[15, 15].tolist() == [150, 50, 50] and drawn[15, 35].tolist() == [50, 50, 150]
    assert drawn[15, 22:28].tolist() == [[150, 50, 50]] + [[200, 0, 0]] * 2 + [[0, 0, 200]] * 2 + [
        [50, 50, 150]
    ]
    assert drawn[5, 15].tolist() == [200, 0, 0]
    with pytest.raises(PixelwiseError, match="60 x 40"):
        draw.instances(image[:, :50], ids, tones)


def test_neighbours_have_other_colours():
    ids = scatter(200, (300, 300))
    tones = colors.of_instances(ids, 200)
    assert tones.shape == (200, 3) and len(np.unique(tones, axis=0)) == 7
    lut = np.concatenate([[[0, 0, 0]], tones])
    alike = 0
    for here, there in ((ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1])):
        touching = (here != there) & (here > 0) & (there > 0)
        alike += (lut[here[touching]] == lut[there[touching]]).all(axis=1).sum()
    assert alike == 0
    assert colors.of_instances(np.zeros((5, 5), np.int32), 0).shape == (0, 3)


def test_instances_a_thin_gap_apart_are_told_apart():
    ids = np.zeros((30, 80), np.int32)
    # Numbers that lie as far apart as there are colours would otherwise have the same.
    ids[5:25, 10:30], ids[5:25, 32:50] = 1, 8
    tones = colors.of_instances(ids, 8)
    assert tones[0].tolist() != tones[7].tolist()


def test_stuff_has_its_category_s_colour_and_things_have_shades_of_it():
    result = panoptic()
    tones = colors.of_segments(result.id_map, result.labels, SCENE).tolist()
    assert tones[:3] == [list(kind.color) for kind in SCENE]
    assert tones[3] != tones[2] and tones[3] == pytest.approx([239, 219, 193], abs=1)


def test_names_are_written_where_there_is_room():
    ids = np.zeros((200, 300), np.int32)
    ids[20:120, 20:200], ids[150:153, 150:153] = 1, 2
    image = np.full((200, 300, 3), 100, np.uint8)
    drawn = captions.write_names(image, ids, ["sheep", "dog"])
    changed = (drawn != 100).any(axis=2)
    assert changed[ids == 1].any() and not changed[130:].any() and (image == 100).all()
    assert abs(np.nonzero(changed)[0].mean() - 70) < 5


def changed_by(ids: np.ndarray, *names: str) -> int:
    """How many pixels names take."""
    image = np.full((*ids.shape, 3), 100, np.uint8)
    return int((captions.write_names(image, ids, names) != 100).any(axis=2).sum())


def test_names_stay_in_the_picture_and_never_cover_each_other():
    left, middle = np.zeros((2, 100, 120), np.int32)
    left[:, :14], middle[:, 53:67] = 1, 1
    whole = changed_by(middle, "a long name")
    assert changed_by(left, "a long name") == pytest.approx(whole, rel=0.1)
    beside = left.copy()
    beside[:, 14:28] = 2
    assert changed_by(beside, "a long name", "a long name") == pytest.approx(whole, rel=0.1)


class Fake:
    """Finds two things in every picture, or, on a dark one, more than there may be."""

    def __call__(self, image):
        height, width = image.shape[:2]
        if image.max() == 0:
            ids = np.arange(1, height * width + 1, dtype=np.int32).reshape(height, width)
        else:
            ids = np.zeros((height, width), np.int32)
            ids[:5], ids[10:] = 1, 2
        count = int(ids.max())
        return Instances(ids, np.ones(count, np.int64), np.ones(count, np.float32), KINDS)


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Pictures in a folder, and a predictor that needs no run."""
    monkeypatch.setattr(predictions, "load", lambda *args, **options: Fake())
    (tmp_path / "new").mkdir()

    def add(name: str, size_hw=(20, 30), light: int = 90):
        cv2.imwrite(str(tmp_path / "new" / name), np.full((*size_hw, 3), light, np.uint8))

    return add


def test_a_run_that_finds_instances_writes_them_and_says_how_many(fake, tmp_path):
    fake("000000000139.jpg")
    fake("17.png", (30, 20))
    (tmp_path / "new" / "5.png").write_text("torn")
    fake("8.png", (260, 256), light=0)
    done = predictions.predict("run", [tmp_path / "new"], out=tmp_path / "out")
    assert done.num_instances == 4
    assert done.sentence == f"2 pictures, 4 instances outlined in {tmp_path / 'out'}."
    assert len(done.failures) == 2 and "8.png: 66560 instances" in done.failures[1]
    assert not list((tmp_path / "out").glob("8_*"))
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["counts"] for line in lines] == [{"round": 2}] * 2
    assert next(iter(json.loads(lines[0]))) == "picture"
    found = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    assert [result["image_id"] for result in found] == [139, 139, 17, 17]
    assert {result["file_name"] for result in found} == {"000000000139.jpg", "17.png"}


def test_pictures_without_numbers_are_numbered_in_order(fake, tmp_path):
    fake("a.png")
    fake("2.png")
    done = predictions.predict("run", [tmp_path / "new"], out=tmp_path / "out")
    found = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    assert {result["file_name"]: result["image_id"] for result in found} == {"2.png": 1, "a.png": 2}
    assert len(done.lines) == 2


def test_the_command_refuses_probabilities_of_instances(fake, type_in):
    fake("a.png")
    code, _, err = type_in("pixelwise predict new --probs --out out")
    assert code == 2 and "Leave out --probs" in err
    code, out, _ = type_in("pixelwise predict new --out out")
    assert code == 0 and "1 picture, 2 instances outlined in out." in out
