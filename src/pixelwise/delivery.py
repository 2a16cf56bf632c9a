"""Results on their way into the folder that a user named, past what lies there already.

Results are written into a hidden folder in it and moved to their names one by one. Before the first
one, every name is looked at: nothing that `predict` did not write is replaced unless the user says
so, and an image that is being predicted never is.

Results of an earlier prediction, of images that are not predicted now, are kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pixelwise.find import find
from pixelwise.inputs import Inputs
from pixelwise.manifest import Manifest, clashing
from pixelwise.outputs import _videos
from pixelwise.types import PixelwiseError, Poses
from pixelwise.words import count

LINES = "predictions.jsonl"
"""A line for each image and video."""
_WAY_OUT = "Give --out another folder, move them away, or say --overwrite."


@dataclass
class Delivery:
    """Where the results of one prediction go.

    ``folder``: that the user named. ``staged``: the hidden one, where results are written.
    ``command``: for the manifest. ``overwrite``: also replace what `predict` did not write.
    """

    folder: Path
    staged: Path
    inputs: Inputs
    command: Mapping[str, Any]
    probs: bool
    overwrite: bool
    notes: list[str] = field(default_factory=list)
    has_begun: bool = False

    @cached_property
    def _manifest(self) -> Manifest:
        return Manifest(self.folder).read()

    def begin(self, result: Any) -> None:
        """Look at the folder, at the first result of any image or frame; later ones change nothing.

        Raises:
            PixelwiseError: something there would be replaced; nothing has been written.
        """
        if self.has_begun:
            return
        names = self._planned(result)
        if same := clashing(names):
            raise PixelwiseError(
                f"The results of two images would have the same name, {same[0]}. Rename one image."
            )
        self._refuse_inputs(names)
        if not self.overwrite:
            self._manifest.refuse_foreign(names, _WAY_OUT)
        self._tell_of_others(names)
        self._manifest.begin(self.command)
        self.has_begun = True

    def settle_image(self, name: str, result: Any) -> None:
        """Move what was written about one image to its place."""
        self._settle(_module(result).files(name, probs=self.probs))

    def settle_shared(self, result: Any) -> None:
        """Move what was written about all images to its place."""
        self._settle(_module(result).SHARED)

    def settle_video(self, name: str) -> None:
        """Move what was written about one video to its place, and remove frames it lacks now."""
        is_pose = (self.staged / f"{name}_poses.csv").exists()
        new = _videos.files(self.staged, name, is_pose=is_pose)
        old = _videos.files(self.folder, name, is_pose=is_pose)
        self._settle(new)
        for file in set(old) - set(new):
            if self._manifest.is_own(file):
                (self.folder / file).unlink()

    def refuse_strangers(self, name: str) -> None:
        """See `pixelwise.outputs._videos.refuse_strangers`."""
        _videos.refuse_strangers(self.folder / name)

    def write_lines(self, text: str) -> None:
        """Write ``predictions.jsonl``, the last file of all.

        Raises:
            PixelwiseError: there is one that `predict` did not write.
        """
        if not self.has_begun:
            if not self.overwrite:
                self._manifest.refuse_foreign([LINES], _WAY_OUT)
            self._manifest.begin(self.command)
        (self.staged / LINES).write_text(text, encoding="utf-8")
        self._settle([LINES])

    def _planned(self, result: Any) -> list[str]:
        """Every file that will be written."""
        module, images = _module(result), self.inputs.images
        names = [LINES, *(module.SHARED if images else ())]
        for image in images:
            names += module.files(image.name, probs=self.probs)
        for name in self.inputs.videos:
            names += _videos.files(self.folder, name, is_pose=isinstance(result, Poses))
        return names

    def _refuse_inputs(self, names: Sequence[str]) -> None:
        """No image that is being predicted is replaced, even if it was said to overwrite."""
        there = [name for name in names if (self.folder / name).exists()]
        inputs = {_identity(path) for path in self.inputs.paths} if there else set()
        for name in there:
            if _identity(self.folder / name) in inputs:
                raise PixelwiseError(
                    f"{self.folder / name} is among the images to predict, and a result has the "
                    "same name. Give --out another folder."
                )

    def _tell_of_others(self, names: Sequence[str]) -> None:
        """Say what is kept of earlier predictions."""
        others = [
            name
            for name in self._manifest.written.keys() - set(names)
            if os.path.lexists(self.folder / name)
            and self._manifest.command_of(name).get("command") == self.command["command"]
        ]
        if not others:
            return
        runs = {str(self._manifest.command_of(name).get("run")) for name in others}
        by = f" with {', '.join(sorted(runs))}" if runs != {str(self.command.get("run"))} else ""
        self.notes.append(
            f"{count(len(others), 'file')} of earlier predictions{by} stay in {self.folder}; "
            f"{LINES} and tables are of this prediction alone."
        )

    def _settle(self, names: Sequence[str]) -> None:
        for name in names:
            if (self.staged / name).exists():
                self._manifest.take(self.staged / name, name, overwrite=self.overwrite)


def _module(result: Any) -> Any:
    return find("outputs", type(result).__name__.lower())


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
