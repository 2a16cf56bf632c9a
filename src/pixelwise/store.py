"""Pictures decoded once and kept at the size learning needs: in memory, then on disk."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from pixelwise.geometry import Warp
from pixelwise.types import Annotation, Image, PixelwiseError, Sample

# Kept pictures are so much finer than the working size, so that turning and zooming in still
# finds detail.
ZOOM = 1.5


@dataclass(frozen=True)
class Picture:
    """A decoded picture and its annotation, of one size.

    ``scale``: its pixels along the side of one of the picture's own.
    """

    id: str
    image: Image
    annotation: Annotation
    scale: float = 1.0

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.annotation.size_hw

    @property
    def num_bytes(self) -> int:
        """What its pixels take."""
        maps = self.annotation.semantic.nbytes + self.annotation.layers.nbytes
        return self.image.nbytes + maps


def shrink(sample: Sample, size_hw: tuple[int, int], tile_px: int | None = None) -> Picture:
    """Read a sample and shrink it to what fits the store; smaller pictures stay as they are.

    Args:
        sample: what to read.
        size_hw: the working size.
        tile_px: of the windows that pictures are seen through; None = as a whole.
    """
    image, annotation = sample.read_image(), sample.read_annotation()
    source_hw = annotation.size_hw
    seen_hw = (tile_px, tile_px) if tile_px else source_hw
    scale = min(ZOOM * size_hw[0] / seen_hw[0], ZOOM * size_hw[1] / seen_hw[1])
    if scale >= 1:
        return Picture(sample.id, image, annotation)
    target_hw = (max(1, round(source_hw[0] * scale)), max(1, round(source_hw[1] * scale)))
    warp = Warp(
        np.diag([target_hw[1] / source_hw[1], target_hw[0] / source_hw[0], 1.0]),
        source_hw,
        target_hw,
    )
    return Picture(sample.id, warp.image(image), warp.annotation(annotation), scale)


class DiskCache:
    """Pictures in one nameless file, mapped into memory when asked for.

    The file has no name, so that it is gone with the program however that ends. At most half of
    what is free on the disk is used; what does not fit is not kept.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._limit = shutil.disk_usage(folder).free // 2
        self._end = 0
        self._lock = Lock()
        self._places: dict[str, tuple[int, Annotation, float]] = {}

    def put(self, picture: Picture) -> None:
        """Keep a picture, where there is room."""
        annotation = picture.annotation
        # The layers first: their numbers of two bytes have to begin at even places.
        parts = (annotation.layers, picture.image, annotation.semantic)
        length = sum(part.nbytes for part in parts)
        step = mmap.ALLOCATIONGRANULARITY
        with self._lock:
            if picture.id in self._places or self._end + length > self._limit:
                return
            try:
                self._file.seek(self._end)
                for part in parts:
                    self._file.write(part.tobytes())
                self._file.flush()
            except OSError:  # somebody else filled the disk: learning goes on without keeping more
                self._limit = 0
                return
            self._places[picture.id] = self._end, _hollow(annotation), picture.scale
            self._end += -(-length // step) * step

    def get(self, sample_id: str) -> Picture | None:
        """A kept picture, whose pixels are read from the disk when they are looked at."""
        if sample_id not in self._places:
            return None
        start, hollow, scale = self._places[sample_id]
        (height, width), depth = hollow.size_hw, len(hollow.layers)
        area = height * width
        view = mmap.mmap(
            self._file.fileno(), (2 * depth + 4) * area, access=mmap.ACCESS_READ, offset=start
        )
        layers = np.frombuffer(view, np.uint16, depth * area).reshape(depth, height, width)
        pixels = np.frombuffer(view, np.uint8, offset=layers.nbytes)
        annotation = replace(
            hollow, semantic=pixels[3 * area :].reshape(height, width), layers=layers
        )
        return Picture(sample_id, pixels[: 3 * area].reshape(height, width, 3), annotation, scale)


def _hollow(annotation: Annotation) -> Annotation:
    """The annotation without its pixels: maps of the same size that take no memory."""
    shape, depth = annotation.size_hw, len(annotation.layers)
    return replace(
        annotation,
        semantic=np.broadcast_to(np.uint8(0), shape),
        layers=np.broadcast_to(np.uint16(0), (depth, *shape)),
    )


class Store:
    """Pictures of a dataset, decoded once and kept at the size learning needs.

    As many as fit ``limit_bytes`` are read at once and stay in memory; the others are read when
    they are first asked for and kept on disk, so that a million pictures neither fill the memory
    nor hold up the start.

    ``failures`` names the samples that could not be read; they are left out.

    Args:
        samples: what to keep.
        size_hw: the working size. tile_px: side of windows; see `shrink`.
        workers: threads that read.
        folder: where the disk cache lies.
        limit_bytes: of memory; None = a quarter of the machine's.
        on_progress: called with the number of pictures read so far.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size_hw: tuple[int, int],
        folder: Path,
        *,
        workers: int,
        tile_px: int | None = None,
        limit_bytes: int | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._size_hw, self._tile_px = size_hw, tile_px
        self.failures: list[str] = []
        limit = _quarter_of_memory() if limit_bytes is None else limit_bytes
        self._kept: dict[str, Picture] = {}
        num_read = self._fill(samples, limit, workers, on_progress)
        self._rest = {sample.id: sample for sample in samples[num_read:]}
        self._disk = DiskCache(folder) if self._rest else None

    def _fill(
        self,
        samples: Sequence[Sample],
        limit_bytes: int,
        workers: int,
        on_progress: Callable[[int], None],
    ) -> int:
        """Read from the first on until the memory is used; give how many were read.

        Pictures that are seen through windows are kept whole, so that how large one is shows only
        when it is read. Those that are being read when the limit is met are kept too.
        """
        used, done = 0, 0
        reading: deque[Future[Picture | None]] = deque()

        def take() -> None:
            nonlocal used, done
            picture = reading.popleft().result()
            if picture is not None:
                self._kept[picture.id] = picture
                used += picture.num_bytes
            done += 1
            on_progress(done)

        with ThreadPoolExecutor(workers) as pool:
            for sample in samples:
                while len(reading) > workers:
                    take()
                if used >= limit_bytes:
                    break
                reading.append(pool.submit(self._try_read, sample))
            while reading:
                take()
        return done

    def _try_read(self, sample: Sample) -> Picture | None:
        try:
            return shrink(sample, self._size_hw, self._tile_px)
        except PixelwiseError as error:
            self.leave_out(str(error))
            return None

    def leave_out(self, reason: str) -> None:
        """Note, once, that a picture cannot be read."""
        if reason not in self.failures:
            self.failures.append(reason)

    @property
    def ids(self) -> tuple[str, ...]:
        """The samples that can be had, sorted; those not read yet count as such."""
        return tuple(sorted([*self._kept, *self._rest]))

    def __getitem__(self, sample_id: str) -> Picture:
        kept = self._kept.get(sample_id)
        if kept is not None:
            return kept
        assert self._disk is not None
        picture = self._disk.get(sample_id)
        if picture is None:
            picture = shrink(self._rest[sample_id], self._size_hw, self._tile_px)
            self._disk.put(picture)
        return picture


def _quarter_of_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, ValueError):  # Windows has no sysconf
        return 2**31
