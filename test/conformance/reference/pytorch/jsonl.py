"""Reference records as JSON lines, and the comparison of two such files."""

import json
from pathlib import Path

import numpy as np

# Enough for --check, and shorter than the 17 digits that identify every float64.
FLOAT64_DIGITS = 14

TOLERANCE = 1e-12
# PyTorch's float32 sums depend on the processor's vector length, and training multiplies the
# difference; float64 hides it below TOLERANCE.
FLOAT32_TOLERANCE = 1e-5


def numbers(values) -> list:
    """A flat list: float32 as the shortest decimals that round-trip, float64 rounded."""
    array = np.asarray(values)
    if array.dtype == np.float32:
        return [_shorten(float(str(value))) for value in array.ravel()]
    if array.dtype == np.float64:
        return [_shorten(float(f"{value:.{FLOAT64_DIGITS}g}")) for value in array.ravel()]
    raise TypeError(f"Expected float32 or float64 but received {array.dtype}")


def _shorten(value: float):
    """2 in place of 2.0, except for -0.0, whose sign an integer would lose."""
    whole = value.is_integer() and 0 < abs(value) < 1e6
    return int(value) if whole or str(value) == "0.0" else value


def write(path: Path, records) -> None:
    """One record per line. NaN and infinity, which JSON lacks, are errors."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for record in records:
            json.dump(record, file, allow_nan=False, separators=(",", ":"))
            file.write("\n")


def differences(expected: Path, actual: Path) -> list:
    """Where the files differ by more than the tolerances; empty if they agree."""
    lines = [path.read_text(encoding="ascii").splitlines() for path in (expected, actual)]
    if len(lines[0]) != len(lines[1]):
        return [f"{len(lines[0])} records became {len(lines[1])}"]
    found = []
    for number, (one, other) in enumerate(zip(*lines), start=1):
        found += _compare(json.loads(one), json.loads(other), f"line {number}", TOLERANCE)
    return found


def _compare(expected, actual, place: str, tolerance: float) -> list:
    if type(expected) is not type(actual):
        return [f"{place}: {type(expected).__name__} became {type(actual).__name__}"]
    if isinstance(expected, dict):
        if expected.keys() != actual.keys():
            return [f"{place}: fields {list(expected)} became {list(actual)}"]
        found = []
        for name, value in expected.items():
            own = FLOAT32_TOLERANCE if name.endswith("_float32") else tolerance
            found += _compare(value, actual[name], f"{place}: {name}", own)
        return found
    if isinstance(expected, list):
        if len(expected) != len(actual):
            return [f"{place}: {len(expected)} values became {len(actual)}"]
        if not all(isinstance(value, (int, float)) for value in expected + actual):
            found = []
            for index, pair in enumerate(zip(expected, actual)):
                found += _compare(*pair, f"{place}[{index}]", tolerance)
            return found
        return _compare_numbers(expected, actual, place, tolerance)
    if isinstance(expected, float):
        return _compare_numbers([expected], [actual], place, tolerance)
    return [] if expected == actual else [f"{place}: {expected} became {actual}"]


def _compare_numbers(expected: list, actual: list, place: str, tolerance: float) -> list:
    """Relative to the largest value of the array: a value near zero may be a difference of large ones."""
    if not expected:
        return []
    old, new = np.array(expected, np.float64), np.array(actual, np.float64)
    error = np.abs(old - new).max()
    largest = np.abs(old).max()
    # Written so that a NaN fails.
    if error <= tolerance * largest:
        return []
    return [f"{place}: off by {error:.3g}, where the largest value is {largest:.3g}"]
