"""Measured speeds, written down: a small JSON file in the user's cache for each model and machine.

What is damaged, or is of another machine, version or model, counts as not measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from pixelwise.files import read_json, write_text
from pixelwise.machine import cache_folder
from pixelwise.types import PixelwiseError


@dataclass(frozen=True)
class Speeds:
    """How fast a model is by runtime.

    ``facts``: what the times depend on: machine, versions, the model. ``seconds``: runtime ->
    median of a look at one picture. ``failed``: runtime -> why it has no file of this model.
    """

    facts: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where they are written down."""
        return _path(self.facts)

    def measured(self, seconds: Mapping[str, float]) -> Speeds:
        """These, with what was measured anew, written down."""
        new = replace(self, seconds={**self.seconds, **seconds})
        new.write()
        return new

    def write(self) -> None:
        """Write them down; where that cannot be they are measured again the next time."""
        text = json.dumps(
            {"facts": self.facts, "seconds": self.seconds, "failed": self.failed}, indent=1
        )
        try:
            write_text(self.path, text + "\n")
        except OSError:
            return


def read(facts: Mapping[str, str]) -> Speeds:
    """What was written down of these facts; no seconds where nothing sound was."""
    try:
        found = read_json(_path(facts))
    except PixelwiseError:
        return Speeds(facts)
    return _sound(found, facts) or Speeds(facts)


def _sound(found: object, facts: Mapping[str, str]) -> Speeds | None:
    """What a file holds, where it is such a file and of these facts."""
    if not isinstance(found, dict) or found.get("facts") != dict(facts):
        return None
    seconds, failed = found.get("seconds"), found.get("failed")
    if not isinstance(seconds, dict) or not isinstance(failed, dict):
        return None
    are_times = all(
        isinstance(each, float) and math.isfinite(each) and each > 0 for each in seconds.values()
    )
    return Speeds(facts, seconds, failed) if are_times else None


def _path(facts: Mapping[str, str]) -> Path:
    text = json.dumps(facts, sort_keys=True)
    return cache_folder() / "speeds" / f"{blake2b(text.encode(), digest_size=16).hexdigest()}.json"
