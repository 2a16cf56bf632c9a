"""``python -m pixelwise`` is the command ``pixelwise``."""

from pixelwise.cli import main

main()
