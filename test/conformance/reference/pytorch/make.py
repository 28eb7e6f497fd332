"""Writes the reference numbers of this folder with PyTorch; see ../README.md.

make.py            writes the *.jsonl files beside this script
make.py --check    computes them anew and compares; exits with 1 where they differ
"""

import argparse
import sys
import tempfile
from pathlib import Path

# Create no __pycache__ among the committed files.
sys.dont_write_bytecode = True

import torch

import batch_norm
import convolution
import jsonl
import layers
import losses
import norms
import ops
import pools
import schedules
import training

FOLDER = Path(__file__).resolve().parent

FILES = {
    "batch_norm.jsonl": batch_norm.records,
    "convolution.jsonl": convolution.records,
    "layers.jsonl": layers.records,
    "losses.jsonl": losses.records,
    "norms.jsonl": norms.records,
    "ops.jsonl": ops.records,
    "pools.jsonl": pools.records,
    "schedules.jsonl": schedules.records,
    "training.jsonl": training.records,
}


def make(folder: Path) -> None:
    for name, records in FILES.items():
        jsonl.write(folder / name, records())


def check() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        for name in FILES:
            found = jsonl.differences(FOLDER / name, Path(folder) / name)
            print(f"{name}: {f'{len(found)} differences' if found else 'as committed'}")
            for difference in found:
                print(f"  {difference}")
            failed += len(found)
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Reference numbers from PyTorch.")
    parser.add_argument("--check", action="store_true", help="compare, change nothing")
    # With several threads the order of sums would depend on the machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if parser.parse_args().check:
        return check()
    make(FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
