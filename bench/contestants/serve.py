"""The protocol of bench/native/server.h for contestants in Python."""

import sys
import time


def serve(prepare):
    """prepare(*numbers) returns functions by name."""
    runs = {}
    for line in sys.stdin:
        command, rest = line.rstrip("\n").split(" ", 1)
        if command == "case":
            runs = prepare(*map(int, rest.split()))
            print("[" + ",".join(f'"{name}"' for name in runs) + "]", flush=True)
        else:
            repeats, name = rest.split(" ", 1)
            run = runs[name]
            run()
            begin = time.perf_counter()
            for _ in range(int(repeats)):
                run()
            print((time.perf_counter() - begin) * 1000 / int(repeats), flush=True)
