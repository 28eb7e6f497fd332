#!/usr/bin/env python3
"""Writes the ONNX project's test cases as a line of JSON each.

Without an argument, those that Debian's libonnx-testdata installs. `dump.py FOLDER` generates those of the operators with the
installed version of the onnx package, which may be newer, and writes their models to FOLDER.

Each line has the nodes of the model, its initializers, and the inputs and outputs of every data set. Models with
subgraphs, sequences, texts or large tensors are written without data, with the reason.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

DATA = Path("/usr/share/libonnx-testdata/data")
GROUPS = ("node", "pytorch-converted", "pytorch-operator", "simple")
# Values in one tensor; larger ones belong to a few cases of convolution in three dimensions.
LIMIT = 400_000


class Unreadable(Exception):
    pass


def number(value: float):
    """JSON has no NaN and no infinities."""
    return value if np.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")


def tensor(message: onnx.TensorProto) -> dict:
    values = numpy_helper.to_array(message)
    if values.dtype.kind not in "fiub":
        raise Unreadable(f"values of type {values.dtype}")
    if values.size > LIMIT:
        raise Unreadable(f"{values.size} values")
    return {
        "type": str(values.dtype),
        "shape": list(values.shape),
        "values": [number(each) for each in values.astype(np.float64).flatten().tolist()],
    }


def attribute(each: onnx.AttributeProto):
    value = onnx.helper.get_attribute_value(each)
    if isinstance(value, onnx.TensorProto):
        return tensor(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (int, float)):
        return number(value)
    values = list(value) if not isinstance(value, onnx.GraphProto) else None
    if values is None or any(not isinstance(item, (int, float)) for item in values):
        raise Unreadable(f"the attribute {each.name}")
    return [number(item) for item in values]


def read(path: Path) -> dict:
    try:
        return tensor(onnx.TensorProto.FromString(path.read_bytes()))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable("sequences or optional values") from error


def record(folder: Path) -> dict:
    model = onnx.load(folder / "model.onnx")
    graph = model.graph
    (opset,) = {each.version for each in model.opset_import if each.domain == ""} or {0}
    case = {
        "name": f"{folder.parent.name}/{folder.name}",
        "path": str(folder / "model.onnx"),
        "operators": sorted({each.op_type for each in graph.node}),
    }
    try:
        case["opset"] = opset
        case["nodes"] = [
            {
                "operator": each.op_type,
                "inputs": list(each.input),
                "outputs": list(each.output),
                "attributes": {item.name: attribute(item) for item in each.attribute},
            }
            for each in graph.node
        ]
        case["initializers"] = {each.name: tensor(each) for each in graph.initializer}
        names = [each.name for each in graph.input]
        case["data"] = [
            {
                "inputs": dict(zip(names, [read(data / f"input_{i}.pb") for i in range(count(data, "input"))])),
                "outputs": dict(
                    zip(
                        [each.name for each in graph.output],
                        [read(data / f"output_{i}.pb") for i in range(count(data, "output"))],
                    )
                ),
            }
            for data in sorted(folder.glob("test_data_set_*"))
        ]
    except Unreadable as error:
        return {**{key: case[key] for key in ("name", "path", "operators")}, "unreadable": str(error)}
    return case


def count(data: Path, kind: str) -> int:
    return len(list(data.glob(f"{kind}_*.pb")))


def write_generated(target: Path) -> None:
    from onnx.backend.test.case.node import collect_testcases

    for each in collect_testcases(None):
        folder = target / each.name
        folder.mkdir(parents=True)
        onnx.save(each.model, folder / "model.onnx")
        for i, values in enumerate(each.data_sets or []):
            (folder / f"test_data_set_{i}").mkdir()
            for kind, arrays in zip(("input", "output"), values):
                for j, array in enumerate(arrays):
                    path = folder / f"test_data_set_{i}" / f"{kind}_{j}.pb"
                    path.write_bytes(serialize(array))
        sys.stdout.write(json.dumps(record(folder)) + "\n")


def serialize(value) -> bytes:
    if isinstance(value, onnx.TensorProto):
        return value.SerializeToString()
    try:
        return numpy_helper.from_array(np.asarray(value)).SerializeToString()
    except Exception:  # noqa: BLE001
        # A sequence, or a type without a proto: `read` names it.
        return b"?"


if len(sys.argv) > 1:
    write_generated(Path(sys.argv[1]))
    sys.exit()
for group in GROUPS:
    for each in sorted((DATA / group).iterdir()):
        sys.stdout.write(json.dumps(record(each)) + "\n")
