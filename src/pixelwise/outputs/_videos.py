"""A video's results as files: an overlay of any kind of result; of poses every frame's joints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelwise.files import whole_folder
from pixelwise.find import find
from pixelwise.joints import skeleton_of
from pixelwise.outputs import _openpose
from pixelwise.outputs._files import growing_table
from pixelwise.types import Image, PixelwiseError, Poses, Skeleton
from pixelwise.videos import Frame, Video, VideoWriter

_HEADER = ("frame", "time_s", "person", "joint", "x_px", "y_px", "score")


@dataclass
class _PoseRecorder:
    """Rows of a table, and a file for each frame as OpenPose names it."""

    name: str
    skeleton: Skeleton
    add_row: Callable[[list[Any]], None]
    folder: Path
    people: set[int] = field(default_factory=set)

    def add(self, frame: Frame, result: Poses) -> None:
        """A row for each joint that was found, and the frame's file."""
        assert result.ids is not None
        for person, pose in zip(result.ids.tolist(), result.keypoints.tolist(), strict=True):
            for joint, (x, y, score) in zip(self.skeleton.joints, pose, strict=True):
                if score > 0:
                    place = f"{x:.2f}", f"{y:.2f}", f"{score:.4f}"
                    self.add_row([frame.number, f"{frame.time_s:.4f}", person, joint, *place])
        file = self.folder / f"{self.name}_{frame.number:012d}_keypoints.json"
        text = json.dumps(_openpose.describe(result, self.skeleton))
        file.write_text(text + "\n", encoding="utf-8")
        self.people |= {person for person in result.ids.tolist() if person > 0}


@dataclass
class VideoOutput:
    """Where the results of one video go."""

    name: str
    video: Video
    overlay: VideoWriter
    draw: Callable[[Image, Any], Image]
    recorder: _PoseRecorder | None
    num_frames: int = 0

    def write(self, frame: Frame, result: Any) -> None:
        """Add the next frame.

        Raises:
            PixelwiseError: its size is not the video's.
        """
        self.overlay.write(self.draw(frame.image, result), frame.time_s)
        if self.recorder is not None:
            self.recorder.add(frame, result)
        self.num_frames += 1

    @property
    def line(self) -> dict[str, Any]:
        """What was found in the video, as a line of ``predictions.jsonl`` without its path."""
        line: dict[str, Any] = {
            "overlay": f"{self.name}_overlay.mp4",
            "size_hw": list(self.video.size_hw),
            "fps": round(self.video.fps, 3),
            "num_frames": self.num_frames,
        }
        if self.recorder is not None:
            line["table"] = f"{self.name}_poses.csv"
            line["keypoints"] = f"{self.name}_keypoints"
            line["num_people"] = len(self.recorder.people)
        return line


@contextmanager
def open_video_output(folder: Path, name: str, video: Video, result: Any) -> Iterator[VideoOutput]:
    """``NAME_overlay.mp4``, and of poses ``NAME_poses.csv`` and ``NAME_keypoints/``.

    They appear when the block ends without an error.

    Args:
        folder: where to write.
        name: the video's name among the outputs.
        video: what its file says about it.
        result: any of its results.

    """
    is_pose = isinstance(result, Poses)
    draw = find("outputs", type(result).__name__.lower()).draw
    with ExitStack() as stack:
        recorder = stack.enter_context(_poses(folder / name, result)) if is_pose else None
        overlay = VideoWriter(folder / f"{name}_overlay.mp4", video.fps, video.size_hw)
        yield VideoOutput(name, video, stack.enter_context(overlay), draw, recorder)


@contextmanager
def _poses(stem: Path, result: Poses) -> Iterator[_PoseRecorder]:
    """``STEM_poses.csv`` and ``STEM_keypoints/STEM_000000000000_keypoints.json``."""
    target = stem.with_name(f"{stem.name}_keypoints")
    table = stem.with_name(f"{stem.name}_poses.csv")
    _, skeleton = skeleton_of(result.categories)
    with whole_folder(target) as folder, growing_table(table, _HEADER) as add_row:
        yield _PoseRecorder(stem.name, skeleton, add_row, folder)


def files(folder: Path, name: str, *, is_pose: bool) -> tuple[str, ...]:
    """What is written about the video with this name; of frames those that are there already."""
    overlay = f"{name}_overlay.mp4"
    if not is_pose:
        return (overlay,)
    frames = (path.relative_to(folder).as_posix() for path in earlier(folder / name))
    return overlay, f"{name}_poses.csv", *frames


def earlier(stem: Path) -> list[Path]:
    """The files of frames that lie in ``STEM_keypoints``."""
    target = stem.with_name(f"{stem.name}_keypoints")
    if not target.is_dir():
        return []
    found = (path for path in target.iterdir() if path.name.startswith(f"{stem.name}_"))
    return sorted(path for path in found if path.name.endswith("_keypoints.json"))


def refuse_strangers(stem: Path) -> None:
    """``STEM_keypoints`` is a folder that other programs read as a whole.

    Raises:
        PixelwiseError: it holds other files.
    """
    target = stem.with_name(f"{stem.name}_keypoints")
    if target.exists() and (not target.is_dir() or set(target.iterdir()) - set(earlier(stem))):
        raise PixelwiseError(
            f"{target} holds files that are not the joints of this video, and nothing is deleted. "
            "Give another folder with --out, or move them away."
        )
