"""Commands that are stopped from outside say what is kept, and which command goes on."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from typer.core import TyperGroup

# Shells show 128 + the number of the signal.
_BY_SIGNAL = 128


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM), by a scheduler or by ``kill``."""


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """A command was stopped; the message is for the user. ``code``: to exit with."""

    def __init__(self, stop: KeyboardInterrupt) -> None:
        kept = " ".join(getattr(stop, "__notes__", ())) or (
            "Files that were finished are kept, and none is half written."
        )
        command = shlex.join(["pixelwise", *sys.argv[1:]])
        super().__init__(f"Interrupted. {kept} The command: {command}")
        is_asked = isinstance(stop, Terminated)
        self.code = _BY_SIGNAL + (signal.SIGTERM if is_asked else signal.SIGINT)


class Commands(TyperGroup):
    """Typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            Stopped: by Ctrl-C, or by SIGTERM.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped(stop) from None


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does, so that it tidies up."""
    try:
        before = signal.signal(signal.SIGTERM, _terminate)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated
