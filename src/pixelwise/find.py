"""The module name is the registry: ``find("networks", "unet")`` imports ``networks/unet.py``."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from pixelwise.types import PixelwiseError


def names(folder: str) -> list[str]:
    """The modules in ``pixelwise/<folder>``, by name; those that begin with _ are private."""
    package = importlib.import_module(f"pixelwise.{folder}")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def find(folder: str, name: str) -> ModuleType:
    """Import ``pixelwise/<folder>/<name>.py``.

    Raises:
        PixelwiseError: there is no such module; the message lists those there are.
    """
    choices = names(folder)
    if name not in choices:
        raise PixelwiseError(
            f"No {folder.removesuffix('s')} is called '{name}'. There are: {', '.join(choices)}."
        )
    return importlib.import_module(f"pixelwise.{folder}.{name}")
