"""Pooling of images and signals with every setting: outputs and input gradients, as in ops.py."""

from functools import partial

import numpy as np
import torch.nn.functional as F

from ops import normal, record

# Size, kernel, stride, padding and dilation along an axis. With ceil_mode, a last window that reaches beyond the padding
# counts in some of them, and in others begins there and does not.
AXES = [
    (7, 2, 2, 0, 1),
    (6, 3, 2, 1, 1),
    (8, 3, 2, 1, 1),
    (9, 3, 3, 0, 1),
    (10, 3, 4, 1, 1),
    (5, 4, 3, 2, 1),
    (5, 1, 3, 0, 1),
    (4, 2, 3, 1, 1),
    (3, 2, 3, 1, 1),
    (33, 5, 2, 2, 1),
    (37, 3, 1, 1, 1),
    (1, 1, 1, 0, 1),
    (2, 4, 5, 2, 1),
]

DILATED = [
    (9, 2, 1, 0, 3),
    (11, 3, 2, 1, 2),
    (14, 3, 3, 1, 4),
    (10, 2, 2, 1, 5),
    (35, 4, 1, 2, 2),
    (12, 1, 2, 0, 3),
]

# Length and the length that it is pooled to.
ADAPTIVE = [((3, 12), 4), ((2, 3, 10), 4), ((1, 2, 7), 7), ((2, 1, 5), 8), ((2, 3, 9), 1)]


def records():
    rng = np.random.RandomState(2031)
    yield from images(rng)
    yield from signals(rng)
    for shape, length in ADAPTIVE:
        to = partial(F.adaptive_avg_pool1d, output_size=length)
        yield record(rng, "adaptive_avg_pool", [normal(rng, shape)], to, length=length)


def images(rng):
    axes = AXES + DILATED
    for i, rows in enumerate(axes):
        # Some with the same settings along both axes.
        columns = rows if i % 5 == 0 else axes[rng.randint(len(axes))]
        small = rows[0] * columns[0] < 100
        shape = ((2,), (2, 2), (1, 3))[i % 3] if small else (1, 1)
        shape += (rows[0], columns[0])
        kernel, stride, padding, dilation = (list(pair) for pair in zip(rows[1:], columns[1:]))
        for ceil_mode in (False, True):
            window = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
            yield max_pool(rng, shape, F.max_pool2d, window, dilation)
            if dilation == [1, 1]:
                yield from avg_pools(rng, shape, F.avg_pool2d, window)


def signals(rng):
    for i, (length, kernel, stride, padding, dilation) in enumerate(AXES + DILATED):
        shape = ((3,), (2, 2))[i % 2] + (length,)
        for ceil_mode in (False, True):
            window = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
            yield max_pool(rng, shape, F.max_pool1d, window, dilation)
            if dilation == 1:
                yield from avg_pools(rng, shape, F.avg_pool1d, window)


def max_pool(rng, shape, function, window, dilation):
    # Integers give windows with several maxima.
    x = rng.randint(-2, 3, shape)
    to = partial(function, **arguments(window), dilation=dilation)
    return record(rng, "max_pool", [x], to, **window, dilation=dilation)


def avg_pools(rng, shape, function, window):
    for count_include_pad in (False, True):
        to = partial(function, **arguments(window), count_include_pad=count_include_pad)
        further = {**window, "count_include_pad": count_include_pad}
        yield record(rng, "avg_pool", [normal(rng, shape)], to, **further)


def arguments(window):
    return {"kernel_size" if name == "kernel" else name: value for name, value in window.items()}
