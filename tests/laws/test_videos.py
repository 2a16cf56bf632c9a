"""Frames come back as they went in; what is wrong with a video is one sentence."""

import re
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from pixelwise import videos
from pixelwise.types import PixelwiseError
from pixelwise.videos import VideoWriter, open_video, read_frames


def grey(value: int, size_hw=(48, 64)) -> np.ndarray:
    """A red square on grey, so that colours and corners can be told apart."""
    image = np.full((*size_hw, 3), value, np.uint8)
    image[:16, :16] = (230, 20, 20)
    return image


def write(path, count=12, fps=25.0, size_hw=(48, 64), times=None):
    with VideoWriter(path, fps, size_hw) as writer:
        for number in range(count):
            writer.write(grey(15 * number, size_hw), None if times is None else times[number])
    return path


def noise(path, code="mp4v", count=60):
    """Larger than a container's head, for cutting."""
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 25, (64, 48))
    for _ in range(count):
        writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    return path


def test_what_is_written_comes_back(tmp_path):
    path = write(tmp_path / "new/clip.mp4", fps=12.5)
    said = open_video(path)
    assert (said.fps, said.size_hw, said.rotation_deg, said.num_frames) == (12.5, (48, 64), 0, 12)
    frames = list(read_frames(path))
    assert [frame.number for frame in frames] == list(range(12))
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(12) / 12.5)
    for frame in frames:
        assert frame.image.shape == (48, 64, 3) and frame.image.dtype == np.uint8
        assert abs(frame.image[30:, 30:].mean() - 15 * frame.number) < 4
        red, green, blue = frame.image[4:12, 4:12].mean(axis=(0, 1))
        assert red > 190 and green < 60 and blue < 60
    assert [file.name for file in path.parent.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("size_hw", [(47, 63), (48, 63), (47, 64), (1, 1)])
def test_odd_sides_get_a_line_more(tmp_path, size_hw):
    path = write(tmp_path / "clip.mp4", 3, size_hw=size_hw)
    even = tuple(side + side % 2 for side in size_hw)
    assert open_video(path).size_hw == even
    last = list(read_frames(path))[-1].image
    assert np.abs(last[-1].astype(int) - last[size_hw[0] - 1]).max() < 12


def test_a_video_of_one_frame(tmp_path):
    [frame] = read_frames(write(tmp_path / "clip.mp4", 1))
    assert (frame.number, frame.time_s) == (0, 0.0)


def test_a_frame_stays_until_the_next_ones_time(tmp_path):
    path = write(tmp_path / "clip.mp4", 4, fps=10, times=[0, 0.1, 0.5, 0.6])
    shown = [round(frame.image[30:, 30:].mean() / 15) for frame in read_frames(path)]
    assert shown == [0, 1, 1, 1, 1, 2, 3]


def test_a_clock_that_jumps_goes_on_by_a_frame():
    clock = videos._Clock(0.04)
    said = [5.0, 5.04, 5.2, 5.2, 0.0, 0.04, 9e4, 9e4 + 0.04]
    expected = [0, 0.04, 0.2, 0.24, 0.28, 0.32, 0.36, 0.40]
    assert [clock.at(time) for time in said] == pytest.approx(expected)


def test_the_frame_rate_is_timed_where_the_file_gives_its_clock(tmp_path):
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 1000, (64, 48))
    for number in range(6):
        writer.write(grey(20 * number))
    writer.release()
    assert open_video(path).fps == videos._MOST_FPS
    assert open_video(path).num_frames == pytest.approx(6 * 0.48, abs=1)


