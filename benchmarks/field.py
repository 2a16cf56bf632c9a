"""Who takes part. A row more is a line more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One row of the table.

    ``program``: module of `contestants`. ``settings``: what it makes of them; recipe lines for
    ours. ``share``: of the budget. ``is_peer``: whether it runs in the peers' environment.
    """

    name: str
    program: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    is_peer: bool = False

    @property
    def folder_name(self) -> str:
        """The name as a folder may have it."""
        return self.name.lower().replace(" ", "-").replace(",", "").replace("'", "")


OURS = Entry("ours", "ours")
"""What every other row is compared with: the default recipe."""

LEARNING = (
    OURS,
    Entry("ours, a quarter of the time", "ours", share=0.25),
    Entry("lesson SegNet", "lesson", {"network": "lesson_segnet"}),
    Entry("lesson U-Net", "lesson", {"network": "lesson_unet"}),
    Entry("smp U-Net", "smp_unet", is_peer=True),
    Entry("MONAI U-Net", "monai_unet", is_peer=True),
)

NUCLEI = (
    OURS,
    Entry("StarDist", "stardist", is_peer=True),
    Entry("Otsu's threshold", "otsu"),
)
"""Who outlines objects one by one; their programs are in `instances`."""


def field_for(orientation: str, *, with_peers: bool) -> tuple[Entry, ...]:
    """Everyone who can take part: on data with no side up (skin), also what needs no learning."""
    entries = [entry for entry in LEARNING if with_peers or not entry.is_peer]
    if orientation == "any":
        entries.append(Entry("built-in model", "builtin"))
        entries.append(Entry("Otsu's threshold", "otsu"))
    return tuple(entries)
