"""Pictures in, files out: naming, reading ahead, and a JSON line for each picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pixelwise.builtin import serving
from pixelwise.clips import Predict, outline_clip
from pixelwise.datasets._pictures import moving_notes, read_image
from pixelwise.datasets._white import settle_white
from pixelwise.delivery import Delivery
from pixelwise.exported import weights_fingerprint
from pixelwise.files import WriteError, refuse_unwritable
from pixelwise.inputs import Inputs, gather
from pixelwise.machine import version
from pixelwise.manifest import staging
from pixelwise.outputs import Output, Picture, open_output
from pixelwise.outside import vitpose
from pixelwise.places import refuse_runs
from pixelwise.predictor import Predictor, load
from pixelwise.progress import Progress
from pixelwise.run import Run, open_run
from pixelwise.trained import warning
from pixelwise.types import Image, PixelwiseError
from pixelwise.videos import open_video
from pixelwise.words import count

Read = Callable[[Path], Image | PixelwiseError]
"""A file -> its image, or what is wrong with it."""


@dataclass(frozen=True)
class Predictions:
    """What `predict` did: ``lines`` as in ``predictions.jsonl``; ``failures``, a sentence each.

    ``runtime``: what computed the maps. ``notes``: sentences to know.
    """

    out: Path
    lines: tuple[dict[str, Any], ...]
    failures: tuple[str, ...]
    runtime: str = "torch"
    notes: tuple[str, ...] = ()

    @property
    def num_instances(self) -> int:
        """How many instances there are on all pictures; of runs that look for them."""
        return sum(sum(line.get("counts", {}).values()) for line in self.lines)

    @property
    def num_people(self) -> int:
        """How many people there are on all pictures; of runs that look for their joints."""
        return sum(int(line.get("people", 0)) for line in self.lines)

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        videos = [line for line in self.lines if "video" in line]
        num_pictures = len(self.lines) - len(videos)
        parts = [self._of_pictures(num_pictures)] if num_pictures or not videos else []
        if videos:
            frames = sum(line["num_frames"] for line in videos)
            parts.append(f"{count(len(videos), 'video')} ({count(frames, 'frame')})")
        has_poses = any("people" in line or "num_people" in line for line in self.lines)
        by = "" if self.runtime == "torch" else f" (runtime: {self.runtime})"
        done = f"{' and '.join(parts)} {'drawn' if has_poses else 'outlined'} in {self.out}{by}."
        if has_poses or not videos:
            return done
        return f"{done} Of videos the overlay alone is written: for more, give frames as pictures."

    def _of_pictures(self, number: int) -> str:
        """How many there are, and how much is on them."""
        pictures = count(number, "picture")
        if any("people" in line for line in self.lines):
            return f"{pictures}, {count(self.num_people, 'person')}"
        if any("counts" in line for line in self.lines):
            return f"{pictures}, {count(self.num_instances, 'instance')}"
        return pictures


def predict(
    run: str | Path | None,
    pictures: Sequence[str | Path],
    *,
    task: str | None = None,
    model: str | Path | None = None,
    detector: str | Path | None = None,
    out: str | Path = "predictions",
    probs: bool = False,
    flips: bool = True,
    tile_px: int | None = None,
    white_level: float | None = None,
    device: str = "auto",
    runtime: str = "auto",
    overwrite: bool = False,
) -> Predictions:
    """Outline pictures and videos, and write what was found.

    A picture that cannot be read is named and skipped. For each other, NAME, there are
    ``NAME_overlay.jpg``, a line in ``predictions.jsonl``, and, by what the run looks for:

    - classes of pixels: ``NAME_mask.png`` at the picture's own size (two categories: 0 and 255;
      more: the category's index, with its colour as palette), and on request ``NAME_probs.png``
      (16 bit, 65535 = 1: of the foreground, or of the chosen category).
    - instances: ``NAME_ids.png`` (16 bit, n = the instance with the id n, 0 = none). Of all
      pictures, ``instances.csv`` measures every instance (place, size, shape, colour), and
      ``coco_results.json`` holds it as pycocotools' ``loadRes`` reads it: ``image_id`` is the
      number in a picture's name where all names are numbers, else its place in the order, from 1;
      ``category_id`` the id in the COCO files that the run was trained on, where it was, else the
      index in the run's categories.
    - things and stuff (panoptic): the same, with ids of every segment and the things alone in the
      table and the results; and COCO's ``panoptic.json`` and ``panoptic/NAME.png``.
    - people's joints (pose): ``NAME_keypoints.json`` as OpenPose writes it. Of all pictures,
      ``poses.csv`` has a row for each joint, ``people.csv`` one for each person (box, extent,
      limbs' lengths in pixels, angles in degrees), and ``coco_results.json`` is as above.

    For each video, known by its name's ending, there are ``NAME_overlay.mp4`` and a line in
    ``predictions.jsonl``; of poses, which are followed from frame to frame and smoothed (see
    `tracking`), also ``NAME_poses.csv`` (a row for each joint found in a frame; person -1 = not
    yet followed) and OpenPose's ``NAME_keypoints/NAME_000000000000_keypoints.json`` for each frame.
    Of a damaged video there is what could be read of it, and it is named.

    Args:
        run: folder of a run, or the name of a built-in model ("nevi", "people"); None for nevi.
        pictures: files, pictures and videos, and folders to look through.
        task: where no run is given: "semantic" (segments nevi), or "pose" with ``model``.
        model: a ViTPose model in place of a run, a folder or a name on the hub.
        detector: what finds the people for it, likewise; "none" where every picture is of one
            person.
        out: folder to write to.
        probs: also write probabilities, of a run for classes of pixels.
        flips: also look at each picture's mirror images.
        tile_px: cut larger pictures into tiles with this long a side.
        white_level: number that is white in images of more than 8 bits; None = the run's, or
            what fits all that are given.
        device: where to compute.
        runtime: what computes a run's maps: "torch", "onnx", "openvino", or "auto", the fastest
            here. The results are the same; see `runtimes`.
        overwrite: also replace files in ``out`` that no prediction wrote, or that were changed
            since. Results of an earlier prediction are replaced, and those of images that are not
            given now are kept. ``pixelwise_manifest.jsonl`` says which run wrote which file.

    Raises:
        PixelwiseError: the run, the model or a path is wrong, there is no picture at all,
            probabilities are asked of a run that has none, or something in ``out`` would be
            replaced.
    """
    refuse_runs(map(Path, pictures), run, "predict", "IMAGES...")
    refuse_unwritable(Path(out))
    inputs = gather([Path(picture) for picture in pictures])
    if inputs.videos and probs:
        raise PixelwiseError(
            f"Of a video ({next(iter(inputs.videos.values()))}) no probabilities are written. "
            "Leave out --probs, or give its frames as pictures."
        )
    predictor: Predict
    if model is None:
        _refuse_detector(detector)
        predictor = load(
            run,
            task=task,
            flips=flips,
            tile_px=tile_px,
            device=device,
            runtime=runtime,
            num_pictures=len(inputs.images) + sum(map(_num_frames, inputs.videos.values())),
        )
    else:
        _refuse_with_model(run, task, tile_px, runtime)
        predictor = vitpose.load(model, detector=detector, flips=flips, device=device)
    folder = Path(out)
    paths = [image.path for image in inputs.images]
    white_level, settled = _white_level(predictor, paths, white_level)
    options = {"task": task, "probs": probs, "flips": flips, "tile_px": tile_px, "model": model}
    more = {"detector": detector, "white_level": white_level}
    opened = None
    if isinstance(predictor, Predictor):
        opened = open_run(serving(task) if run is None else run)
    command = _command(opened, str(model or run), {**options, **more})
    with staging(folder) as staged:
        delivery = Delivery(folder, staged, inputs, command, probs, overwrite)
        read = partial(_try_read, white_level=white_level)
        lines, failures = _write(predictor, inputs, delivery, read)
    used = predictor.runtime if isinstance(predictor, Predictor) else "torch"
    said = None if opened is None else warning(opened)
    about = () if said is None else (said,)
    notes = (*about, *inputs.notes, *moving_notes(paths), *settled, *delivery.notes)
    return Predictions(folder, tuple(lines), tuple(failures), used, notes)


def _white_level(
    predictor: Predict, paths: Sequence[Path], asked: float | None
) -> tuple[float | None, tuple[str, ...]]:
    """The number that is white: asked for, the run's, or what fits all images, which is said."""
    if asked is None and isinstance(predictor, Predictor):
        asked = predictor.recipe.white_level
    return (asked, ()) if asked is not None else settle_white(paths)


def _command(run: Run | None, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest keeps of a prediction: with what it was made."""
    given = {name: str(value) for name, value in options.items() if value not in (None, False)}
    found = {"command": "predict", "pixelwise": version("pixelwise"), "options": given}
    if run is None:
        return {**found, "run": name}
    weights = [weights_fingerprint(part) for part in run.folds or (run,)]
    return {**found, "run": run.path.resolve().name, "weights": weights}


def _write(
    predictor: Predict, inputs: Inputs, delivery: Delivery, read: Read
) -> tuple[list[dict[str, Any]], list[str]]:
    """Write all results; give their lines, and a sentence for what is wrong with an image."""
    lines: list[dict[str, Any]] = []
    failures: list[str] = []
    if inputs.images:
        _outline_pictures(predictor, inputs.images, delivery, read, lines, failures)
    _outline_clips(predictor, inputs.videos, delivery, lines, failures)
    delivery.write_lines("".join(json.dumps(line) + "\n" for line in lines))
    return lines, failures


def _outline_pictures(
    predictor: Predict,
    pictures: Sequence[Picture],
    delivery: Delivery,
    read: Read,
    lines: list[dict[str, Any]],
    failures: list[str],
) -> None:
    """Add each picture's line, or a sentence for what is wrong with it."""
    result: Any = None
    with ExitStack() as stack, Progress("predicting", len(pictures)) as bar:
        output: Output | None = None
        for done, (picture, image) in enumerate(_read_ahead(pictures, read), start=1):
            if isinstance(image, PixelwiseError):
                failures.append(str(image))
            else:
                result = predictor(image)
                delivery.begin(result)
                if output is None:
                    opening = open_output(result, delivery.staged, probs=delivery.probs)
                    output = stack.enter_context(opening)
                try:
                    found = output.write(picture, image, result)
                    lines.append({"picture": str(picture.path), **found})
                except WriteError:
                    raise
                except PixelwiseError as error:
                    failures.append(str(error))
                delivery.settle_image(picture.name, result)
            bar.at(done)
    if result is not None:
        delivery.settle_shared(result)


def _outline_clips(
    predictor: Predict,
    clips: Mapping[str, Path],
    delivery: Delivery,
    lines: list[dict[str, Any]],
    failures: list[str],
) -> None:
    """Add each video's line, and a sentence for what is wrong with one; a bar for each."""

    def predict_frame(image: Image) -> Any:
        result = predictor(image)
        delivery.begin(result)
        return result

    for name, path in clips.items():
        try:
            total = open_video(path).num_frames or None
            delivery.refuse_strangers(name)
        except PixelwiseError as error:
            failures.append(str(error))
            continue
        with Progress(f"predicting {path.name}", total) as bar:
            line = _outline_one(predict_frame, path, name, delivery.staged, failures, bar)
        delivery.settle_video(name)
        lines += [] if line is None else [line]


def _outline_one(
    predictor: Predict, path: Path, name: str, folder: Path, failures: list[str], bar: Progress
) -> dict[str, Any] | None:
    """The line of one video; None, and a sentence, where nothing can be written of it."""
    try:
        return outline_clip(predictor, path, name, folder, failures.append, bar.at)
    except WriteError:
        raise
    except PixelwiseError as error:
        failures.append(str(error))
        return None


def _refuse_detector(detector: str | Path | None) -> None:
    """Runs find people by themselves."""
    if detector is not None:
        raise PixelwiseError(
            "--detector goes with --model, such as --model usyd-community/vitpose-base-simple; a "
            "run finds people by itself. Give --model, or leave it out."
        )


def _refuse_with_model(run: object, task: str | None, tile_px: int | None, runtime: str) -> None:
    """A model stands in a run's place, finds poses, and looks at people one by one."""
    if run is not None:
        raise PixelwiseError(f"Give a run ({run}) or --model, not both.")
    if task not in (None, "pose"):
        raise PixelwiseError(f"--model is a ViTPose model, for --task pose, not '{task}'.")
    if tile_px is not None:
        raise PixelwiseError("--tile is for runs: a model is shown each person by itself.")
    if runtime not in ("auto", "torch"):
        raise PixelwiseError(f"--runtime {runtime} is for runs: a model computes in torch.")


def _num_frames(path: Path) -> int:
    """How many frames a video says it has; 0 where it does not, or cannot be opened."""
    try:
        return open_video(path).num_frames or 0
    except PixelwiseError:
        return 0


def _read_ahead(
    pictures: Sequence[Picture], read: Read
) -> Iterator[tuple[Picture, Image | PixelwiseError]]:
    """Pictures in order, the next one being read while the last is looked at."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for picture in pictures:
            upcoming = (picture, pool.submit(read, picture.path))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = upcoming
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _try_read(path: Path, white_level: float | None) -> Image | PixelwiseError:
    try:
        return read_image(path, white_level, first=True)
    except PixelwiseError as error:
        return error
