#!/usr/bin/env python3
"""A PyTorch state dict in the safetensors format, and the output of its network for an input.

The format is implemented here, since Debian has no library for it. make.py
writes the files; make.py --check compares; make.py --verify FILE loads FILE, which this package saved,
into PyTorch strictly and compares the network's output with the one beside it, FILE.json.
"""

import io
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


# Critical values for conversions to float32, as in ../npz/make.py.
TIE = 2**60 + 2**36 + 1
NUMBERS = {
    "F64": (torch.float64, [1 / 3, -0.0, 2**-149, 2**-150, 3.4e38, float("nan"), float("-inf")]),
    "F16": (torch.float16, [1 / 3, -0.0, 2**-24, -1023 / 1024 * 2**-14, 65504, float("nan"), float("inf")]),
    "BF16": (torch.bfloat16, [1 / 3, -0.0, 2**-133, 3e38, float("nan"), float("-inf")]),
    "I64": (torch.int64, [TIE, TIE - 1, -TIE, 2**53 + 1, 2**63 - 1, -(2**63), 2**24 + 1]),
    "I32": (torch.int32, [2**24 + 1, 2**24 + 3, -(2**24) - 1, 2**31 - 1, -(2**31)]),
    "I16": (torch.int16, [2**15 - 1, -(2**15), -1]),
    "I8": (torch.int8, [127, -128, -1]),
    "U8": (torch.uint8, [0, 127, 255]),
    "BOOL": (torch.bool, [True, False, True]),
}
UNSIGNED = {
    "U64": np.array([2**64 - 1, 2**63 + 2**39 + 1, TIE], np.uint64),
    "U32": np.array([2**32 - 1, 2**24 + 1], np.uint32),
    "U16": np.array([2**16 - 1, 1], np.uint16),
}


def types() -> bytes:
    """One tensor of each type, and its conversion to float32 by PyTorch, or by numpy for unsigned integers that PyTorch
        1.13 does not have."""
    tensors = {}
    for name, (dtype, numbers) in NUMBERS.items():
        values = torch.tensor(numbers, dtype=torch.float64 if dtype.is_floating_point else dtype).to(dtype)
        raw = bfloat16_bits(values) if dtype == torch.bfloat16 else values.numpy()
        tensors[name] = (name, values.shape, raw)
        tensors[f"{name}_as_float32"] = ("F32", values.shape, values.to(torch.float32).numpy())
    for name, values in UNSIGNED.items():
        tensors[name] = (name, values.shape, values)
        tensors[f"{name}_as_float32"] = ("F32", values.shape, values.astype(np.float32))
    return encode(tensors)


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
    # Every tensor, including the batch counter, as float16: {k: v.half() for k, v in net.state_dict().items()}.
    half = {name: values.half() for name, values in state.items()}
    yield "half.safetensors", encode({name: ("F16", v.shape, v.numpy()) for name, v in half.items()})
    yield "types.safetensors", types()
    # A file of a different kind, as torch.save writes it.
    pickled = io.BytesIO()
    torch.save({"weight": torch.ones(3)}, pickled)
    yield "state.pt", pickled.getvalue()
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
        elif path.suffix != ".json" and path.read_bytes() != content:
            differing.append(name)
    for name in differing:
        print(f"{name}: not as committed")
    return 1 if differing else 0


sys.exit(main())
