#!/usr/bin/env python3
"""Archives as numpy writes them, of one layer: BatchNorm2D<3> with recognizable values.

make.py writes them; make.py --check compares the bytes and writes nothing.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent

LAYER = {
    "scale": np.array([1.5, -2.25, 0.125]),
    "bias": np.array([0.1, 1e-3, -7.0]),
    "running_mean": np.array([100.5, -1e4, 3e-8]),
    "running_var": np.array([1.0, 2.5e6, 1e-12]),
}
WEIGHT = np.arange(12, dtype=np.float64).reshape(3, 4) / 8


def npz(save, **arrays) -> bytes:
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


def layer(dtype):
    return {name: values.astype(dtype) for name, values in LAYER.items()}


def versioned(version) -> bytes:
    """Entries in a later version of the .npy format, which numpy writes for long headers."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, values in layer("<f4").items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, values, version=version)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
    return out.getvalue()


def zip64() -> bytes:
    """Sizes in zip64 fields, as for archives beyond 4 GiB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, values in layer("<f4").items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, values)
    return out.getvalue()


# Critical values for conversions to float32: ends of ranges, subnormal numbers, and integers for which rounding to
# float64 first would end on a tie.
FLOATS = [0.0, -0.0, 1.0, -1.5, 2**-24, -(2**-14), 1023 / 1024 * 2**-14, 65504, np.inf, -np.inf, np.nan, 1 / 3]
INTEGERS = [0, 1, -1, 127, -128, 2**15 - 1, -(2**15), 2**24 + 1, 2**24 + 3, -(2**24) - 1, 2**31 - 1, -(2**31)]
TIE = 2**60 + 2**36 + 1
LONGS = [TIE, TIE - 1, TIE - 2, -TIE, 2 - TIE, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
UNSIGNED = [0, 255, 2**16 - 1, 2**32 - 1, 2**63 + 2**39 + 1, 2**63 + 2**39, 2**64 - 1, TIE]


def numbers_of(dtype: np.dtype) -> np.ndarray:
    """The numbers above that this type can represent."""
    if dtype.kind == "b":
        return np.array([True, False, True])
    if dtype.kind == "f":
        return np.array(FLOATS).astype(dtype)
    candidates = INTEGERS + LONGS if dtype.kind == "i" else UNSIGNED
    limits = np.iinfo(dtype)
    return np.array([n for n in candidates if limits.min <= n <= limits.max], dtype)


def types() -> dict:
    """One array of each type and byte order, and its conversion to float32 by numpy."""
    arrays = {}
    for descr in ["?", "i1", "u1"] + [o + t for t in ["f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"] for o in "<>"]:
        dtype = np.dtype(descr)
        name = dtype.name if descr[0] != ">" else f"{dtype.name}_big_endian"
        arrays[name] = numbers_of(dtype)
        arrays[f"{name}_as_float32"] = arrays[name].astype("<f4")
    return arrays


def bfloat16() -> bytes:
    """bfloat16 as np.savez writes arrays of ml_dtypes, which Debian does not package."""
    bits = np.array([0x3FC0, 0xC010, 0x3E00], "<u2")  # 1.5, -2.25, 0.125
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, values in layer("<f4").items():
            entry = io.BytesIO()
            if name == "scale":
                header = {"descr": "<V2", "fortran_order": False, "shape": (3,)}
                np.lib.format.write_array_header_1_0(entry, header)
                entry.write(bits.tobytes())
            else:
                np.lib.format.write_array(entry, values)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
    return out.getvalue()


def archives():
    f4 = layer("<f4")
    yield "savez", npz(np.savez, **f4)
    yield "savez-compressed", npz(np.savez_compressed, **f4)
    yield "float64", npz(np.savez, **layer("<f8"))
    yield "big-endian", npz(np.savez, **layer(">f4"))
    yield "big-endian-float64", npz(np.savez_compressed, **layer(">f8"))
    yield "version-2", versioned((2, 0))
    yield "version-3", versioned((3, 0))
    yield "zip64", zip64()
    yield "prefix", npz(np.savez, **{f"encoder.0.{name}": values for name, values in f4.items()})
    extra = {"zzz": np.ones((2, 2)), "objects": np.array([{}, None], dtype=object)}
    yield "extra", npz(np.savez, **f4, **extra, epsilon=np.float64(1e-3), momentum=np.float64(0.25))
    yield "fortran", npz(np.savez, weight=np.asfortranarray(WEIGHT.astype("<f4")), bias=np.zeros(3))
    yield "types", npz(np.savez, **types())
    yield "bfloat16", bfloat16()
    # 2.5e6 is beyond the range of float16.
    halves = {name: values.astype("<f2") for name, values in LAYER.items() if name in ("scale", "bias")}
    yield "half", npz(np.savez, **{**f4, **halves})
    yield "integers", npz(np.savez, **{**f4, "bias": np.arange(3)}, num_batches_tracked=np.int64(7))
    # Arrays that loading must refuse.
    objects = np.array([1.5, None, {}], dtype=object)
    yield "pickled", npz(np.savez, **{**f4, "bias": objects})
    yield "record", npz(np.savez, **{**f4, "bias": np.zeros(3, dtype=[("a", "<f4"), ("b", "<i2")])})
    yield "complex", npz(np.savez, **{**f4, "bias": np.zeros(3, "<c8")})
    yield "text", npz(np.savez, **{**f4, "bias": np.array(["a", "b", "c"])})
    yield "four-channels", npz(np.savez, **{**f4, "running_mean": np.zeros(4, "<f4")})
    yield "matrix", npz(np.savez, **{**f4, "scale": np.zeros((3, 1), "<f4")})
    yield "too-large", npz(np.savez, **{**layer("<f8"), "bias": np.array([0, 1e300, 0])})
    yield "missing", npz(np.savez, scale=f4["scale"], bias=f4["bias"])


def main() -> int:
    differing = []
    for name, content in archives():
        path = FOLDER / f"{name}.npz"
        if "--check" not in sys.argv:
            path.write_bytes(content)
        elif path.read_bytes() != content:
            differing.append(path.name)
    for name in differing:
        print(f"{name}: not as committed")
    return 1 if differing else 0


sys.exit(main())