def test_a_phones_rotation_is_applied(tmp_path):
    data = write(tmp_path / "clip.mp4", 2).read_bytes()
    # The matrix of the track header: 4 (name) + 4 (version, flags) + 20 + 16 bytes behind.
    start = data.find(b"tkhd") + 44
    assert struct.unpack(">9i", data[start : start + 36])[0] == 65536
    turned = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path = tmp_path / "turned.mp4"
    path.write_bytes(data[:start] + turned + data[start + 36 :])
    said, frame = open_video(path), next(read_frames(path))
    assert said.size_hw == (64, 48) == frame.image.shape[:2] and said.rotation_deg == 90
    assert frame.image[4:12, -12:-4, 0].mean() > 190, "turned clockwise: the square is on the right"


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    whole = noise(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "headless.mp4").write_bytes(whole[: len(whole) // 2])
    for name, words in {
        "empty": "empty.mp4 is empty",
        "text": "text.mp4 is damaged, cut off, or not a video",
        "headless": "headless.mp4 is damaged, cut off, or not a video",
        "nowhere": "nowhere.mp4 does not exist",
    }.items():
        for use in (open_video, lambda path: list(read_frames(path))):
            with pytest.raises(PixelwiseError, match=words):
                use(tmp_path / f"{name}.mp4")


@pytest.mark.parametrize(("ending", "code"), [("avi", "MJPG"), ("mkv", "mp4v")])
def test_of_a_video_that_is_cut_off_the_beginning_is_read(tmp_path, ending, code):
    whole = noise(tmp_path / f"whole.{ending}", code)
    assert len(list(read_frames(whole))) == 60
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames = []
    with pytest.raises(PixelwiseError) as caught:
        frames.extend(read_frames(cut))
        for frame in read_frames(cut):
            frames.append(frame)
    number = int(re.search(r"cut off after (\d+) of about 60 frames", str(caught.value))[1])
    assert 5 < number < 40


def test_damage_in_the_middle_is_named(tmp_path):
    data = bytearray(noise(tmp_path / "whole.mp4").read_bytes())
    data[len(data) // 3 : data.find(b"moov") - 4] = bytes(data.find(b"moov") - 4 - len(data) // 3)
    (tmp_path / "torn.mp4").write_bytes(data)
    with pytest.raises(
        PixelwiseError, match=r"torn\.mp4 is damaged or cut off after \d+ of about 60"
    ):
        list(read_frames(tmp_path / "torn.mp4"))


def test_an_interruption_leaves_nothing(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        VideoWriter(tmp_path / "clip.mp4", 25, (48, 64)) as writer,
    ):
        writer.write(grey(0))
        assert len(list(tmp_path.iterdir())) == 1
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(PixelwiseError, match=r"must end in \.mp4"):
        VideoWriter(tmp_path / "clip.avi", 25, (48, 64))
    for fps, size_hw in ((0, (48, 64)), (float("nan"), (48, 64)), (25, (0, 64))):
        with pytest.raises(PixelwiseError, match="a number of frames a second above 0"):
            VideoWriter(tmp_path / "clip.mp4", fps, size_hw)
    with pytest.raises(PixelwiseError, match="without frames"):
        write(tmp_path / "clip.mp4", 0)
    wrong = "a frame is 64 x 50 pixels, and the video 64 x 48"
    with (
        pytest.raises(PixelwiseError, match=wrong),
        VideoWriter(tmp_path / "clip.mp4", 25, (48, 64)) as writer,
    ):
        writer.write(grey(0, (50, 64)))
    assert not list(tmp_path.iterdir())


def test_decoders_keep_quiet(tmp_path):
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    code = (
        "import sys\nfrom pixelwise.videos import read_frames\n"
        "try: list(read_frames(sys.argv[1]))\nexcept ValueError: print('said')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "text.mp4"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("said\n", "")


def test_a_full_disk_is_named(tmp_path):
    code = (
        "import resource, sys, numpy as np\n"
        "from pixelwise.videos import VideoWriter\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "rng = np.random.default_rng(0)\n"
        "with VideoWriter(sys.argv[1], 25, (96, 96)) as writer:\n"
        "    for _ in range(60): writer.write(rng.integers(0, 256, (96, 96, 3), np.uint8))\n"
    )
    pytest.importorskip("resource")
    path = tmp_path / "clip.mp4"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert "clip.mp4 could not be written whole. See that there is room" in done.stderr
    assert not list(tmp_path.iterdir())


def test_reading_may_stop_anywhere(tmp_path):
    reading = read_frames(write(tmp_path / "clip.mp4"))
    first = next(reading)
    reading.close()
    assert first.number == 0 and videos.is_video(tmp_path / "A.MOV")
    assert not videos.is_video(tmp_path / "a.gif")
