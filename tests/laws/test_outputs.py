"""What is written about instances and segments, and that it says what the result says."""

import csv
import json
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from PIL import Image as Pil

from pixelwise import predictions, rle
from pixelwise.outputs import Picture, open_output
from pixelwise.types import Instances, Panoptic, PixelwiseError
from scattered import KINDS, SCENE, instances, panoptic, picture_of


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
