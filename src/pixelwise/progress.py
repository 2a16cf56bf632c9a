"""One progress bar for everything long."""

from __future__ import annotations

from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from pixelwise.terminal import Terminal


class Progress:
    """A bar with the time left and a few words; silent where nobody watches (no terminal).

    Args:
        title: what is being done.
        total: how many steps there are; None while that is not known.
    """

    def __init__(self, title: str, total: int | None) -> None:
        console = Terminal(stderr=True)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            console=console,
            transient=False,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=total, words="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def at(self, done: int, *, total: int | None = None, words: str | None = None) -> None:
        """So much is done."""
        self._bar.update(self._task, completed=done)
        if total is not None:
            self._bar.update(self._task, total=total)
        if words is not None:
            self._bar.update(self._task, words=words)
