"""MONAI's U-Net with its own transforms and cache, after its tutorial for 2-d segmentation.

`2d_segmentation/torch/unet_training_dict.py` of the tutorials: U-Net of 16 to 256 channels with two
residual units, Adam at 1e-3, batches of 8. Its `CacheDataset` holds the pictures resized, and
`DiceCELoss` is used instead of the tutorial's plain Dice.
"""

from __future__ import annotations

import math

import monai
import numpy as np
import torch
from monai import transforms as T
from monai.data import CacheDataset, DataLoader, PILReader
from monai.data.utils import worker_init_fn
from torch import Tensor

from contestants import Image, _changes
from contestants._job import Job
from contestants._plain import SIZE, Batches, Plain, one_thread

_BATCH, _WORKERS = 8, 2
_KEYS = ("image", "mask")
_MODES = ("bilinear", "nearest")


def changes(orientation: str) -> T.Compose:
    """Read and shrink, which is cached; then what our recipe draws, in MONAI's words."""
    turn, shear = (
        math.radians(degrees) for degrees in (_changes.turn_deg(orientation), _changes.SHEAR_DEG)
    )
    zoom = (_changes.SCALE[0] - 1, _changes.SCALE[1] - 1)
    shift = SIZE * _changes.SHIFT
    return T.Compose(
        [
            # Rows stay rows: the reader's own order would put upright pictures on their side.
            T.LoadImaged(_KEYS, reader=PILReader(reverse_indexing=False)),
            T.EnsureChannelFirstd("image", channel_dim=-1),
            T.EnsureChannelFirstd("mask", channel_dim="no_channel"),
            T.ScaleIntensityRanged(_KEYS, a_min=0, a_max=255, b_min=0, b_max=1),
            T.Resized(_KEYS, (SIZE, SIZE), mode=("area", "nearest")),
            T.RandFlipd(_KEYS, prob=0.5, spatial_axis=1),
            T.RandFlipd(_KEYS, prob=0.5 if orientation == "any" else 0.0, spatial_axis=0),
            T.RandAffined(
                _KEYS,
                prob=1.0,
                rotate_range=turn,
                shear_range=(shear, shear),
                translate_range=(shift, shift),
                scale_range=(zoom, zoom),
                mode=_MODES,
                padding_mode="reflection",
            ),
            T.RandAdjustContrastd("image", prob=1.0, gamma=_changes.GAMMA),
            T.RandScaleIntensityd("image", factors=_changes.CONTRAST, prob=1.0),
            T.RandScaleIntensityd(
                "image", factors=_changes.BRIGHTNESS / 2, prob=1.0, channel_wise=True
            ),
            T.RandShiftIntensityd("image", offsets=_changes.BRIGHTNESS / 2, prob=1.0),
            T.RandGaussianSmoothd(
                "image",
                sigma_x=_changes.BLUR_PX,
                sigma_y=_changes.BLUR_PX,
                prob=_changes.BLUR_PROBABILITY,
            ),
        ]
    )


_SHRINK = T.Resize((SIZE, SIZE), mode="area")


def prepare(image: Image) -> Tensor:
    """(H, W, 3) uint8 -> (3, SIZE, SIZE) float32 in [0, 1]."""
    channels = torch.from_numpy(np.moveaxis(image, 2, 0).astype(np.float32) / 255)
    small: Tensor = _SHRINK(channels)
    return small


def _pair(examples: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
    """Examples by name -> a batch of pictures and one of masks."""
    images, masks = (torch.stack([example[key] for example in examples]) for key in _KEYS)
    return images, masks.gt(0.5).float()


def _start(worker: int) -> None:
    """Each worker draws its own changes, as MONAI sees to where nothing else is asked for."""
    one_thread(worker)
    worker_init_fn(worker)


def build(job: Job) -> Plain:
    """The network with one channel of logits."""
    # Without the bookkeeping of where each voxel lies, which pictures do not need: faster.
    monai.data.set_track_meta(False)
    data: list[CacheDataset] = []

    def load(workers: int) -> Batches:
        # Cached when learning asks for it first, then kept.
        if not data:
            files = [{"image": case.image, "mask": case.mask} for case in job.learned_from]
            cache = CacheDataset(files, changes(job.orientation), num_workers=2, progress=False)
            data.append(cache)
        batches: Batches = DataLoader(
            data[0],
            batch_size=min(_BATCH, len(data[0])),
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=True,
            collate_fn=_pair,
            worker_init_fn=_start,
        )
        return batches

    return Plain(
        network=monai.networks.nets.UNet(
            spatial_dims=2,
            in_channels=3,
            out_channels=1,
            channels=(16, 32, 64, 128, 256),
            strides=(2, 2, 2, 2),
            num_res_units=2,
        ),
        loss=monai.losses.DiceCELoss(sigmoid=True),
        load=load,
        prepare=prepare,
        rate=lambda share: 1e-3,
        workers=_WORKERS,
    )
