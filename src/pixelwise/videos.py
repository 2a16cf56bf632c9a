"""Videos, frame by frame: one is in memory at a time, however long they are.

OpenCV reads and writes them, with the FFmpeg that its wheels bring along. Written are mp4 files
with MPEG-4 Part 2 (`mp4v`): the wheels have no encoder for H.264, and theirs for VP9 takes 0.43 s
for a frame of 1280 x 720 on one core, against 0.014 s. Players show it, web browsers do not.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

# What FFmpeg and OpenCV have to say about a damaged file is said here, in a sentence. Read once,
# when the first video is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.files import atomic
from pixelwise.types import Image, PixelwiseError

SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".qt", ".avi", ".divx", ".mkv", ".webm", ".ogv", ".flv", ".f4v"),
        *(".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".wmv", ".asf", ".3gp"),
        *(".3g2", ".mxf", ".mjpeg", ".mjpg", ".y4m", ".dv"),
    )
)
"""File name endings that are taken for videos, in lower case."""

# Files with a varying frame rate may give the unit of their clock instead (1000, 90000).
_MOST_FPS = 480.0
_USUAL_FPS = 25.0
# Frames that are timed where the file does not say how many a second there are.
_TIMED = 30
# Stills may stand that long; a clock that jumps further, or back, is broken.
_LONGEST_S = 60.0
# Some containers only estimate how many frames they hold. One that has fewer is cut off.
_WHOLE = 0.9


class Frame(NamedTuple):
    """One picture of a video.

    ``number``: from 0. ``time_s``: since the first frame. ``image``: (H, W, 3) uint8 RGB, upright.
    """

    number: int
    time_s: float
    image: Image


@dataclass(frozen=True)
class Video:
    """What a file says about itself.

    ``fps``: frames a second, the mean where it varies. ``size_hw``: of the upright picture, in
    pixels. ``rotation_deg``: 0, 90, 180 or 270: how far players (and `read_frames`) turn what is
    stored. ``num_frames``: about how many there are; 0 where nothing is said.
    """

    path: Path
    fps: float
    size_hw: tuple[int, int]
    rotation_deg: int
    num_frames: int


def is_video(path: Path) -> bool:
    """Whether the name ends like a video's."""
    return path.suffix.lower() in SUFFIXES


def open_video(path: str | Path) -> Video:
    """What a file says about itself, without reading it all.

    Raises:
        PixelwiseError: no such file, or not a video; the message names it.
    """
    with _opened(Path(path)) as capture:
        said = capture.get(cv2.CAP_PROP_FPS)
        count = max(capture.get(cv2.CAP_PROP_FRAME_COUNT), 0.0)
        fps = said if 0 < said <= _MOST_FPS else _timed_fps(capture)
        return Video(
            path=Path(path),
            fps=fps,
            size_hw=_size_hw(capture),
            rotation_deg=round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360,
            num_frames=round(count if fps == said else count / said * fps if said > 0 else 0),
        )


