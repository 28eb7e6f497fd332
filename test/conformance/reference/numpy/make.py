#!/usr/bin/env python3
"""How numpy prints float32 arrays.

make.py writes printing.jsonl beside this script; make.py --check compares and writes nothing. A record has a
shape, the text of numpy's array2string with commas, and either `values` (shortest decimals, or the names of NaN and
the infinities) or `recipe` [a, m, d, s]: value i is ((a * i) mod m) / d - s, rounded to float32. Records with
`since` have another text in older versions of numpy; --check skips them there.
"""

import json
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "printing.jsonl"

# Since 2.3 numpy prints float32 values with an exponent from 1e6 on, before that from 1e8 on.
NEW_NUMPY = tuple(map(int, np.__version__.split(".")[:2])) >= (2, 3)

LISTS = [
    [1, 2, 3],
    [0, -0.0, 1],
    [0, 0],
    [0.5, 100, -3.25],
    [0.1, 0.2, 0.3],
    [1 / 3, 2 / 3, 123456.789],
    [1e-10, 1.2345678e-5],
    [1e8, 1],
    [99999992, 100000],
    [999999.9375, 1000],
    [1000000, 999999],
    [-1e6],
    [0.1, 100.25],
    [0.1, 100],
    [2.0**-9, 1],
    [2.0**-9, 3 * 2.0**-9, -(2.0**-9)],
    [5e-5, 1.5],
    [3, float("nan"), float("-inf")],
    [float("nan")],
    [float("inf"), 1],
    [float("-inf"), 0.5, 1.25],
    [float("-inf"), 10000.5, -1.25],
    [float("nan"), 1e-20],
    [1e-45, 3.4028235e38],
    [-1e-45, 1.1754944e-38, 7e-30],
    [9999.9995, -0.00012],
    [0.00010001, 0.09],
    [12345.678],
    [-1],
]

SHAPES = [
    [],
    [1],
    [7],
    [40],
    [1000],
    [1001],
    [100000],
    [3, 4],
    [2, 50],
    [30, 40],
    [2, 3, 4],
    [2, 1, 2, 2],
    [1, 1, 1, 1, 3],
    [20, 30, 40],
    [8, 4, 16, 16],
    [2, 600],
    [600, 2],
    [1200, 1],
    [1, 1200],
    [12, 25, 1],
    [0],
    [2, 0, 3],
]

RECIPES = [[1, 1000, 1, 0], [37, 1001, 7, 50]]


def spelled(value: np.float32):
    return float(str(value)) if np.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]


def record(array: np.ndarray, **made_from) -> dict:
    finite = np.abs(array[np.isfinite(array)])
    depends = bool(np.any((finite >= 1e6) & (finite < 1e8)))
    text = np.array2string(array, separator=", ")
    return {"shape": list(array.shape), **made_from, "text": text, **({"since": "2.3"} if depends else {})}


def records():
    for values in LISTS:
        array = np.array(values, np.float32)
        yield record(array, values=[spelled(v) for v in array])
    # Random bits: every exponent and every number of digits.
    random = np.random.RandomState(1)
    for count in [1, 2, 3, 8] * 40:
        bits = random.randint(0, 2**32, count, np.uint64).astype(np.uint32)
        array = bits.view(np.float32)
        yield record(array, values=[spelled(v) for v in array])
    for scale in [1e-3, 1, 1e4] * 40:
        array = (scale * random.randn(2, 5)).astype(np.float32)
        yield record(array, values=[spelled(v) for v in array.flatten()])
    for shape in SHAPES:
        for a, m, d, s in RECIPES:
            i = np.arange(int(np.prod(shape)), dtype=np.float64)
            array = ((a * i) % m / d - s).astype(np.float32).reshape(shape)
            yield record(array, recipe=[a, m, d, s])


def main() -> int:
    made = list(records())
    if sys.argv[1:] == ["--check"]:
        committed = [json.loads(line) for line in FILE.read_text().splitlines()]
        if not NEW_NUMPY:
            made, committed = ([r for r in each if "since" not in r] for each in (made, committed))
        same = made == committed
        print(f"{FILE.name}: {'as committed' if same else 'differs'}")
        return 0 if same else 1
    if not NEW_NUMPY:
        sys.exit("writing needs numpy 2.3 or newer")
    FILE.write_text("".join(json.dumps(record) + "\n" for record in made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
