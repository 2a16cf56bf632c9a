"""The commands: thin, no logic. What a command needs is imported when it runs."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

# Importing a module is what makes its commands known, in this order.
from pixelwise.cli import learning, measuring, using, folders  # isort: skip  # noqa: F401
from pixelwise.cli._app import app
from pixelwise.types import PixelwiseError

__all__ = ["app", "main"]


def main() -> None:
    """Run a command; what is wrong with the input is one sentence and exit code 2."""
    try:
        app()
    except PixelwiseError as error:
        # Escaped: the name of an extra, such as [export], is no markup.
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"[red]Error:[/] {escape(str(error))}", markup=True
        )
        sys.exit(2)
    except KeyboardInterrupt:
        Console(stderr=True).print(
            "Interrupted. The same command goes on from the last saved state."
        )
        sys.exit(130)