def read_frames(path: str | Path) -> Iterator[Frame]:
    """A video's frames in order, each read when it is asked for.

    Raises:
        PixelwiseError: no such file, not a video, or no frame in it; and, after the last frame that
            could be read, where the file is damaged or cut off. The message names it.
    """
    video = open_video(path)
    with _opened(video.path) as capture:
        clock, number = _Clock(1 / video.fps), 0
        while (picture := capture.read())[0]:
            time_s = clock.at(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            yield Frame(number, time_s, _rgb(picture[1]))
            number += 1
    if number == 0:
        raise PixelwiseError(f"{path} has no frame that can be read: copy or export it again.")
    is_short = number < _WHOLE * video.num_frames
    if is_short and clock.now < _WHOLE * (video.num_frames - 1) / video.fps:
        raise PixelwiseError(
            f"{path} is damaged or cut off after {number} of about {video.num_frames} frames: "
            "copy or export it again for the rest."
        )


class VideoWriter:
    """Writes an mp4 file, which appears, whole, when the block ends without an error.

    with VideoWriter("out.mp4", fps=25, size_hw=(480, 640)) as writer:
        writer.write(image)

    Args:
        path: ending in .mp4.
        fps: frames a second.
        size_hw: of every picture. The format needs even sides: of an odd one the last row or
            column is written twice.

    Raises:
        PixelwiseError: another ending, or a rate or a size that cannot be written.
    """

    def __init__(self, path: str | Path, fps: float, size_hw: tuple[int, int]) -> None:
        self._path, self._fps, self._size_hw = Path(path), fps, size_hw
        if self._path.suffix.lower() != ".mp4":
            raise PixelwiseError(f"{path} must end in .mp4, the kind of video that is written.")
        if not (math.isfinite(fps) and fps > 0) or min(size_hw) < 1:
            raise PixelwiseError(
                f"{path}: a video has a number of frames a second above 0 and sides of at least a "
                f"pixel, not {fps:g} and {size_hw[1]} x {size_hw[0]}."
            )
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            self._temporary = temporary = stack.enter_context(atomic(self._path))
            height, width = (side + side % 2 for side in self._size_hw)
            code = cv2.VideoWriter.fourcc(*"mp4v")
            with _silent():
                self._writer = cv2.VideoWriter(str(temporary), code, self._fps, (width, height))
            stack.callback(self._writer.release)
            if not self._writer.isOpened():
                raise PixelwiseError(
                    f"{self._path} cannot be written, {width} x {height} with {self._fps:g} frames "
                    "a second: OpenCV gave up. See that there is room on the disk."
                )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if error is not None:
                raise error
            self._writer.release()
            if self._count == 0:
                raise PixelwiseError(f"{self._path}: a video without frames cannot be written.")
            if not _holds(self._temporary, self._count):
                raise PixelwiseError(
                    f"{self._path} could not be written whole. See that there is room on the disk."
                )

    def write(self, image: Image, time_s: float | None = None) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            time_s: since the first frame, where the rate varies: the frame before is shown until
                then. None: the frame follows at once.

        Raises:
            PixelwiseError: another size than was said.
        """
        if image.shape != (*self._size_hw, 3):
            raise PixelwiseError(
                f"{self._path}: a frame is {image.shape[1]} x {image.shape[0]} pixels, and the "
                f"video {self._size_hw[1]} x {self._size_hw[0]}: give all frames one size."
            )
        frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        odd = [side % 2 for side in self._size_hw]
        if any(odd):
            frame = cv2.copyMakeBorder(frame, 0, odd[0], 0, odd[1], cv2.BORDER_REPLICATE)
        missing = 0 if time_s is None else round(time_s * self._fps) - self._count
        for _ in range(missing if self._count else 0):
            self._put(self._last)
        self._put(frame)

    def _put(self, frame: NDArray[Any]) -> None:
        self._writer.write(frame)
        self._last = frame
        self._count += 1


def _holds(path: Path, count: int) -> bool:
    """Whether a file has its frames; OpenCV does not say when it cannot write."""
    try:
        return open_video(path).num_frames >= count
    except PixelwiseError:
        return False


class _Clock:
    """Seconds since the first frame, always going forward."""

    def __init__(self, step_s: float) -> None:
        self.now = 0.0
        self._step_s = step_s
        self._read_s: float | None = None

    def at(self, read_s: float) -> float:
        """What the file says, less its beginning; one step on where its clock is broken."""
        if self._read_s is not None:
            step = read_s - self._read_s
            self.now += step if 0 < step <= _LONGEST_S else self._step_s
        self._read_s = read_s
        return self.now


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    """A file that OpenCV takes for a video."""
    if not path.is_file():
        raise PixelwiseError(f"{path} does not exist, or is no file. Give a video file.")
    if path.stat().st_size == 0:
        raise PixelwiseError(f"{path} is empty (0 bytes): copy it again, or leave it out.")
    with _silent():
        capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened() or min(_size_hw(capture)) < 1:
            raise PixelwiseError(
                f"{path} is damaged, cut off, or not a video, although its name ends in "
                f"{path.suffix}: copy or export it again, or leave it out."
            )
        yield capture
    finally:
        capture.release()


@contextmanager
def _silent() -> Iterator[None]:
    """OpenCV's own words about files that do not open are kept back."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)


def _size_hw(capture: cv2.VideoCapture) -> tuple[int, int]:
    """Upright, as the frames are."""
    height, width = cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH
    return round(capture.get(height)), round(capture.get(width))


def _timed_fps(capture: cv2.VideoCapture) -> float:
    """Frames a second from the times of the first ones, of a file that does not say it."""
    times: list[float] = []
    while len(times) < _TIMED and capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    steps = np.diff(times)
    middle = float(np.median(steps)) if len(steps) else 0.0
    return min(1 / middle, _MOST_FPS) if middle > 0 else _USUAL_FPS


def _rgb(picture: NDArray[Any]) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
