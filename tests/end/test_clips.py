"""Videos as a user meets them: an overlay, tables, and what goes wrong."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pixelwise import clips, predictions
from pixelwise.predictions import predict
from pixelwise.skeletons import COCO
from pixelwise.types import Category, Instances, Panoptic, PixelwiseError, Poses, Semantic
from pixelwise.videos import VideoWriter, open_video, read_frames

KINDS = (Category("background", (0, 0, 0)), Category("person", (230, 159, 0), True, COCO))
BODY = np.random.default_rng(0).uniform((-6, -10), (6, 10), (17, 2))


def squares(image: np.ndarray) -> list[tuple[float, float]]:
    """The middles of the bright squares in a frame, from left to right."""
    _, _, stats, middles = cv2.connectedComponentsWithStats((image[..., 0] > 150).astype(np.uint8))
    return sorted(
        (x + 0.5, y + 0.5)
        for (x, y), area in zip(middles[1:].tolist(), stats[1:, cv2.CC_STAT_AREA], strict=True)
        if area > 20
    )


def find_poses(image: np.ndarray) -> Poses:
    """A body around each bright square, without its last joint; the rightmost first."""
    people = squares(image)[::-1]
    keypoints = np.full((len(people), 17, 3), 0.9, np.float32)
    for pose, place in zip(keypoints, people, strict=True):
        pose[:, :2] = BODY + place
        pose[16] = (np.nan, np.nan, 0)
    return Poses(keypoints, np.full(len(people), 0.8, np.float32), KINDS, image.shape[:2])


def find_masks(kind):
    def find(image: np.ndarray):
        bright = image[..., 0] > 150
        if kind is Semantic:
            return Semantic(bright.astype(np.uint8), np.ones(bright.shape, np.float32), KINDS)
        ids = bright.astype(np.int32)
        number = int(ids.max())
        return kind(ids, np.ones(number, np.int64), np.ones(number, np.float32), KINDS)

    return find


@pytest.fixture
def use(monkeypatch):
    """Makes every run this predictor."""

    def put(predictor):
        monkeypatch.setattr(predictions, "load", lambda run, **options: predictor)

    put(find_poses)
    return put


def write(path: Path, count=12, size_hw=(48, 64), fps=12.5) -> Path:
    """Two squares that move towards each other."""
    with VideoWriter(path, fps, size_hw) as writer:
        for number in range(count):
            image = np.full((*size_hw, 3), 40, np.uint8)
            for left in (8 + number, 46 - number):
                image[20:28, left : left + 8] = 220
            writer.write(image)
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


def test_poses_of_a_video_are_followed_and_written(tmp_path, use):
    done = predict("run", [write(tmp_path / "clip.mp4")], out=tmp_path / "out")
    assert done.sentence == f"1 video (12 frames) drawn in {tmp_path / 'out'}."
    assert not done.failures and list(done.lines) == lines(tmp_path / "out")
    assert done.lines[0] == {
        "video": str(tmp_path / "clip.mp4"),
        "overlay": "clip_overlay.mp4",
        "size_hw": [48, 64],
        "fps": 12.5,
        "num_frames": 12,
        "table": "clip_poses.csv",
        "keypoints": "clip_keypoints",
        "num_people": 2,
    }
    table = rows(tmp_path / "out/clip_poses.csv")
    assert len(table) == 12 * 2 * 16 and {row["person"] for row in table} == {"1", "2"}
    assert {row["joint"] for row in table} == set(COCO.joints[:16])
    last = [row for row in table if row["frame"] == "11" and row["joint"] == "nose"]
    assert float(last[0]["time_s"]) == pytest.approx(11 / 12.5)
    noses = [float(row["x_px"]) - BODY[0, 0] for row in table if row["joint"] == "nose"]
    assert noses[:2] == pytest.approx([50, 12], abs=0.5), "the rightmost comes first"
    overlay = open_video(tmp_path / "out/clip_overlay.mp4")
    assert (overlay.num_frames, overlay.fps, overlay.size_hw) == (12, 12.5, (48, 64))


def test_every_frame_has_openposes_file(tmp_path, use):
    predict("run", [write(tmp_path / "clip.mp4")], out=tmp_path / "out")
    folder = tmp_path / "out/clip_keypoints"
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"clip_{n:012d}_keypoints.json" for n in range(12)]
    frame = json.loads(files[3].read_text())
    assert [len(person["pose_keypoints_2d"]) for person in frame["people"]] == [54, 54]
    assert sorted(number for person in frame["people"] for number in person["person_id"]) == [1, 2]
    assert frame["people"][0]["pose_keypoints_2d"][10 * 3 : 11 * 3] == [0, 0, 0]


def test_a_second_time_replaces_the_first(tmp_path, use):
    predict("run", [write(tmp_path / "clip.mp4", 12)], out=tmp_path / "out")
    predict("run", [write(tmp_path / "clip.mp4", 4)], out=tmp_path / "out")
    assert len(list((tmp_path / "out/clip_keypoints").iterdir())) == 4
    assert open_video(tmp_path / "out/clip_overlay.mp4").num_frames == 4
    (tmp_path / "out/clip_keypoints/mine.txt").write_text("kept")
    done = predict("run", [write(tmp_path / "clip.mp4", 6)], out=tmp_path / "out")
    assert "clip_keypoints holds files that are not" in done.failures[0]
    assert (tmp_path / "out/clip_keypoints/mine.txt").read_text() == "kept"
    assert len(list((tmp_path / "out/clip_keypoints").iterdir())) == 5


@pytest.mark.parametrize("kind", [Semantic, Instances, Panoptic])
def test_every_other_kind_of_result_has_an_overlay(tmp_path, use, kind):
    use(find_masks(kind))
    source = write(tmp_path / "clip.mp4", 5)
    done = predict("run", [source], out=tmp_path / "out")
    assert "Of videos the overlay alone is written" in done.sentence and not done.failures
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["clip_overlay.mp4", "pixelwise_manifest.jsonl", "predictions.jsonl"]
    drawn = list(read_frames(tmp_path / "out/clip_overlay.mp4"))
    for frame, before in zip(drawn, read_frames(source), strict=True):
        changed = np.abs(frame.image.astype(int) - before.image).max(axis=-1) > 60
        assert changed[16:32].any() and not changed[:12].any() and not changed[-12:].any()


def test_pictures_and_videos_in_one_call(tmp_path, use):
    use(find_masks(Semantic))
    folder = tmp_path / "mixed"
    write(folder / "deep/1.mp4", 3, (47, 63))
    write(folder / "2.mp4", 2)
    for name in ("1", "2"):
        cv2.imwrite(str(folder / f"{name}.png"), next(read_frames(folder / "2.mp4")).image)
    done = predict("run", [folder], out=tmp_path / "out")
    assert done.sentence.startswith("2 pictures and 2 videos (5 frames) outlined")
    named = [line.get("picture", line.get("video")) for line in done.lines]
    assert [Path(name).suffix for name in named] == [".png", ".png", ".mp4", ".mp4"]
    overlays = [line["overlay"] for line in done.lines if "video" in line]
    assert sorted(overlays) == ["2_mp4_overlay.mp4", "deep/1_overlay.mp4"]
    assert all((tmp_path / "out" / overlay).exists() for overlay in overlays)
    assert {line["mask"] for line in done.lines if "mask" in line} == {
        "1_mask.png",
        "2_png_mask.png",
    }


@pytest.mark.parametrize("ending", [".ts", ".flv", ".ogv", ".M2TS", ".vob", ".f4v"])
def test_recordings_are_videos_whatever_the_container(tmp_path, use, ending):
    use(find_masks(Semantic))
    source = write(tmp_path / "clip.mp4", 2).rename(tmp_path / f"clip{ending}")
    done = predict("run", [tmp_path], out=tmp_path / "out")
    assert [line["video"] for line in done.lines] == [str(source)]


def test_names_as_long_as_file_systems_take_them(tmp_path, use):
    use(find_masks(Semantic))
    folder = tmp_path / "in"
    source = next(read_frames(write(folder / "zz.mp4", 1))).image
    # Both begin alike, so that cutting alone would make them one.
    for stem in ("x" * 250 + "1", "x" * 250 + "2", "\u76ae" * 80):
        cv2.imwrite(str(folder / f"{stem}.png"), source)
    write(folder / "short.mp4", 1).rename(folder / ("y" * 251 + ".mp4"))
    done = predict("run", [folder], out=tmp_path / "out")
    assert done.failures == () and len(done.lines) == 5
    assert len({line.get("mask", line.get("overlay")) for line in done.lines}) == 5
    for line in done.lines:
        assert (tmp_path / "out" / line.get("mask", line.get("overlay"))).is_file()


def test_bad_videos_are_named_and_skipped(tmp_path, use):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    write(tmp_path / "good.mp4", 1)
    names = ("empty.mp4", "text.mp4", "good.mp4")
    done = predict("run", [tmp_path / name for name in names], out=tmp_path / "out")
    assert [line["overlay"] for line in done.lines] == ["good_overlay.mp4"]
    assert done.lines[0]["num_frames"] == 1 and done.lines[0]["num_people"] == 2
    assert "empty.mp4 is empty" in done.failures[0] and "text.mp4 is damaged" in done.failures[1]
    assert not [path for path in (tmp_path / "out").rglob("*") if "text" in path.name]


def test_of_a_video_that_is_cut_off_the_beginning_is_written(tmp_path, use):
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for frame in read_frames(write(tmp_path / "whole.mp4", 20)):
        writer.write(frame.image)
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = predict("run", [path], out=tmp_path / "out")
    count = done.lines[0]["num_frames"]
    assert 2 < count < 18 and f"cut off after {count} of about 20 frames" in done.failures[0]
    assert open_video(tmp_path / "out/cut_overlay.mp4").num_frames == count
    assert len(list((tmp_path / "out/cut_keypoints").iterdir())) == count


def test_an_interruption_leaves_nothing_half_written(tmp_path, use):
    seen = []

    def stop(image):
        seen.append(image)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return find_poses(image)

    use(stop)
    with pytest.raises(KeyboardInterrupt):
        predict("run", [write(tmp_path / "clip.mp4")], out=tmp_path / "out")
    assert len(seen) == 5 and not list((tmp_path / "out").iterdir())


def test_videos_have_no_probabilities(tmp_path, use):
    with pytest.raises(PixelwiseError, match=r"Of a video \(.*clip.mp4\) no probabilities"):
        predict("run", [write(tmp_path / "clip.mp4")], out=tmp_path / "out", probs=True)
    assert not (tmp_path / "out").exists()


def test_one_frame_is_held_at_a_time(tmp_path):
    order = []

    def look(image):
        order.append("looked")
        return find_poses(image)

    clips.outline_clip(
        look, write(tmp_path / "clip.mp4", 3), "clip", tmp_path, order.append, order.append
    )
    assert order == ["looked", 1, "looked", 2, "looked", 3]


def test_the_command(tmp_path, type_in, use, monkeypatch):
    from pixelwise import builtin

    monkeypatch.setattr(builtin, "is_run", lambda path: Path(path).name == "run")
    write(tmp_path / "clip.mp4")
    (tmp_path / "bad.mov").write_text("no")
    code, out, err = type_in("pixelwise predict run clip.mp4 bad.mov --out found")
    assert code == 1 and "1 video (12 frames) drawn in found" in out
    assert err == (
        "Skipped: bad.mov is damaged, cut off, or not a video, although its name ends in .mov: "
        "copy or export it again, or leave it out."
    )
