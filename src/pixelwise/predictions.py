"""Pictures in, files out: naming, reading ahead, and a JSON line for each picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise.clips import Predict, outline_clip
from pixelwise.datasets import open_dataset
from pixelwise.datasets._files import list_files
from pixelwise.datasets._files import pictures as pictures_among
from pixelwise.datasets._pictures import read_image
from pixelwise.files import shortened, write_text
from pixelwise.outputs import Output, Picture, open_output
from pixelwise.outside import vitpose
from pixelwise.predictor import Predictor, load
from pixelwise.progress import Progress
from pixelwise.types import Image, PixelwiseError
from pixelwise.videos import is_video, open_video
from pixelwise.words import count


@dataclass(frozen=True)
class Predictions:
    """What `predict` did: ``lines`` as in ``predictions.jsonl``; ``failures``, a sentence each.

    ``runtime``: what computed the maps.
    """

    out: Path
    lines: tuple[dict[str, Any], ...]
    failures: tuple[str, ...]
    runtime: str = "torch"

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
    device: str = "auto",
    runtime: str = "auto",
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
      ``category_id`` the index in the run's categories.
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
        device: where to compute.
        runtime: what computes a run's maps: "torch", "onnx", "openvino", or "auto", the fastest
            here. The results are the same; see `runtimes`.

    Raises:
        PixelwiseError: the run, the model or a path is wrong, there is no picture at all, or
            probabilities are asked of a run that has none.
    """
    named, clips = _parted(_names([Path(picture) for picture in pictures]))
    if clips and probs:
        raise PixelwiseError(
            f"Of a video ({next(iter(clips.values()))}) no probabilities are written. Leave out "
            "--probs, or give its frames as pictures."
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
            num_pictures=len(named) + sum(map(_num_frames, clips.values())),
        )
    else:
        _refuse_with_model(run, task, tile_px, runtime)
        predictor = vitpose.load(model, detector=detector, flips=flips, device=device)
    folder = Path(out)
    lines: list[dict[str, Any]] = []
    failures: list[str] = []
    if named:
        _outline_pictures(predictor, named, folder, probs, lines, failures)
    _outline_clips(predictor, clips, folder, lines, failures)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write_text(folder / "predictions.jsonl", text)
    used = predictor.runtime if isinstance(predictor, Predictor) else "torch"
    return Predictions(folder, tuple(lines), tuple(failures), used)


def _outline_pictures(
    predictor: Predict,
    pictures: list[Picture],
    folder: Path,
    probs: bool,
    lines: list[dict[str, Any]],
    failures: list[str],
) -> None:
    """Add each picture's line, or a sentence for what is wrong with it."""
    with ExitStack() as stack, Progress("predicting", len(pictures)) as bar:
        output: Output | None = None
        for done, (picture, image) in enumerate(_read_ahead(pictures), start=1):
            if isinstance(image, PixelwiseError):
                failures.append(str(image))
            else:
                result = predictor(image)
                if output is None:
                    output = stack.enter_context(open_output(result, folder, probs=probs))
                try:
                    found = output.write(picture, image, result)
                    lines.append({"picture": str(picture.path), **found})
                except PixelwiseError as error:
                    failures.append(str(error))
            bar.at(done)


def _outline_clips(
    predictor: Predict,
    clips: Mapping[str, Path],
    folder: Path,
    lines: list[dict[str, Any]],
    failures: list[str],
) -> None:
    """Add each video's line, and a sentence for what is wrong with one; a bar for each."""
    for name, path in clips.items():
        try:
            total = open_video(path).num_frames or None
            with Progress(f"predicting {path.name}", total) as bar:
                line = outline_clip(predictor, path, name, folder, failures.append, bar.at)
            lines += [] if line is None else [line]
        except PixelwiseError as error:
            failures.append(str(error))


def _parted(names: dict[str, Path]) -> tuple[list[Picture], dict[str, Path]]:
    """The pictures, and the videos by their names among the outputs."""
    clips = {name: path for name, path in names.items() if is_video(path)}
    return _numbered({name: names[name] for name in names if name not in clips}), clips


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


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """Output name -> picture or video; two of one name keep their endings apart."""
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            found += _pictures_in(path)
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise PixelwiseError(f"{path} does not exist. Give pictures, or folders of pictures.")
    if not paths:
        raise PixelwiseError("There is no picture to look at. Give some, or folders of pictures.")
    if not found:
        raise PixelwiseError(f"There is no picture in {', '.join(map(str, paths))}.")
    stems = [shortened(name.with_suffix("").as_posix()) for _, name in found]
    clashes = (
        {stem for stem in stems if stems.count(stem) > 1} if len(set(stems)) < len(stems) else set()
    )
    names: dict[str, Path] = {}
    for (path, name), stem in zip(found, stems, strict=True):
        key = stem if stem not in clashes else f"{stem}{name.suffix.replace('.', '_')}"
        number = 2
        while key in names:
            key, number = f"{stem}_{number}", number + 1
        names[key] = path
    return names


def _numbered(names: dict[str, Path]) -> list[Picture]:
    """Pictures with COCO's numbers: those in their names where all have one, else 1, 2, 3."""
    stems = [path.stem for path in names.values()]
    are_numbers = all(re.fullmatch(r"[0-9]{1,15}", stem) for stem in stems)
    numbers = [int(stem) for stem in stems] if are_numbers else []
    if len(set(numbers)) < len(stems):
        numbers = list(range(1, len(stems) + 1))
    return [Picture(*named, number) for named, number in zip(names.items(), numbers, strict=True)]


def _pictures_in(folder: Path) -> list[tuple[Path, Path]]:
    """The pictures and videos of a folder and their names; of a dataset, not its masks."""
    files = list_files(folder)
    seen = [*pictures_among(files), *(file for file in files if is_video(Path(file)))]
    everything = [(folder / file, Path(file)) for file in seen]
    try:
        dataset = open_dataset(folder, "binary")
    except PixelwiseError:
        return everything
    samples = [dataset[index] for index in range(len(dataset))]
    named = [(sample.files[0], Path(sample.id + sample.files[0].suffix)) for sample in samples]
    # Pictures whose mask is still missing lie where those that have one do.
    places, unpaired = {path.parent for path, _ in named}, set(dataset.unpaired)
    return named + [p for p in everything if p[0] in unpaired and p[0].parent in places]


def _read_ahead(pictures: list[Picture]) -> Iterator[tuple[Picture, Image | PixelwiseError]]:
    """Pictures in order, the next one being read while the last is looked at."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for picture in pictures:
            upcoming = (picture, pool.submit(_try_read, picture.path))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = upcoming
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _try_read(path: Path) -> Image | PixelwiseError:
    try:
        return read_image(path)
    except PixelwiseError as error:
        return error
