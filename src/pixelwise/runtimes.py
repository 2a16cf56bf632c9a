"""Runtimes: what computes a run's maps. PyTorch, or one that runs an exported file, often faster.

"auto" takes the fastest, as measured once on this machine and written down (`speeds`). It uses the
proven files in RUN/exports. Where there are none and a job is so long that it pays, it exports into
the user's cache, proven like any other file, and the run's folder stays as it is. Results do not
depend on the runtime: files are float32, and their maps were compared with the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise import device as devices
from pixelwise import machine, speeds
from pixelwise.exported import export_to_cache, exported_file, identity, mark_as_used
from pixelwise.find import find
from pixelwise.formats import Images, Runner
from pixelwise.model import Model, normalise
from pixelwise.progress import Progress
from pixelwise.run import Run, load_model, open_run
from pixelwise.speeds import Speeds
from pixelwise.stopwatch import in_turns, noise
from pixelwise.types import PixelwiseError

LIBRARIES = {"onnx": "onnxruntime", "openvino": "openvino"}
"""Runtime -> the library that it is; its files are of the format with the runtime's name."""
NAMES = ("auto", "torch", *LIBRARIES)

# Exporting and proving takes tens of seconds, once; it is begun where PyTorch alone would take
# longer than this.
_LONG_S = 60.0
# Below so many looks not even the first measurement pays.
_MANY_LOOKS = 200
_MEASURE_S = 1.5


@dataclass(frozen=True)
class Choice:
    """A runtime by its name, and a run's models opened in it, a fold each; of torch none."""

    name: str = "torch"
    runners: tuple[Runner, ...] = ()


@dataclass(frozen=True)
class TorchRunner:
    """A model on the CPU, called as exported files are."""

    model: Model

    @torch.inference_mode()
    def __call__(self, images: Images) -> dict[str, NDArray[np.float32]]:
        """Maps of (B, H, W, 3) uint8 RGB."""
        maps = self.model(normalise(torch.from_numpy(images)))
        return {name: values.float().numpy() for name, values in maps.items()}


