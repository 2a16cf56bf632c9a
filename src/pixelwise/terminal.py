"""The terminal: text from files is shown as text, and never does anything.

A file's name, a label or a cell of a table may hold the codes that move a terminal's cursor, set
its title or change its colours, or what looks like Rich's markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from pixelwise.words import visible


class Terminal(Console):
    """A console without markup, on which control characters are shown as escapes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **options})

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich prints; a string is one sentence, so that its line breaks are shown too."""
        shown = (visible(each) if isinstance(each, str) else each for each in objects)
        super().print(*shown, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What is printed, piece by piece; only Rich's own codes are codes."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text, keep="\n\t"), segment.style)
