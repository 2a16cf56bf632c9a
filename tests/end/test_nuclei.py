"""The benchmark on objects, on made-up discs, by a contestant that learns nothing."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

import nuclei
from contestants._job import Job
from field import Entry
from instances._files import read_ids, read_image, write_ids
from labelled import folds_of, read_folder
from match import Played
from matching import count
from outcome import Outcome
from pixelwise.datasets._files import list_files
from pixelwise.datasets._pairs import pair_up
from pixelwise.types import PixelwiseError
from standing import fullest, ours_ahead, outlined, pick, table, table_by_threshold

ENTRIES = (Entry("ours", "otsu"), Entry("the other", "otsu"))


def write_folder(root: Path, pictures: int = 9) -> Path:
    """Dark squares on light ground, 16-bit numbers with gaps between them."""
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for index in range(pictures):
        rng = np.random.default_rng(index)
        ids = np.zeros((40, 52), np.uint16)
        for number in range(1 + index % 4):
            top = int(rng.integers(2, 28))
            ids[top : top + 8, 3 + 12 * number : 11 + 12 * number] = 1000 + 10 * number
        image = np.where(ids[..., None] > 0, 60, 200) + rng.normal(0, 5, (40, 52, 3))
        cv2.imwrite(str(root / "images" / f"p{index}.png"), image.astype(np.uint8))
        cv2.imwrite(str(root / "labels" / f"p{index}.png"), ids)
    return root


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> argparse.Namespace:
    root = tmp_path_factory.mktemp("nuclei")
    data = str(write_folder(root / "data"))
    return nuclei.options([data, "--budget-s", "1", "--folds", "2", "--out", str(root)])


def test_every_picture_is_tested_once_and_all_choose_by_the_same(given):
    folds = folds_of(read_folder(given.data), 2)
    tested = [case.id for cases in folds for case in cases if case.part == "test"]
    assert sorted(tested) == [f"p{index}" for index in range(9)]
    for cases in folds:
        assert [case.part for case in cases].count("val") == 1


def test_everyone_is_scored_and_not_run_twice(given, capsys):
    folder = given.out / "nuclei"
    text = nuclei.run(given, folder, ENTRIES)
    # Squares apart from each other on even ground: a threshold finds them all.
    equal = "(no interval: all 9 units give the same number)"
    assert f"| ours | 1.000 {equal} |  |" in text
    assert f"| the other | 1.000 {equal} | 0.000 {equal} |" in text
    assert (folder / "table.md").read_text() == text
    assert "done before" not in capsys.readouterr().out
    found = json.loads((folder / "results.json").read_text())
    assert [each["entry"]["name"] for each in found] == ["ours", "the other"]
    for each in found:
        tested = [name for fold in each["folds"] for name in fold["scores"]["1"]]
        assert sorted(tested) == [f"p{index}" for index in range(9)]
        assert each["measures"]["ap_95"]["value"] == 1.0
    assert read_image(folder / "sheet.png").std() > 0
    assert nuclei.run(given, folder, ENTRIES) == text
    assert capsys.readouterr().out.count("done before") == 4
    with pytest.raises(PixelwiseError, match="another benchmark"):
        nuclei.run(argparse.Namespace(**{**vars(given), "budget_s": 2.0}), folder, ENTRIES)


def test_who_fails_is_left_out_and_said_so(given, tmp_path):
    entries = (replace(ENTRIES[0], program="nobody"), ENTRIES[1])
    text = nuclei.run(given, tmp_path, entries)
    assert "ours failed and is left out." in text and "| the other | 1.000" in text
    with pytest.raises(PixelwiseError, match=r"log\.txt"):
        nuclei.run(given, tmp_path, entries[:1])


def test_two_at_once_have_cores_of_their_own(given, tmp_path, monkeypatch):
    monkeypatch.setattr(nuclei, "_cores", lambda: [4, 5, 6])
    asked = []

    def note(job: Job, python: str, package: str, score: object, cores: list[int]) -> None:
        asked.append((job.program, python, cores))

    monkeypatch.setattr(nuclei, "play", note)
    together = argparse.Namespace(**{**vars(given), "together": True, "peers": Path("tf")})
    entries = (ENTRIES[0], Entry("peer", "stardist", is_peer=True))
    with pytest.raises(PixelwiseError, match="Nobody finished"):
        nuclei.run(together, tmp_path, entries)
    assert sorted(asked[:2]) == [("otsu", sys.executable, [4]), ("stardist", "tf", [5])]
    together.threads = 2
    with pytest.raises(PixelwiseError, match="3 cores are too few for 2 threads"):
        nuclei.run(together, tmp_path, entries)


def test_ours_learns_from_a_folder_that_names_the_parts(given, tmp_path, monkeypatch):
    from instances import Clock, ours

    run = SimpleNamespace(
        path=tmp_path / "run",
        recipe=SimpleNamespace(steps=20, batch=4),
        history=[{"step": 18, "pictures_per_s": 8.0}],
    )
    asked = {}
    monkeypatch.setattr(ours, "train", lambda folder, **how: asked.update(how, data=folder) or run)
    monkeypatch.setattr(ours, "load", lambda path: lambda image: SimpleNamespace(id_map=image[0]))
    cases = folds_of(read_folder(given.data), 2)[0]
    job = Job("ours", {"recipe": {"seed": 3}}, 0, 9.0, 1, "", "ids", "any", str(tmp_path), cases)
    contestant = ours.build(job)
    learned = contestant.learn(Clock(9.0))
    assert (learned.num_steps, learned.seconds_per_step) == (18, 0.5)
    assert asked["seed"] == 3 and asked["masks"] == "ids" and 8.0 < asked["budget_s"] <= 9.0
    pairs = pair_up(list_files(asked["data"])).pairs
    told = {Path(pair.image).stem: pair.split for pair in pairs}
    assert told == {case.id: case.part for case in cases if case.part != "test"}
    assert contestant.predict(np.ones((2, 3, 3), np.uint8)).shape == (3, 3)


def test_who_takes_part(given):
    assert [entry.name for entry in nuclei.entries_for(given)] == ["ours", "Otsu's threshold"]
    with_peers = argparse.Namespace(**{**vars(given), "peers": Path("tf"), "only": "StarDist"})
    assert [entry.name for entry in nuclei.entries_for(with_peers)] == ["StarDist"]
    with pytest.raises(PixelwiseError, match="called StarDist"):
        nuclei.entries_for(argparse.Namespace(**{**vars(given), "only": "StarDist"}))


def test_a_folder_that_does_not_fit_says_what_to_do(tmp_path):
    with pytest.raises(PixelwiseError, match="labels/NAME"):
        read_folder(tmp_path)
    root = write_folder(tmp_path / "data", 2)
    Pillow.new("RGB", (52, 40)).save(root / "labels" / "p1.png")
    with pytest.raises(PixelwiseError, match="one grey number"):
        read_folder(root)
    Pillow.new("I;16", (52, 41)).save(root / "labels" / "p1.png")
    with pytest.raises(PixelwiseError, match="52 x 40 pixels and its labels 52 x 41"):
        read_folder(root)
    Pillow.new("I;16", (52, 40)).save(root / "images" / "p0.png")
    with pytest.raises(PixelwiseError, match="8 bits"):
        read_folder(root)


def test_numbers_survive_their_file_and_too_many_lose_the_smallest(tmp_path):
    ids = np.array([[0, 7, 7], [100_000, 0, 3]], np.int32)
    write_ids(tmp_path / "few.png", ids)
    assert count(ids, read_ids(tmp_path / "few.png"))["matched_95"] == 3
    many = np.arange(300 * 300, dtype=np.int32).reshape(300, 300)
    many[:2] = 5
    write_ids(tmp_path / "many.png", many)
    back = read_ids(tmp_path / "many.png")
    assert back.max() == 65_535 and (back[:2] == back[0, 0]).all() and back[0, 0] > 0


def _outcome(name: str, *right: int) -> Outcome:
    """Pictures a, b, ... of four objects each, so many of them found, nothing else."""
    sums = {
        chr(97 + place): {
            "truth": 4.0,
            "found": float(number),
            **{f"matched_{p}": float(number) for p in range(50, 100, 5)},
            **{f"iou_{p}": 0.8 * number for p in range(50, 100, 5)},
        }
        for place, number in enumerate(right)
    }
    result = {"learned_s": 10.0, "num_steps": 3, "seconds_per_step": 0.5}
    return Outcome(Entry(name, name), (Played(result, {"1": sums}, 100.0),))


def test_the_tables_pair_pictures_and_pool_objects():
    ours, other = _outcome("ours", 4, 3, 1), _outcome("other", 2, 3, 1)
    ahead = ours_ahead(ours, other)
    assert ahead["ap"].value == pytest.approx(0.5 / 3)
    assert ahead["pq"].value == pytest.approx((0.8 - 0.8 * 2 / 3) / 3)
    rows = table([ours, other]).splitlines()
    assert "0.667 (" in rows[2] and "| 10.0 | 3.0 | 0.50 |" in rows[2]
    assert f"{6 / 12:.3f} (" in rows[3] and "0.167 (" in rows[3]
    assert table_by_threshold([ours, other]).splitlines()[3].count("0.500") == 10
    assert nuclei._overdrawn([ours, other], 10.0) == []
    assert nuclei._overdrawn([ours], 8.0) == ["ours took 25% more time than the budget."]
    assert pick([ours, other], 2) == ["a", "c"]


def test_each_object_is_outlined_inside_of_it():
    image, ids = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.int32)
    ids[5:15, 5:15], ids[5:15, 15:25] = 1, 2
    drawn = outlined(image, ids, (255, 0, 0))
    zoom = drawn.shape[0] // 20
    is_red = (drawn == (255, 0, 0)).all(axis=2)
    # Two neighbours touch: there is a line on both sides of their border.
    assert is_red[10 * zoom, 15 * zoom - 1] and is_red[10 * zoom, 15 * zoom]
    assert not is_red[: 5 * zoom].any() and not is_red[10 * zoom, 10 * zoom]


def test_the_window_is_where_most_of_the_objects_are():
    ids = np.zeros((300, 700), np.int32)
    ids[10:60, 10:60], ids[200:280, 600:690], ids[150:200, 450:500] = 1, 2, 3
    rows, columns = fullest(ids)
    assert ids[rows, columns].shape == (256, 256)
    assert set(np.unique(ids[rows, columns])) == {0, 2, 3}
    assert ids[fullest(ids[:100, :200])].shape == (100, 200)
