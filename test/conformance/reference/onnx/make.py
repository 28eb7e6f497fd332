#!/usr/bin/env python3
"""ONNX's node tests of BatchNormalization as JSON, read from Debian's libonnx-testdata.

make.py writes batch_normalization.jsonl; make.py --check compares and writes nothing.
"""

import json
import sys
from pathlib import Path

import onnx
from onnx import numpy_helper

DATA = Path("/usr/share/libonnx-testdata/data/node")
FILE = Path(__file__).parent / "batch_normalization.jsonl"


def tensor(path: Path) -> dict:
    values = numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))
    return {"shape": list(values.shape), "values": values.flatten().tolist()}


def record(folder: Path) -> dict:
    model = onnx.load(folder / "model.onnx")
    (node,) = model.graph.node
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    data = folder / "test_data_set_0"
    return {
        "name": folder.name,
        # ONNX's defaults for missing attributes.
        "epsilon": attributes.get("epsilon", 1e-5),
        "momentum": attributes.get("momentum", 0.9),
        "training": attributes.get("training_mode", 0) == 1,
        "inputs": [tensor(path) for path in sorted(data.glob("input_*.pb"))],
        "outputs": [tensor(path) for path in sorted(data.glob("output_*.pb"))],
    }


def main() -> int:
    folders = sorted(DATA.glob("test_batchnorm_*"))
    text = "".join(json.dumps(record(folder)) + "\n" for folder in folders)
    if "--check" in sys.argv:
        same = FILE.read_text() == text
        print(f"{FILE.name}: {'as committed' if same else 'not as committed'}")
        return 0 if same else 1
    FILE.write_text(text)
    return 0


sys.exit(main())
