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
    # Not to be loaded.
    objects = np.array([1.5, None, {}], dtype=object)
    yield "pickled", npz(np.savez, **{**f4, "bias": objects})
    yield "record", npz(np.savez, **{**f4, "bias": np.zeros(3, dtype=[("a", "<f4"), ("b", "<i2")])})
    yield "integers", npz(np.savez, **{**f4, "bias": np.arange(3)})
    yield "half", npz(np.savez, **{**f4, "bias": np.zeros(3, "<f2")})
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
