#!/usr/bin/env python3
"""Numbers of numpy's MT19937.

make.py writes random.jsonl beside this script; make.py --check compares and writes nothing. A record has a seed, the
first numbers of RandomState(seed).random_sample(), and those after `skipped` numbers. numpy guarantees that this stream never
changes (NEP 19).
"""

import json
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "random.jsonl"


def records():
    for seed in [0, 1, 42, 5489, 20261129, 2**31 - 1, 2**31, 2**32 - 1]:
        random = np.random.RandomState(seed)
        first = random.random_sample(8).tolist()
        random.random_sample(10_000)
        yield {"seed": seed, "first": first, "skipped": 10_000, "then": random.random_sample(4).tolist()}


def main() -> int:
    made = list(records())
    if sys.argv[1:] == ["--check"]:
        same = made == [json.loads(line) for line in FILE.read_text().splitlines()]
        print(f"{FILE.name}: {'as committed' if same else 'differs'}")
        return 0 if same else 1
    FILE.write_text("".join(json.dumps(record) + "\n" for record in made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
