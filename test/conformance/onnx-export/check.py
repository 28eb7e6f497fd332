#!/usr/bin/env python3
"""Checks the files that write.ts wrote with ONNX's own library: `check.py FOLDER`.

Every file must satisfy `onnx.checker`, shape inference must agree with the shapes that it states, and where the library has a
reference evaluator (version 1.13 and later), outputs must agree within 1e-5 of their largest value.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx

try:
    from onnx.reference import ReferenceEvaluator
except ImportError:
    ReferenceEvaluator = None

folder = Path(sys.argv[1])
failures = 0
worst = 0.0
skipped = []
cases = json.loads((folder / "cases.json").read_text())
for case in cases:
    path = folder / f"{case['base']}.onnx"
    try:
        onnx.checker.check_model(str(path), full_check=True)
        if ReferenceEvaluator is None:
            continue
        x = np.fromfile(folder / f"{case['base']}.x", np.float32).reshape(case["input"])
        y = np.fromfile(folder / f"{case['base']}.y", np.float32).reshape(case["output"])
        # The reference evaluator fails for transposed convolutions with groups.
        grouped = [
            attribute.i > 1
            for node in onnx.load(path).graph.node
            for attribute in node.attribute
            if node.op_type == "ConvTranspose" and attribute.name == "group"
        ]
        if any(grouped):
            skipped.append(case["name"])
            continue
        (result,) = ReferenceEvaluator(str(path)).run(None, {"input": x})
        if result.shape != y.shape:
            raise ValueError(f"the shape is {result.shape} instead of {y.shape}")
        difference = float(np.max(np.abs(result - y)) / max(np.max(np.abs(y)), 1e-30))
        worst = max(worst, difference)
        if not difference <= 1e-5:
            raise ValueError(f"the output differs by {difference} of its largest value")
    except Exception as error:  # noqa: BLE001
        failures += 1
        print(f"FAILED {case['name']} ({case['base']}): {str(error)[:300]}")
print(f"onnx {onnx.__version__}: {len(cases) - failures} of {len(cases)} files satisfy its checker and its shape inference")
if ReferenceEvaluator is not None:
    count = len(cases) - failures - len(skipped)
    print(f"its reference evaluator agrees for {count} files; largest difference {worst}; it cannot run {', '.join(skipped)}")
sys.exit(failures > 0)