def open_torch(path: Path, threads: int) -> TorchRunner:
    """A run's model, as it predicts, with so many threads of this process."""
    torch.set_num_threads(threads)
    model = load_model(open_run(path))
    return TorchRunner(model.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def place_for(runtime: str, device: str) -> torch.device:
    """Where a runtime computes.

    Raises:
        PixelwiseError: no such runtime, not installed, or not for this device.
    """
    if runtime not in NAMES:
        raise PixelwiseError(
            f"--runtime is {', '.join(NAMES[:-1])} or {NAMES[-1]}, not '{runtime}'."
        )
    if runtime not in LIBRARIES:
        return devices.pick(device)
    if not is_installed(runtime):
        raise PixelwiseError(
            f"The runtime '{runtime}' needs {LIBRARIES[runtime]}, which is not installed: "
            'pip install "pixelwise[export]". Or leave out --runtime.'
        )
    if device not in ("auto", "cpu"):
        raise PixelwiseError(
            f"The runtime '{runtime}' computes on the CPU here, not on '{device}'. Leave out "
            "--device, or take --runtime torch."
        )
    return torch.device("cpu")


def is_installed(runtime: str) -> bool:
    """Whether the library of a runtime for exported files is there; it is not imported."""
    return find_spec(LIBRARIES[runtime]) is not None


def choose(
    run: Run, models: Sequence[Model], wish: str, place: torch.device, num_looks: int
) -> Choice:
    """Open a run in the runtime that was asked for, or in the fastest.

    Args:
        run: or a cross-validation, whose folds are its parts.
        models: of the parts, on ``place``.
        wish: one of `NAMES`.
        num_looks: how often a model will look at a picture, about.

    Raises:
        PixelwiseError: the runtime that was asked for cannot have this run.
    """
    if wish == "torch" or (wish == "auto" and place.type != "cpu"):
        return Choice()
    parts = run.folds or (run,)
    if wish == "auto":
        return _Search(parts, models[0]).fastest(num_looks)
    return open_in(wish, existing_files(parts, wish) or export_all(parts, wish))


def open_in(runtime: str, files: Sequence[Path]) -> Choice:
    """Exported files in their runtime, with as many threads as torch has.

    Raises:
        PixelwiseError: a damaged file.
    """
    module, threads = find("formats", runtime), torch.get_num_threads()
    for file in files:
        mark_as_used(file)
    return Choice(runtime, tuple(module.open_model(file, threads=threads) for file in files))


def existing_files(parts: Sequence[Run], runtime: str) -> list[Path]:
    """The proven float32 file of every part; none where one lacks it."""
    found = [exported_file(part, runtime) for part in parts]
    return [file for file in found if file is not None] if all(found) else []


def export_all(parts: Sequence[Run], runtime: str) -> list[Path]:
    """Export every part that has no file yet, into the user's cache.

    Raises:
        PixelwiseError: the file did not do what the model does, or cannot be written.
    """
    files = []
    with Progress(f"exporting for {runtime}, once", len(parts)) as bar:
        for done, part in enumerate(parts, start=1):
            files.append(exported_file(part, runtime) or export_to_cache(part, runtime))
            bar.at(done)
    return files


def known_speeds(run: Run) -> Speeds:
    """What was written down of a run on this machine, with these versions and threads."""
    facts = machine.describe(["pixelwise", "torch", *LIBRARIES.values()], torch.get_num_threads())
    return speeds.read({**facts, "model": identity(run)})


class _Search:
    """The search for the fastest runtime of a run, on this machine."""

    def __init__(self, parts: Sequence[Run], model: Model) -> None:
        self._parts, self._model = parts, model
        self._known = known_speeds(parts[0])

    def fastest(self, num_looks: int) -> Choice:
        """The fastest of PyTorch and the runtimes that have files, or get them because it pays."""
        names = [name for name in LIBRARIES if is_installed(name)]
        files = {name: found for name in names if (found := existing_files(self._parts, name))}
        missing = [name for name in names if name not in files and self._may_be_faster(name)]
        if missing and self._is_long(num_looks):
            files |= {name: made for name in missing if (made := self._export(name))}
        opened = {name: self._open(name, found) for name, found in files.items()}
        choices = {name: choice for name, choice in opened.items() if choice is not None}
        if not choices:
            return Choice()
        if not {"torch", *choices} <= set(self._known.seconds):
            self._measure(choices)
        seconds = self._known.seconds
        return choices.get(min(("torch", *choices), key=lambda name: seconds[name]), Choice())

    def _may_be_faster(self, name: str) -> bool:
        seconds = self._known.seconds
        is_slower = name in seconds and seconds[name] >= seconds["torch"]
        return name not in self._known.failed and not is_slower

    def _is_long(self, num_looks: int) -> bool:
        """Whether PyTorch would take long for so many looks."""
        if num_looks < _MANY_LOOKS:
            return False
        if "torch" not in self._known.seconds:
            self._measure({})
        return num_looks * self._known.seconds["torch"] > _LONG_S

    def _export(self, name: str) -> list[Path]:
        """New files; none where they cannot be, which is written down."""
        try:
            return export_all(self._parts, name)
        except PixelwiseError as error:
            self._known = replace(self._known, failed={**self._known.failed, name: str(error)})
            self._known.write()
            return []

    def _open(self, name: str, files: Sequence[Path]) -> Choice | None:
        """Files in their runtime; None where they cannot be opened, and PyTorch serves."""
        try:
            return open_in(name, files)
        except PixelwiseError:
            return None

    def _measure(self, choices: dict[str, Choice]) -> None:
        """Time the first part in turns, and write it down."""
        runners: dict[str, Runner] = {"torch": TorchRunner(self._model)}
        runners |= {name: choice.runners[0] for name, choice in choices.items()}
        images = noise(1, self._parts[0].recipe.size_hw)
        self._known = self._known.measured(in_turns(runners, images, _MEASURE_S))
