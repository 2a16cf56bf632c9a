"""Nothing that a user made is replaced: files in a folder that a command is to write to."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from discs import write_folder
from pixelwise import builtin, predictions
from pixelwise.predictions import predict
from pixelwise.skeletons import COCO
from pixelwise.types import Category, Instances, Panoptic, PixelwiseError, Poses, Semantic
from untrained import write_run

MINE = b"drawn by hand for a day"
MANIFEST = "pixelwise_manifest.jsonl"
KINDS = (
    Category("background", (0, 0, 0)),
    Category("thing", (200, 0, 0), is_thing=True, skeleton=COCO),
)


def find(kind):
    """A predictor that finds one thing in every image."""

    def found(image):
        height, width = image.shape[:2]
        ids = np.zeros((height, width), np.int32)
        ids[4:10, 4:12] = 1
        if kind is Semantic:
            return Semantic(ids.astype(np.uint8), np.ones(ids.shape, np.float32), KINDS)
        if kind is Poses:
            joints = np.full((1, 17, 3), 6, np.float32)
            return Poses(joints, np.ones(1, np.float32), KINDS, (height, width))
        return kind(ids, np.ones(1, np.int64), np.ones(1, np.float32), KINDS)

    return found


@pytest.fixture
def use(monkeypatch):
    """Makes every run one that finds results of this kind."""

    def put(kind):
        monkeypatch.setattr(predictions, "load", lambda run, **options: find(kind))

    put(Semantic)
    return put


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path / "new", "a.png", "b.png")


def write_images(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((20, 30, 3), 40 + 10 * number, np.uint8))
    return folder


OF_KINDS = [
    (Semantic, ["a_mask.png", "b_overlay.jpg", "predictions.jsonl"]),
    (Instances, ["a_ids.png", "b_overlay.jpg", "instances.csv", "coco_results.json"]),
    (Panoptic, ["b_ids.png", "panoptic/a.png", "panoptic.json", "predictions.jsonl"]),
    (Poses, ["a_keypoints.json", "a_overlay.jpg", "poses.csv", "people.csv"]),
]


@pytest.mark.parametrize(("kind", "names"), OF_KINDS)
def test_what_predict_did_not_write_is_named_and_kept(tmp_path, images, use, kind, names):
    use(kind)
    for number, name in enumerate(names):
        out = tmp_path / f"out{number}"
        (out / name).parent.mkdir(parents=True)
        (out / name).write_bytes(MINE)
        with pytest.raises(PixelwiseError, match=rf"{name}.*--overwrite"):
            predict("run", [images], out=out)
        files = [path for path in out.rglob("*") if path.is_file()]
        assert files == [out / name] and (out / name).read_bytes() == MINE
        predict("run", [images], out=out, overwrite=True)
        assert (out / name).read_bytes() != MINE
        predict("run", [images], out=out)


@pytest.mark.parametrize(("kind", "names"), OF_KINDS)
def test_a_result_that_was_corrected_by_hand_is_no_longer_replaced(
    tmp_path, images, use, kind, names
):
    use(kind)
    out = tmp_path / "out"
    predict("run", [images], out=out)
    predict("run", [images], out=out)
    path = out / names[0]
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(PixelwiseError, match=rf"1 file that .*changed since: {names[0]}\."):
        predict("run", [images], out=out)


def test_files_beside_the_results_are_nobodys_business(tmp_path, images, use):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("notes.txt", "c_mask.png", "a_probs.png", "a_ids.png", "manifest.json"):
        (out / name).write_bytes(MINE)
    done = predict("run", [images], out=out)
    assert not done.notes and (out / "c_mask.png").read_bytes() == MINE


def test_the_manifest_says_what_was_written_by_which_run(tmp_path, images):
    run = write_run(tmp_path / "mine")
    predict(run.path, [images], out=tmp_path / "out", probs=True, runtime="torch")
    lines = [json.loads(text) for text in (tmp_path / "out" / MANIFEST).read_text().splitlines()]
    assert lines[0]["command"] == "predict" and lines[0]["run"] == "mine"
    assert len(lines[0]["weights"][0]) == 32 and lines[0]["pixelwise"]
    assert lines[0]["options"] == {"probs": "True", "flips": "True"}
    names = {path.name for path in (tmp_path / "out").iterdir()} - {MANIFEST}
    assert {line["file"] for line in lines[1:]} == names and len(names) == 7


def test_results_of_images_that_are_not_predicted_now_are_kept_and_told(tmp_path, images):
    for name, seed in (("first", 0), ("second", 1)):
        write_run(tmp_path / name, seed=seed)
    out = tmp_path / "out"
    assert not predict(tmp_path / "first", [images / "a.png"], out=out, runtime="torch").notes
    done = predict(tmp_path / "first", [images / "b.png"], out=out, runtime="torch")
    assert done.notes == (
        f"2 files of earlier predictions stay in {out}; predictions.jsonl and tables are of this "
        "prediction alone.",
    )
    done = predict(tmp_path / "second", [images / "b.png"], out=out, runtime="torch")
    assert "2 files of earlier predictions with first stay" in done.notes[0]
    assert (out / "a_mask.png").exists()
    assert not predict(tmp_path / "second", [images], out=out, runtime="torch").notes


def test_an_interrupted_prediction_goes_through_the_second_time(tmp_path, images, use, monkeypatch):
    seen = []

    def stop(image):
        seen.append(image)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return find(Semantic)(image)

    monkeypatch.setattr(predictions, "load", lambda run, **options: stop)
    with pytest.raises(KeyboardInterrupt):
        predict("run", [images], out=tmp_path / "out")
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["a_mask.png", "a_overlay.jpg", MANIFEST]
    assert len(predict("run", [images], out=tmp_path / "out").lines) == 2


@pytest.mark.parametrize("cut", [1, 20, 75])
def test_a_manifest_cut_off_by_a_kill_is_read_as_far_as_it_goes(tmp_path, images, use, cut):
    out = tmp_path / "out"
    predict("run", [images], out=out)
    manifest = out / MANIFEST
    # The line stands before the file appears: the last file is not there yet.
    (out / "predictions.jsonl").unlink()
    manifest.write_bytes(manifest.read_bytes()[:-cut])
    predict("run", [images], out=out)
    predict("run", [images], out=out)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path, images, use):
    import platform

    gone, other = (
        tmp_path / "out" / f".staged.{host}.4194304.part" for host in (platform.node(), "elsewhere")
    )
    for folder in (gone, other):
        folder.mkdir(parents=True)
        (folder / "a_mask.png").write_bytes(b"half")
    predict("run", [images], out=tmp_path / "out")
    assert not gone.exists() and other.exists()


@pytest.mark.parametrize("where", ["new", "new/predictions", "new/deep/er"])
def test_results_within_the_folder_of_images_are_not_taken_for_images(tmp_path, images, use, where):
    first = predict("run", [images], out=tmp_path / where)
    again = predict("run", [images], out=tmp_path / where)
    assert len(first.lines) == len(again.lines) == 2 and not again.failures
    assert "4 images that an earlier command wrote were left out" in again.notes[0]
    files = sorted(path for path in images.rglob("*.png") if path.is_file())
    assert len(predict("run", files, out=tmp_path / where).lines) == 2


def test_results_alone_are_no_images(tmp_path, images, use):
    predict("run", [images], out=tmp_path / "out")
    with pytest.raises(PixelwiseError, match="those that an earlier command wrote, such as"):
        predict("run", [tmp_path / "out"], out=tmp_path / "other")


def test_an_image_is_not_replaced_by_the_result_of_another(tmp_path, use):
    images = write_images(tmp_path / "new", "a.png", "a_overlay.jpg")
    before = (images / "a_overlay.jpg").read_bytes()
    for overwrite in (False, True):
        with pytest.raises(PixelwiseError, match=r"a_overlay\.jpg is among the images to predict"):
            predict("run", [images], out=images, overwrite=overwrite)
    assert (images / "a_overlay.jpg").read_bytes() == before
    assert len(predict("run", [images], out=tmp_path / "out").lines) == 2


def test_a_link_to_somebodys_file_is_not_replaced(tmp_path, images, use):
    (tmp_path / "precious.png").write_bytes(MINE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a_mask.png").symlink_to(tmp_path / "precious.png")
    with pytest.raises(PixelwiseError, match=r"a_mask\.png"):
        predict("run", [images], out=tmp_path / "out")
    predict("run", [images], out=tmp_path / "out", overwrite=True)
    assert (tmp_path / "precious.png").read_bytes() == MINE


def test_a_folder_with_the_name_of_a_result_is_left_alone(tmp_path, images, use):
    (tmp_path / "out" / "a_mask.png").mkdir(parents=True)
    with pytest.raises(PixelwiseError, match=r"a_mask\.png"):
        predict("run", [images], out=tmp_path / "out")
    with pytest.raises(PixelwiseError, match="is a folder"):
        predict("run", [images], out=tmp_path / "out", overwrite=True)


@pytest.mark.parametrize("pair", [("x.png", "X.png"), ("x.png", "X.jpg"), ("é.png", "e\u0301.png")])
def test_names_that_some_file_systems_take_for_the_same_are_told_apart(tmp_path, use, pair):
    images = write_images(tmp_path / "new", *pair)
    if len(os.listdir(images)) < 2:  # noqa: PTH208
        pytest.skip("this file system takes them for the same")
    done = predict("run", [images], out=tmp_path / "out")
    assert len({line["mask"].casefold() for line in done.lines}) == 2


def test_two_results_of_one_name_are_refused(tmp_path, use):
    use(Panoptic)
    images = write_images(tmp_path / "new", "panoptic/a.png", "a_ids.png")
    with pytest.raises(PixelwiseError, match=r"same name, panoptic/a_ids\.png"):
        predict("run", [images], out=tmp_path / "out")


def test_the_command_refuses_and_offers_to_overwrite(tmp_path, images, use, type_in):
    write_run(tmp_path / "run")
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "a_mask.png").write_bytes(MINE)
    code, _, err = type_in("pixelwise predict run new")
    assert code == 2 and "predictions holds 1 file" in err and "a_mask.png" in err
    code, out, _ = type_in("pixelwise predict run new --overwrite")
    assert code == 0 and "2 pictures" in out


def test_a_contact_sheet_of_somebodys_is_not_replaced(tmp_path, type_in):
    write_folder(tmp_path / "data", 8)
    sheet = tmp_path / "out" / "contact_sheet.png"
    for _ in range(2):
        assert type_in("pixelwise check data --out out")[0] == 0
    sheet.write_bytes(MINE)
    code, _, err = type_in("pixelwise check data --out out")
    assert code == 2 and "contact_sheet.png" in err and sheet.read_bytes() == MINE


def test_a_table_of_somebodys_is_not_replaced_by_a_benchmark(tmp_path, type_in):
    write_run(tmp_path / "run", depth=1)
    table = tmp_path / "out" / "benchmark.csv"
    table.parent.mkdir()
    table.write_bytes(MINE)
    code, _, err = type_in("pixelwise benchmark run --runtimes torch --batches 1 --out out")
    assert code == 2 and "benchmark.csv" in err and table.read_bytes() == MINE


@pytest.mark.parametrize("name", ["thesis.onnx", "model.safetensors", "notes.txt"])
def test_a_file_that_is_no_export_is_not_replaced_by_one(tmp_path, type_in, name):
    pytest.importorskip("onnx")
    write_run(tmp_path / "run", depth=1)
    (tmp_path / name).write_bytes(MINE)
    code, _, err = type_in(f"pixelwise export run --out {name}")
    assert code == 2 and "no exported model of this format" in err
    assert (tmp_path / name).read_bytes() == MINE


def test_data_folders_of_one_name_have_reports_of_their_own(tmp_path, type_in):
    for number, name in enumerate(("a/test", "b/test")):
        write_folder(tmp_path / name, 8, first=20 * number)
    write_run(tmp_path / "run")
    before = sorted(builtin.NEVI.rglob("*"))
    for run, place in (("run", "run/on-test"), ("nevi", "evaluations/test")):
        for data, folder in (("a", place), ("b", f"{place}-2"), ("a", place), ("b", f"{place}-2")):
            code, out, _ = type_in(f"pixelwise evaluate {run} {data}/test")
            assert code == 0 and f"Report: {folder}/report.html" in out
    # Named in a run's place, the built-in model lies among the installed files as ever.
    assert sorted(builtin.NEVI.rglob("*")) == before


def test_the_folder_to_write_to_is_a_file(tmp_path, images, use, type_in):
    (tmp_path / "out").write_bytes(MINE)
    write_run(tmp_path / "run")
    write_folder(tmp_path / "data", 8)
    for line in ("predict run new --out out", "evaluate run data --out out"):
        code, _, err = type_in(f"pixelwise {line}")
        assert code == 2 and "out" in err and "Traceback" not in err, err
    assert (tmp_path / "out").read_bytes() == MINE
