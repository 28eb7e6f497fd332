#!/usr/bin/env python3
"""A PyTorch state dict in the safetensors format, and what its network makes of an input.

The file is written here from the format's description, since Debian has no library for it. make.py
writes the files; make.py --check compares; make.py --verify FILE loads FILE, which this package saved,
into PyTorch strictly and compares the network's output with the one beside it, FILE.json.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent
DTYPES = {"F32": np.float32, "F64": np.float64, "F16": np.float16, "I64": np.int64}


def network() -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.BatchNorm2d(3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(12, 5)
    )


def trained() -> torch.nn.Module:
    torch.manual_seed(0)
    net = network()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    net.train()
    for _ in range(7):
        net(3 + 2 * torch.randn(4, 3, 2, 2))
    return net.eval()


def bfloat16_bits(values: torch.Tensor) -> np.ndarray:
    return (values.float().numpy().view(np.uint32) >> 16).astype(np.uint16)


def encode(tensors) -> bytes:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, values) in tensors.items():
        begin = len(data)
        data += values.tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def decode(content: bytes) -> dict:
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


def files():
    net = trained()
    x = torch.randn(2, 3, 2, 2)
    with torch.no_grad():
        output = {"x": x.flatten().tolist(), "y": net(x).flatten().tolist()}
    state = net.state_dict()
    float32 = {
        name: ("I64" if values.dtype == torch.int64 else "F32", values.shape, values.numpy())
        for name, values in state.items()
    }
    yield "network.safetensors", encode(float32)
    yield "network.json", (json.dumps(output) + "\n").encode()
    floats = {"weight": (3,), "bias": (3,), "running_mean": (3,), "running_var": (3,)}
    layer = {name: state[f"0.{name}"] for name in floats}
    yield "float64.safetensors", encode(
        {name: ("F64", (3,), v.double().numpy()) for name, v in layer.items()}
    )
    yield "float16.safetensors", encode(
        {name: ("F16", (3,), v.half().numpy()) for name, v in layer.items()}
    )
    yield "bfloat16.safetensors", encode(
        {name: ("BF16", (3,), bfloat16_bits(v)) for name, v in layer.items()}
    )


def verify(path: Path) -> int:
    net = network()
    net.load_state_dict(decode(path.read_bytes()), strict=True)
    expected = json.loads(path.with_suffix(".json").read_text())
    with torch.no_grad():
        y = net.eval()(torch.tensor(expected["x"]).reshape(-1, 3, 2, 2)).flatten()
    off = (y - torch.tensor(expected["y"])).abs().max() / y.abs().max()
    print(f"PyTorch's output is off by {off:.1e} of the largest value")
    return 0 if off < 1e-6 else 1


def main() -> int:
    if "--verify" in sys.argv:
        return verify(Path(sys.argv[2]))
    differing = []
    for name, content in files():
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_bytes(content)
        elif path.suffix == ".safetensors" and path.read_bytes() != content:
            differing.append(name)
    for name in differing:
        print(f"{name}: not as committed")
    return 1 if differing else 0


sys.exit(main())
