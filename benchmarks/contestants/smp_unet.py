"""segmentation-models-pytorch's U-Net with albumentations, after its example for binary masks.

`examples/binary_segmentation_intro.ipynb` of the library: Dice loss on logits, Adam with a cosine
down to 1e-5 (here over the budget, as there over the epochs), batches of 16 from a `DataLoader`
that reads each picture from its file. ResNet-18 from random weights, because pretrained ones need
a download. The example's peak of 2e-4 is meant for those; from random weights 1e-3 learned more in
a trial (20 pictures at 64 x 64, 70 s: 0.458 after 39 steps against 0.299 after 32), so it has that.
"""

from __future__ import annotations

import math

import albumentations as A
import cv2
import segmentation_models_pytorch as smp
from albumentations.pytorch import ToTensorV2
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from contestants import Image, _changes
from contestants._job import Case, Job
from contestants._plain import SIZE, Plain, one_thread

_BATCH, _WORKERS = 16, 2
_PEAK, _FLOOR = 1e-3, 1e-5


def changes(orientation: str) -> A.Compose:
    """What our recipe draws, in albumentations' words."""
    turn = _changes.turn_deg(orientation)
    return A.Compose(
        [
            A.Resize(SIZE, SIZE, interpolation=cv2.INTER_AREA),
            A.HorizontalFlip(p=0.5),
            A.VerticalFlip(p=0.5 if orientation == "any" else 0.0),
            A.Affine(
                scale=_changes.SCALE,
                translate_percent=(-_changes.SHIFT, _changes.SHIFT),
                rotate=(-turn, turn),
                shear=(-_changes.SHEAR_DEG, _changes.SHEAR_DEG),
                border_mode=cv2.BORDER_REFLECT_101,
                p=1.0,
            ),
            A.ColorJitter(
                brightness=_changes.BRIGHTNESS,
                contrast=_changes.CONTRAST,
                saturation=_changes.SATURATION,
                hue=0.01,
                p=1.0,
            ),
            A.RandomGamma(gamma_limit=tuple(100 * value for value in _changes.GAMMA), p=1.0),
            A.Illumination(mode="linear", intensity_range=_changes.FALLOFF, p=0.5),
            A.GaussianBlur(sigma_limit=_changes.BLUR_PX, p=_changes.BLUR_PROBABILITY),
            A.Normalize(),
            ToTensorV2(),
        ]
    )


UNCHANGED = A.Compose(
    [A.Resize(SIZE, SIZE, interpolation=cv2.INTER_AREA), A.Normalize(), ToTensorV2()]
)


class Files(Dataset[tuple[Tensor, Tensor]]):
    """Pictures and masks, read from their files each time."""

    def __init__(self, cases: tuple[Case, ...], orientation: str) -> None:
        self._cases, self.change = cases, changes(orientation)

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        case = self._cases[index]
        image = cv2.cvtColor(cv2.imread(case.image), cv2.COLOR_BGR2RGB)
        mask = cv2.imread(case.mask, cv2.IMREAD_GRAYSCALE)
        changed = self.change(image=image, mask=mask)
        return changed["image"], changed["mask"][None].gt(0).float()


def _start(worker: int) -> None:
    """Each worker draws its own changes."""
    one_thread(worker)
    info = get_worker_info()
    info.dataset.change.set_random_seed(info.seed % 2**32)


def prepare(image: Image) -> Tensor:
    """(H, W, 3) uint8 -> (3, SIZE, SIZE) float32, normalised."""
    tensor: Tensor = UNCHANGED(image=image)["image"]
    return tensor


def rate(share: float) -> float:
    """The example's cosine, over the budget instead of a number of epochs."""
    return _FLOOR + (_PEAK - _FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def build(job: Job) -> Plain:
    """The network with one channel of logits."""
    files = Files(job.learned_from, job.orientation)
    batch = min(_BATCH, len(files))

    def load(workers: int) -> DataLoader[tuple[Tensor, Tensor]]:
        # Kept alive between epochs, so that small data does not spend its time starting workers.
        return DataLoader(
            files,
            batch,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=True,
            worker_init_fn=_start,
        )

    return Plain(
        network=smp.Unet("resnet18", encoder_weights=None, in_channels=3, classes=1),
        loss=smp.losses.DiceLoss(smp.losses.BINARY_MODE, from_logits=True),
        load=load,
        prepare=prepare,
        rate=rate,
        workers=_WORKERS,
    )
