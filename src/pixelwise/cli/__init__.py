"""The commands: thin, no logic. What a command needs is imported when it runs."""

from __future__ import annotations

import sys

from rich.text import Text

# Importing a module is what makes its commands known, in this order.
from pixelwise.cli import learning, measuring, using, folders  # isort: skip  # noqa: F401
from pixelwise.cli._app import app
from pixelwise.terminal import Terminal
from pixelwise.types import PixelwiseError
from pixelwise.words import visible

__all__ = ["app", "main"]


def main() -> None:
    """Run a command; what is wrong with the input is one sentence and exit code 2."""
    try:
        app()
    except PixelwiseError as error:
        words = Text.assemble(("Error:", "red"), f" {visible(str(error))}")
        Terminal(stderr=True, soft_wrap=True).print(words)
        sys.exit(2)
    except KeyboardInterrupt:
        Terminal(stderr=True).print(
            "Interrupted. The same command goes on from the last saved state."
        )
        sys.exit(130)
