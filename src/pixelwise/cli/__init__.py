"""The commands: thin, no logic. What a command needs is imported when it runs."""

from __future__ import annotations

import sys
from typing import NoReturn

from rich.text import Text

# Importing a module is what makes its commands known, in this order.
from pixelwise.cli import learning, measuring, using, folders  # isort: skip  # noqa: F401
from pixelwise.cli._app import app
from pixelwise.cli._stopping import Stopped, stoppable
from pixelwise.terminal import Terminal
from pixelwise.types import PixelwiseError
from pixelwise.words import visible

__all__ = ["app", "main"]


def main() -> None:
    """Run a command; what is wrong with the input is one sentence and exit code 2."""
    try:
        with stoppable():
            app()
    except PixelwiseError as error:
        _complain(str(error))
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        _complain(f"{place}{error.strerror or error}.")
    except Stopped as stop:
        Terminal(stderr=True, soft_wrap=True).print(str(stop))
        sys.exit(stop.code)


def _complain(sentence: str) -> NoReturn:
    words = Text.assemble(("Error:", "red"), f" {visible(sentence)}")
    Terminal(stderr=True, soft_wrap=True).print(words)
    sys.exit(2)
