"""Exported files of a run: where they lie, and whether they are of the weights it has now.

    RUN/exports/model.onnx                       what `pixelwise export` wrote
    CACHE/exports/IDENTITY/model.onnx            what was exported for `runtimes` alone

A cache keeps a few runs; the one not used for longest goes first.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

from pixelwise.files import remove
from pixelwise.find import find
from pixelwise.machine import cache_folder, version
from pixelwise.run import Run
from pixelwise.types import PixelwiseError

_KEPT = 8


def file_name(to: str, precision: str = "float32") -> str:
    """The name of an exported file, or folder."""
    suffix: str = find("formats", to).SUFFIX
    return ("model" if precision == "float32" else f"model-{precision}") + suffix


def weights_fingerprint(run: Run) -> str:
    """A hash (BLAKE2b, 128 bits, hexadecimal) of a run's best weights, every byte of them.

    Raises:
        PixelwiseError: there are none.
    """
    try:
        facts = run.weights.stat()
        return _hash(run.weights, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise PixelwiseError(f"{run.weights} cannot be read: {error.strerror or error}.") from None


@lru_cache
def _hash(path: Path, size: int, time_ns: int) -> str:
    """Of a file that has not changed since it had this size and time."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def identity(run: Run) -> str:
    """The same of everything that decides what a run's exported file holds."""
    # Where the data lies says nothing of the weights, and a run can be moved.
    recipe = replace(run.recipe, data="", start="none")
    parts = [weights_fingerprint(run), recipe.write(), version("pixelwise") or ""]
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def exported_file(run: Run, to: str, precision: str = "float32") -> Path | None:
    """The proven file of a run's present weights, from its folder or the cache; None without one.

    A file of earlier weights, or one that cannot be read, is none.
    """
    name = file_name(to, precision)
    for path in (run.path / "exports" / name, _cached(run) / name):
        if path.exists() and _is_of(run, path, to):
            return path
    return None


def mark_as_used(path: Path) -> None:
    """Let a cached file be the last to go."""
    if path.parent.parent == _cache():
        with suppress(OSError):
            path.parent.touch()


def export_to_cache(run: Run, to: str) -> Path:
    """Export a run into the user's cache, in float32, proven.

    Raises:
        PixelwiseError: the file did not do what the model does, or cannot be written.
    """
    from pixelwise.exporting import export

    path = _cached(run) / file_name(to)
    # What lies here in a cache, and still has to be made, is damaged.
    remove(path)
    try:
        export(run, to, out=path)
    except OSError as error:
        raise PixelwiseError(
            f"{path.parent} cannot be written to: {error.strerror or error}. Export the run first: "
            f"pixelwise export {run.path} --to {to}"
        ) from None
    _forget_oldest()
    return path


def _cache() -> Path:
    return cache_folder() / "exports"


def _cached(run: Run) -> Path:
    return _cache() / identity(run)


def is_export(path: Path, module: ModuleType) -> bool:
    """Whether a file or folder is a proven export of a format."""
    return "proof" in _texts(path, module)


def _is_of(run: Run, path: Path, to: str) -> bool:
    found = _texts(path, find("formats", to))
    return "proof" in found and found.get("weights") == weights_fingerprint(run)


def _texts(path: Path, module: ModuleType) -> Mapping[str, str]:
    """What travels with a file; nothing where it cannot be read."""
    try:
        found: Mapping[str, str] = module.metadata(path)
    # Every library has errors of its own for what is damaged.
    except Exception:
        return {}
    return found


def _forget_oldest() -> None:
    """Keep the few newest; a file that another process has open stays for that one."""
    newest = sorted(_cache().iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
