"""What a contestant is told: one JSON file, the same pictures and masks for everyone."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One picture: its file, its mask and its part.

    ``mask``: of the picture's size; PNG, 0 or 255, or for who outlines objects one by one a picture
    of their numbers, 0 for none. ``part``: "train", "val" or "test". Everyone may learn from "val"
    too (ours holds it out); of who outlines objects, everyone holds it out.
    """

    id: str
    image: str
    mask: str
    part: str


@dataclass(frozen=True)
class Job:
    """One contestant on one fold.

    ``program``: module of `contestants` or `instances`. ``settings``: what the program makes of it;
    recipe lines for ours. ``budget_s``: wall-clock seconds. ``threads``: of the libraries that
    compute. ``data`` and ``masks``: the folder and the meaning of its masks, for ours, which reads
    them itself. ``orientation``: "any" or "upright", for the peers' augmentation. ``out``: where
    everything is written.
    """

    program: str
    settings: Mapping[str, Any]
    fold: int
    budget_s: float
    threads: int
    data: str
    masks: str
    orientation: str
    out: str
    cases: tuple[Case, ...]

    def write(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> Job:
        """Back from a file."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**found, "cases": tuple(Case(**case) for case in found["cases"])})

    def finish(self, result: Mapping[str, Any], libraries: Iterable[str]) -> None:
        """Write the result, with the versions of libraries; its presence says that it is whole."""
        whole = {**result, "versions": _versions(libraries)}
        temporary = self.folder / "result.part"
        temporary.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.folder / "result.json")

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return Path(self.out)

    @property
    def learned_from(self) -> tuple[Case, ...]:
        """Every picture but the test part's."""
        return tuple(case for case in self.cases if case.part != "test")

    @property
    def tested(self) -> tuple[Case, ...]:
        """The test part."""
        return tuple(case for case in self.cases if case.part == "test")


def _versions(libraries: Iterable[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
