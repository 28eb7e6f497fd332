#!/usr/bin/env python3
"""Exports networks of torchvision with PyTorch's own exporter: `torch-export.py FOLDER`.

For each, FOLDER gets an ONNX file, an input and PyTorch's output, as float32 in this machine's order; torch.json lists them.
Weights are random, because the test is about the operators that the exporter writes.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
import torchvision
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(3)
folder = Path(sys.argv[1])


class Padded(nn.Module):
    """What the exporter writes as chains of Shape, Slice, Concat, Cast and Pad."""

    def forward(self, x):
        padded = nn.functional.pad(x, (1, 2, 3, 4), mode="reflect")
        upsampled = nn.functional.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)
        resized = nn.functional.interpolate(upsampled, size=(9, 7), mode="bilinear", align_corners=True)
        flat = resized.view(x.shape[0], -1)
        return nn.functional.gelu(flat).reshape(resized.size(0), resized.size(1), -1).mean(-1)


class Attention(nn.Module):
    """LayerNorm, products of stacks of matrices, Softmax and exact GELU, as in a vision transformer."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.out = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm(tokens)).chunk(3, dim=-1)
        weights = torch.softmax(q @ k.transpose(-2, -1) / 4, dim=-1)
        return self.out(weights @ v)


def randomize(model):
    """Running statistics that differ from those of a new model."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


models = torchvision.models
cases = [
    ("resnet18", models.resnet18(num_classes=10), (2, 3, 64, 64)),
    ("mobilenet_v2", models.mobilenet_v2(num_classes=10), (2, 3, 64, 64)),
    ("mobilenet_v3_small", models.mobilenet_v3_small(num_classes=10), (2, 3, 64, 64)),
    ("shufflenet_v2_x0_5", models.shufflenet_v2_x0_5(num_classes=10), (2, 3, 64, 64)),
    ("squeezenet1_1", models.squeezenet1_1(num_classes=10), (2, 3, 64, 64)),
    ("padded", Padded(), (2, 3, 8, 6)),
    ("attention", Attention(), (2, 16, 3, 4)),
]
written = []
for name, model, shape in cases:
    randomize(model)
    x = torch.randn(shape)
    with torch.no_grad():
        y = model(x).numpy()
    for opset in (9, 11, 13, 16):
        # The exporter refuses padding by reflection of some axes and hardswish in version 9.
        if opset < 11 and name in ("padded", "mobilenet_v3_small"):
            continue
        for dynamic in (False, True):
            # The exporter refuses chunks of sizes that it does not know.
            if dynamic and name == "shufflenet_v2_x0_5" and opset < 11:
                continue
            base = f"{name}-{opset}{'-dynamic' if dynamic else ''}"
            torch.onnx.export(
                model,
                x,
                str(folder / f"{base}.onnx"),
                opset_version=opset,
                input_names=["input"],
                output_names=["output"],
                dynamic_axes={"input": {0: "N"}, "output": {0: "N"}} if dynamic else None,
            )
            (folder / f"{base}.x").write_bytes(x.numpy().tobytes())
            (folder / f"{base}.y").write_bytes(y.tobytes())
            written.append({"name": base, "input": list(shape), "output": list(y.shape)})
(folder / "torch.json").write_text(json.dumps(written))
print(f"torch {torch.__version__}: {len(written)} files")
