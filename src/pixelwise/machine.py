"""The machine: its name, what is installed on it, where things may be kept, memory taken."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

_PROC = Path("/proc")


def cache_folder() -> Path:
    """Where what can be made again is kept for this user; it may not exist yet.

    XDG_CACHE_HOME where it is set, else the platform's own place.
    """
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "pixelwise"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(local) / "pixelwise" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pixelwise"
    return Path.home() / ".cache" / "pixelwise"


def describe(libraries: Iterable[str], threads: int) -> dict[str, str]:
    """What a time depends on: processor, threads, system, and versions of what is installed.

    Args:
        libraries: names of distributions, such as "onnxruntime".
        threads: that compute.
    """
    versions = {name: found for name in libraries if (found := version(name)) is not None}
    return {
        "processor": processor(),
        "cores": str(cores()),
        "threads": str(threads),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **versions,
    }


def version(library: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """How many this process may use; of a container, its share."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name, as far as the system tells."""
    for line in _lines(_PROC / "cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def peak_bytes() -> int | None:
    """The most memory this process has had at a time; None where the system does not tell.

    On Linux not `getrusage`, whose maximum a new process takes over from the one that began it.
    """
    for line in _lines(_PROC / "self" / "status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
