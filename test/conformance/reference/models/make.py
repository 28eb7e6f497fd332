#!/usr/bin/env python3
"""The state dicts of torchvision's networks, and their results for weights that a formula gives.

make.py writes models.json; make.py --check compares. Needs Debian's python3-torchvision. The weights have up to 45 MB, so
the tests compute them again from the formula in `fill`; torchvision-state-dict.ts has the same one.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np
import torch
import torchvision

FILE = Path(__file__).parent / "models.json"
MODELS = {
    "ResNet18": torchvision.models.resnet18,
    "MobileNetV2": torchvision.models.mobilenet_v2,
}


def uniform(count: int, seed: int) -> np.ndarray:
    """Numbers in [0, 1) that float32 can represent: a hash of the index (Wellons, triple32)."""
    x = np.arange(count, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 % 2**32)
    for shift, factor in ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    x ^= x >> np.uint32(14)
    return (x >> np.uint32(8)).astype(np.float64) / 2**24


def fill(name: str, shape: list, seed: int) -> np.ndarray:
    """Weights for which the result depends on all of the input, and for which float32 suffices."""
    count = int(np.prod(shape))
    random = uniform(count, seed)
    if name.endswith("running_var"):
        values = random + 0.5
    elif name.endswith("running_mean") or name.endswith("bias"):
        values = random - 0.5
    elif len(shape) == 1:  # the scale of a batch norm
        values = random + 0.5
    else:
        values = (random - 0.5) * np.sqrt(18 / (count / shape[0]))
    return values.astype(np.float32).reshape(shape)


def result(make) -> dict:
    torch.manual_seed(0)
    model = make(weights=None).double().eval()
    tensors = {
        name: list(tensor.shape)
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    state = {
        name: torch.from_numpy(fill(name, shape, seed)).double()
        for seed, (name, shape) in enumerate(tensors.items())
    }
    counters = {
        name: torch.tensor(1)
        for name in model.state_dict()
        if name.endswith("num_batches_tracked")
    }
    model.load_state_dict({**state, **counters})
    x = torch.from_numpy(uniform(2 * 3 * 64 * 64, 12345).reshape(2, 3, 64, 64) * 2 - 1)
    with torch.no_grad():
        y = model(x)
    # Enough digits to compare to 1e-5 of the largest.
    return {"tensors": tensors, "y": [float(f"{value:.9g}") for value in y.flatten().tolist()]}


def main() -> None:
    results = {name: result(make) for name, make in MODELS.items()}
    if "--check" in sys.argv:
        recorded = json.loads(FILE.read_text())
        for name, made in results.items():
            assert made["tensors"] == recorded[name]["tensors"], name
            assert np.allclose(made["y"], recorded[name]["y"], rtol=1e-7, atol=1e-8), name
    else:
        FILE.write_text(json.dumps(results, separators=(",", ":")) + "\n")


main()
