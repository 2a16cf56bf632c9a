"""Evaluating and comparing, from a folder of pictures to the files that are written."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from discs import CATEGORIES, write_folder
from pixelwise import evaluation, held_out, report
from pixelwise.comparison import compare, render
from pixelwise.evaluation import evaluate
from pixelwise.fingerprints import fingerprint
from pixelwise.held_out import matched, matched_by_joints
from pixelwise.recipe import Recipe
from pixelwise.run import Run
from pixelwise.skeletons import COCO, LSP
from pixelwise.types import Category, PixelwiseError, Semantic

NUM = 24


def threshold(level: int):
    """A predictor that calls dark pixels disc: exact at 120, too small for less."""

    def predict(image: np.ndarray) -> Semantic:
        labels = (image.mean(axis=2) < level).astype(np.uint8)
        confidence = np.full(labels.shape, 0.9, dtype=np.float32)
        return Semantic(labels, confidence, CATEGORIES)

    return predict


@pytest.fixture(autouse=True)
def predictors(monkeypatch):
    """Run name -> darkness level; a run's weights take no part in these tests."""
    levels: dict[str, int] = {}

    def load(folder, **_):
        return threshold(levels.get(folder.name, 120))

    monkeypatch.setattr(evaluation, "load", load)
    return levels


@pytest.fixture
def no_page(monkeypatch):
    """For tests that look at the table alone: drawing a page's figures takes most of the time."""
    monkeypatch.setattr(report, "render", lambda evaluation: "")


@pytest.fixture
def data(tmp_path):
    return write_folder(tmp_path / "data", NUM)


def write_run(folder, data, parts, **lines) -> Run:
    """A run as it lies on disk, with a split given as {part: numbers of pictures}."""
    ids = {number: part for part, numbers in parts.items() for number in numbers}
    pictures = sorted((data / "images").iterdir())
    split = {
        pictures[number].stem: {"split": part, "fingerprint": fingerprint(pictures[number])}
        for number, part in ids.items()
    }
    run = Run(folder, Recipe(data=str(data), **lines), CATEGORIES, split, "abc")
    run.write()
    history = [{"step": 10 * i, "loss": 1 / i, "val_score": 1 - 0.5 / i} for i in range(1, 6)]
    lines_of_json = "".join(json.dumps(line) + "\n" for line in history)
    (folder / "history.jsonl").write_text(lines_of_json)
    return run


@pytest.fixture
def run(tmp_path, data):
    parts = {"train": range(12), "val": range(12, 16), "test": range(16, NUM)}
    return write_run(tmp_path / "runs" / "a", data, parts)


