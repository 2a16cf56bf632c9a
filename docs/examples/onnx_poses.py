"""Find everybody's joints in one picture. Needs: pip install numpy pillow onnxruntime

    python onnx_poses.py model.onnx picture.jpg poses.json

Plainer than `pixelwise predict`, and a little less good in crowds: every top of a heatmap is a
joint, the limb that agrees best with its field is taken first, and limbs that share a joint make a
person. poses.json: for each person a list of x, y (pixels) and probability, 0 where not found.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

LEAST_LIMB = 0.3


def tops(heatmap, least):
    """(N, 3): x, y in map pixels, and the probability of a joint, at the tops of its (h, w)."""
    (height, width), padded = heatmap.shape, np.pad(heatmap, 1)
    near = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    # Of equal neighbours the first is the top.
    is_top = (heatmap > np.max(near[:4], axis=0)) & (heatmap >= np.max(near[5:], axis=0))
    y, x = np.nonzero(is_top & (heatmap > least))
    return np.stack([x + 0.5, y + 0.5, heatmap[y, x]], axis=1)


def agreement(field, start, end):
    """How far a limb's field (2, h, w) points from one joint to the other: 1 = all along."""
    along = (end - start)[:2] / max(np.linalg.norm((end - start)[:2]), 1e-6)
    x, y = np.linspace(start[:2], end[:2], 10).astype(int).T
    return float((along[1] * field[0, y, x] + along[0] * field[1, y, x]).mean())


def decode(joint, limb, limbs, least):
    """People (N, K, 3) in map pixels from probabilities (K, h, w) and fields (2 L, h, w)."""
    found = [tops(heatmap, least) for heatmap in joint]
    people = {(kind, n): {kind: n} for kind, each in enumerate(found) for n in range(len(each))}
    pairs = [
        (agreement(limb[2 * i : 2 * i + 2], start, end), i, (a, m), (b, n))
        for i, (a, b) in enumerate(limbs)
        for m, start in enumerate(found[a])
        for n, end in enumerate(found[b])
    ]
    taken = set()
    for score, i, one, other in sorted(pairs, reverse=True):
        mine, theirs = people[one], people[other]
        is_free = not {(i, one), (i, other)} & taken and not mine.keys() & theirs.keys()
        if score > LEAST_LIMB and is_free:
            taken |= {(i, one), (i, other)}
            mine |= theirs
            people |= dict.fromkeys(theirs.items(), mine)
    single = {id(person): person for person in people.values()}.values()
    poses = np.zeros((len(single), len(joint), 3))
    for pose, person in zip(poses, single, strict=True):
        for kind, n in person.items():
            pose[kind] = found[kind][n]
    return poses


def main(model, picture, out):
    """From file to file."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use without it.
    import onnxruntime
    from PIL import Image, ImageOps

    session = onnxruntime.InferenceSession(model)
    texts = session.get_modelmeta().custom_metadata_map
    height, width = json.loads(texts["size_hw"])
    image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    scale = min(width / image.width, height / image.height)
    size = [max(1, round(scale * side)) for side in image.size]
    small = image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    sides = (top, height - size[1] - top), (left, width - size[0] - left), (0, 0)
    fitted = np.pad(small, sides, mode="reflect" if min(size) > 1 else "edge")
    joint, limb = session.run(["joint", "limb"], {"images": fitted[None]})
    thresholds, skeleton = json.loads(texts["thresholds"]), json.loads(texts["skeleton"])
    probability = 1 / (1 + np.exp(-(joint[0] + thresholds["joint_prior"])))
    poses = decode(probability, limb[0], skeleton["fields"], thresholds["joint"])
    stride = json.loads(texts["stride"])
    is_found = poses[..., 2:] > 0
    poses[..., :2] = is_found * (poses[..., :2] * stride - (left, top)) / scale
    people = [pose.round(2).tolist() for pose in poses if (pose[:, 2] > 0).sum() > 1]
    Path(out).write_text(json.dumps(people) + "\n", encoding="utf-8")
    print(f"{len(people)} found")


if __name__ == "__main__":
    main(*sys.argv[1:])
