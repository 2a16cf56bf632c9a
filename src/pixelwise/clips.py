"""Videos in, files out: every frame looked at, and of poses who is who in the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pixelwise.joints import skeleton_of
from pixelwise.outputs._videos import VideoOutput, open_video_output
from pixelwise.tracking import Tracker
from pixelwise.types import Image, PixelwiseError, Poses
from pixelwise.videos import Frame, open_video, read_frames

Predict = Callable[[Image], Any]


def outline_clip(
    predictor: Predict,
    path: Path,
    name: str,
    folder: Path,
    on_failure: Callable[[str], None],
    on_frame: Callable[[int], None],
) -> dict[str, Any] | None:
    """Write what is found in one video; see `predictions.predict` for the files.

    What can be read of a damaged video is written.

    Args:
        predictor: gives a frame's result.
        path: the video.
        name: its name among the outputs.
        folder: where to write.
        on_failure: takes a sentence for what is wrong with the video.
        on_frame: takes how many frames are done.

    Returns:
        Its line in ``predictions.jsonl``; None where nothing was written.

    Raises:
        PixelwiseError: nothing can be written of this video.
    """
    output: VideoOutput | None = None
    follow: Tracker | None = None
    with ExitStack() as stack:
        for frame in _readable(path, on_failure):
            result = predictor(frame.image)
            if output is None:
                video = open_video(path)
                output = stack.enter_context(open_video_output(folder, name, video, result))
                if isinstance(result, Poses):
                    follow = Tracker(skeleton_of(result.categories)[1], video.fps)
            if follow is not None:
                result = follow(result, frame.time_s)
            output.write(frame, result)
            on_frame(frame.number + 1)
    return None if output is None else {"video": str(path), **output.line}


def _readable(path: Path, on_failure: Callable[[str], None]) -> Iterator[Frame]:
    """The frames that can be read."""
    try:
        yield from read_frames(path)
    except PixelwiseError as error:
        on_failure(str(error))
