"""Outline one picture with ONNX Runtime. Needs: pip install numpy pillow onnxruntime

    python onnx_mask.py model.onnx picture.jpg mask.png

The mask has the picture's size: 0 and 255 of two categories, else the number of the category.
"""

import json
import os
import sys

import numpy as np
from PIL import Image, ImageOps

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use without it.
import onnxruntime

model, picture, mask = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
texts = session.get_modelmeta().custom_metadata_map

# Scaled until it just fits the size that the model learned at; the sides mirror the picture.
height, width = json.loads(texts["size_hw"])
image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
scale = min(width / image.width, height / image.height)
size = [max(1, round(scale * side)) for side in image.size]
small = image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
left, top = (width - size[0]) // 2, (height - size[1]) // 2
sides = (top, height - size[1] - top), (left, width - size[0] - left), (0, 0)
fitted = np.pad(small, sides, mode="reflect" if min(size) > 1 else "edge")

maps = session.run(["class"], {"images": fitted[None]})[0][0]

# Maps are brought to the picture's own size, and decided there.
stride = json.loads(texts["stride"])
box = [edge / stride for edge in (left, top, left + size[0], top + size[1])]
home = [Image.fromarray(each).resize(image.size, Image.Resampling.BILINEAR, box) for each in maps]
logits = np.stack(home)
labels = logits.argmax(axis=0) if len(logits) > 1 else (logits[0] > 0).astype(int)
Image.fromarray((labels * (1 if len(logits) > 1 else 255)).astype(np.uint8)).save(mask)
for index, category in enumerate(json.loads(texts["categories"])):
    print(f"{category['name']}: {(labels == index).mean():.1%} of the picture")