def rows(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_test_part_alone_is_measured_and_three_files_say_the_same(run, tmp_path):
    found = evaluate(run.path)
    assert found.num_pictures == 8 and found.is_unseen
    table = rows(run.path / "per_image.csv")
    assert {row["id"] for row in table} == set(run.ids("test"))
    mean = np.mean([float(row["jaccard"]) for row in table])
    assert found.headline.value == pytest.approx(mean) and mean > 0.95
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics["scores"]["jaccard"]["mean"]["value"] == found.headline.value
    assert f"{found.headline.value:.3f}" in (run.path / "report.html").read_text()
    assert metrics["sentence"] == found.sentence
    assert not [path for path in run.path.iterdir() if path.name.endswith(".part")]


def test_the_report_needs_nothing_from_outside(run):
    text = evaluate(run.path).report.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", text)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert text.count("<figure>") == 8 and "Worst" in text
    for words in ("How these numbers are made", "Empty masks", "fingerprint abc", "torch "):
        assert words in text


def test_what_comes_from_files_is_escaped(run, data):
    old = run.ids("test")[0]
    for folder in ("images", "masks"):
        (data / folder / f"{old}.png").rename(data / folder / "<b>&.png")
    split = {("<b>&" if name == old else name): entry for name, entry in run.split.items()}
    replace(run, split=split).write()
    text = evaluate(run.path).report.read_text()
    assert "&lt;b&gt;&amp;" in text and "<b>&.png" not in text and "<b>&" not in text


def test_json_holds_null_and_never_nan(run):
    found = evaluate(run.path, split="val")
    text = (found.out / "metrics.json").read_text()
    assert "NaN" not in text
    metrics = json.loads(text)
    assert metrics["calibration"]["accuracy"][0] is None
    assert metrics["calibration"]["expected_calibration_error"] == pytest.approx(
        found.calibration.expected_calibration_error
    )


def test_without_a_test_part_the_validation_part_is_measured_and_that_is_said(tmp_path, data):
    run = write_run(tmp_path / "b", data, {"train": range(16), "val": range(16, NUM)})
    found = evaluate(run.path)
    assert found.num_pictures == 8 and not found.is_unseen
    assert any("chose the weights" in note for note in found.notes)
    assert "chose the weights" in found.report.read_text()
    assert "had no part in learning" not in found.sentence


@pytest.mark.usefixtures("no_page")
def test_the_training_part_is_measured_only_when_asked_and_with_a_warning(run):
    found = evaluate(run.path, split="train", out=run.path / "train")
    assert found.num_pictures == 12 and any("learned from these" in note for note in found.notes)
    assert found.report == run.path / "train" / "report.html"


@pytest.mark.usefixtures("no_page")
def test_another_folder_is_measured_without_what_the_run_has_seen(run, tmp_path, data):
    other = tmp_path / "copy"
    data.rename(other)
    found = evaluate(run.path, other)
    assert found.num_pictures == 8
    assert set(found.left_out) == set(run.ids("train") + run.ids("val"))
    assert found.out == run.path / "on-copy"
    assert any("16 pictures" in note for note in found.notes)


def test_a_folder_the_run_has_seen_entirely_is_refused(run, tmp_path, data):
    for name in run.ids("test"):
        for folder in ("images", "masks"):
            (data / folder / f"{name}.png").unlink()
    data.rename(tmp_path / "copy")
    with pytest.raises(PixelwiseError, match="seen all 16 pictures"):
        evaluate(run.path, tmp_path / "copy")


def test_data_that_is_gone_is_asked_for(run, tmp_path, data):
    data.rename(tmp_path / "elsewhere")
    with pytest.raises(PixelwiseError, match=r"not there any more.*pixelwise evaluate"):
        evaluate(run.path)


def test_a_damaged_picture_is_named_and_the_others_are_measured(run, data):
    victim = run.ids("test")[0]
    (data / "images" / f"{victim}.png").write_bytes(b"not a picture")
    found = evaluate(run.path)
    assert [skipped.id for skipped in found.skipped] == [victim]
    assert found.num_pictures == 7 and victim in found.report.read_text()


@pytest.mark.usefixtures("no_page")
def test_in_a_cross_validation_each_picture_is_predicted_by_the_fold_that_did_not_see_it(
    tmp_path, data, predictors
):
    folder = tmp_path / "cv"
    everything = set(range(NUM))
    for fold in range(3):
        test = set(range(fold, NUM, 3))
        parts = {"train": everything - test, "test": test}
        write_run(folder / f"fold-{fold}", data, parts, fold=fold)
    write_run(folder, data, {"train": everything}, folds=3)
    # The second fold sees nothing dark enough: exactly its own third must be missed.
    predictors["fold-1"] = 0
    found = evaluate(folder)
    missed = {row["id"] for row in rows(folder / "per_image.csv") if float(row["jaccard"]) == 0}
    assert found.num_pictures == NUM and missed == {f"disc{n:03}" for n in range(1, NUM, 3)}
    assert "did not learn from it" in found.sentence
    assert "of 3 folds" in found.where and set(found.histories) == {"fold-0", "fold-1", "fold-2"}


def test_categories_are_matched_by_name_then_by_place_and_else_refused():
    a, b, c = (Category(name, (0, 0, 0)) for name in "abc")
    assert matched((b, a), (a, b, c)) == ((1, 0), [])
    places, notes = matched((a, c), (a, b))
    assert places == (0, 1) and "c as b" in notes[0]
    with pytest.raises(PixelwiseError, match=r"a, b, c.*a, b\."):
        matched((a, b, c), (a, b))


def test_poses_are_matched_by_their_joints_whatever_else_there_is():
    ground, horse = (Category(name, (0, 0, 0)) for name in ("ground", "horse"))
    person, player = (Category(name, (0, 0, 0), True, COCO) for name in ("person", "player"))
    assert matched_by_joints((ground, horse, player), (person, ground)) == ((1, 1, 0), [])
    walker = Category("walker", (0, 0, 0), True, LSP)
    with pytest.raises(PixelwiseError, match=r"joints right_ankle.*finds nose.*same joints"):
        matched_by_joints((ground, walker), (ground, person))


def test_renumbering_moves_every_index_and_keeps_255(data):
    sample = held_out.open_dataset(data)[0]
    before = sample.read_annotation().semantic
    after = held_out._renumbered(sample, (1, 0)).read_annotation().semantic
    assert np.array_equal(after, 1 - before)


@pytest.mark.usefixtures("no_page")
def test_a_real_difference_is_called_one_and_which_is_better(run, tmp_path, data, predictors):
    parts = {"train": range(12), "val": range(12, 16), "test": range(16, NUM)}
    worse = write_run(tmp_path / "runs" / "worse", data, parts)
    predictors["worse"] = 60
    for each in (run, worse):
        evaluate(each.path)
    found = compare(run.path, worse.path)
    jaccard = found.differences[0]
    assert found.num_shared == 8 and found.num_only_a == found.num_only_b == 0
    assert jaccard.difference.value == pytest.approx(jaccard.a.value - jaccard.b.value)
    assert jaccard.difference.low > 0
    # One disc is dark enough for both; the other seven differ the same way.
    assert jaccard.p == 4 / 2**8
    assert "in favour of a" in found.sentence and render(found)
    assert compare(worse.path, run.path).differences[0].difference.value == pytest.approx(
        -jaccard.difference.value
    )


@pytest.mark.usefixtures("no_page")
def test_a_run_is_no_better_than_itself(run):
    evaluate(run.path)
    found = compare(run.path, run.path)
    assert {line.p for line in found.differences} == {1.0}
    assert {line.difference.value for line in found.differences} == {0.0}
    assert "not more than chance" in found.sentence


@pytest.mark.usefixtures("no_page")
def test_other_images_of_the_same_names_are_not_compared(run, tmp_path):
    evaluate(run.path)
    write_folder(tmp_path / "b", NUM, first=400)
    names = sorted(path.stem for path in (tmp_path / "b" / "images").iterdir())
    for name, wanted in zip(names, run.ids("test"), strict=False):
        for folder in ("images", "masks"):
            (tmp_path / "b" / folder / f"{name}.png").rename(
                tmp_path / "b" / folder / f"{wanted}.png"
            )
    evaluate(run.path, tmp_path / "b", out=tmp_path / "renamed")
    with pytest.raises(PixelwiseError, match="different images of the same names"):
        compare(run.path, tmp_path / "renamed")
    metrics = json.loads((tmp_path / "renamed" / "metrics.json").read_text())
    own = json.loads((run.path / "metrics.json").read_text())["images"]
    kept = run.ids("test")[0]
    metrics["images"][kept] = own[kept]
    (tmp_path / "renamed" / "metrics.json").write_text(json.dumps(metrics))
    found = compare(run.path, tmp_path / "renamed")
    assert found.num_shared == 1 and any("7 images" in note for note in found.notes)


@pytest.mark.usefixtures("no_page")
def test_pictures_that_one_alone_measured_are_counted_and_none_shared_is_refused(
    run, tmp_path, data
):
    other = write_run(tmp_path / "other", data, {"train": range(12), "test": range(20, NUM)})
    neither = write_run(tmp_path / "neither", data, {"test": range(12), "train": range(12, NUM)})
    for each in (run, other, neither):
        evaluate(each.path)
    found = compare(run.path, other.path)
    assert (found.num_shared, found.num_only_a, found.num_only_b) == (4, 4, 0)
    assert "4 that only one" in found.sentence
    # Four differences that all point one way have p = 2 / 2 ** 4: nothing could be shown.
    assert "So few pictures cannot" in found.sentence
    with pytest.raises(PixelwiseError, match="different pictures"):
        compare(run.path, neither.path)


@pytest.mark.usefixtures("no_page")
def test_other_masks_of_the_same_pictures_are_noticed(run, tmp_path):
    found = evaluate(run.path)
    text = (run.path / "per_image.csv").read_text().splitlines()
    place = text[0].split(",").index("tp")
    cells = text[1].split(",")
    cells[place] = str(int(cells[place]) + 5)
    (tmp_path / "changed").mkdir()
    changed = "\n".join([text[0], ",".join(cells), *text[2:]])
    (tmp_path / "changed" / "per_image.csv").write_text(changed)
    assert "not the same truth" in compare(found.out, tmp_path / "changed").notes[0]


def test_a_folder_that_was_not_measured_is_refused_with_the_command(run):
    with pytest.raises(PixelwiseError, match="pixelwise evaluate"):
        compare(run.path, run.path)


def test_a_table_that_is_none_of_ours_is_refused(tmp_path):
    (tmp_path / "per_image.csv").write_text("id,score\na,1\n")
    with pytest.raises(PixelwiseError, match="not a table of pixelwise"):
        compare(tmp_path, tmp_path)


def test_a_comparison_is_over_the_images_where_both_have_the_measure(tmp_path):
    """B finds the hard people too, badly, and is better by a pixel on every easy one."""
    head = "id,category,pose_quality,joint_error_px,tp,fp,fn"
    easy = [f"e{n},person,0.8,{{}},1,0,0" for n in range(10)]
    lines = {
        "a": [line.format(4.0) for line in easy] + [f"h{n},person,0.0,,0,0,1" for n in range(10)],
        "b": [line.format(3.0) for line in easy]
        + [f"h{n},person,0.5,9.0,1,0,0" for n in range(10)],
    }
    for name, rows in lines.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "per_image.csv").write_text("\n".join([head, *rows]))
    found = compare(tmp_path / "a", tmp_path / "b")
    quality, error = found.differences
    assert (quality.num_images, error.num_images) == (20, 10)
    assert (error.a.value, error.b.value, error.difference.value) == (4.0, 3.0, 1.0)
    assert "Joint error 10 and 20" in found.notes[0]
    assert "interval no interval" not in found.sentence
