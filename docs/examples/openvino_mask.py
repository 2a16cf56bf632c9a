"""Outline one picture with OpenVINO. Needs: pip install numpy pillow openvino

    python openvino_mask.py model.openvino picture.jpg mask.png

The mask has the picture's size: 0 and 255 of two categories, else the number of the category.
"""

import json
import sys

import numpy as np
from PIL import Image, ImageOps

sys.modules["openvino_telemetry"] = None  # OpenVINO reports its use with it.
import openvino  # noqa: E402

model, picture, mask = sys.argv[1:]
core = openvino.Core()
network = core.read_model(f"{model}/model.xml")
info = network.get_rt_info(["pixelwise"]).astype(dict)
texts = {name: text.astype(str) for name, text in info.items()}

# Scaled until it just fits the size that the model learned at; the sides mirror the picture.
height, width = json.loads(texts["size_hw"])
image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
scale = min(width / image.width, height / image.height)
size = [max(1, round(scale * side)) for side in image.size]
small = image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
left, top = (width - size[0]) // 2, (height - size[1]) // 2
sides = (top, height - size[1] - top), (left, width - size[0] - left), (0, 0)
fitted = np.pad(small, sides, mode="reflect" if min(size) > 1 else "edge")

# Processors that have bfloat16 would compute in it, three digits instead of seven.
exact = {"INFERENCE_PRECISION_HINT": "f32"}
maps = core.compile_model(network, "CPU", exact)(fitted[None])["class"][0]

# Maps are brought to the picture's own size, and decided there.
stride = json.loads(texts["stride"])
box = [edge / stride for edge in (left, top, left + size[0], top + size[1])]
home = [Image.fromarray(each).resize(image.size, Image.Resampling.BILINEAR, box) for each in maps]
logits = np.stack(home)
labels = logits.argmax(axis=0) if len(logits) > 1 else (logits[0] > 0).astype(int)
Image.fromarray((labels * (1 if len(logits) > 1 else 255)).astype(np.uint8)).save(mask)
for index, category in enumerate(json.loads(texts["categories"])):
    print(f"{category['name']}: {(labels == index).mean():.1%} of the picture")
