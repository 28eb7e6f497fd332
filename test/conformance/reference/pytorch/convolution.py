"""Convolutions: outputs and gradients for a given gradient of the output."""

from functools import partial

import numpy as np
import torch.nn.functional as F

from ops import normal, record

# Shape of x, output channels, kernel, stride, padding.
SIZES = [
    ((1, 1, 1, 1), 1, 1, 1, 0),
    ((2, 3, 7, 9), 4, 3, 1, 1),
    ((3, 2, 6, 5), 3, 3, 2, 1),
    ((2, 4, 8, 8), 5, 1, 2, 0),
    ((2, 3, 5, 4), 2, 2, 3, 2),
    ((1, 2, 12, 4), 3, 5, 2, 2),
    ((2, 2, 3, 3), 2, 5, 1, 3),
]

# Larger than any tile, with integers so small that all sums are exact in float32.
EXACT_SIZES = [
    ((2, 20, 18, 18), 13, 3, 1, 1),
    ((2, 12, 15, 20), 9, 3, 2, 1),
    ((3, 40, 8, 8), 8, 3, 1, 1),
]


def records():
    rng = np.random.RandomState(1989)
    for shape, out_channels, kernel, stride, padding in SIZES:
        in_channels = shape[1]
        bound = (in_channels * kernel * kernel) ** -0.5
        weight = normal(rng, (out_channels, in_channels, kernel, kernel), bound)
        operands = [normal(rng, shape), weight, normal(rng, (out_channels,))]
        yield _record(rng, operands, stride, padding)
        yield _record(rng, operands[:2], stride, padding)
    for shape, out_channels, kernel, stride, padding in EXACT_SIZES:
        weight = rng.randint(-2, 3, (out_channels, shape[1], kernel, kernel))
        operands = [rng.randint(-2, 3, shape), weight, rng.randint(-2, 3, (out_channels,))]
        out = [(size + 2 * padding - kernel) // stride + 1 for size in shape[2:]]
        dy = rng.randint(-2, 3, (shape[0], out_channels, *out))
        yield _record(rng, operands, stride, padding, dy=dy, exact=True)
    yield from general(np.random.RandomState(1992))
    yield from signals(np.random.RandomState(1995))
    yield from transposed(np.random.RandomState(2010))


# Shape of x, output channels, kernel rows and columns, and settings that PyTorch takes.
GENERAL = [
    ((2, 3, 7, 9), 4, (1, 3), {}),
    ((2, 2, 9, 6), 3, (5, 2), {"stride": [2, 1], "padding": [2, 1]}),
    ((1, 3, 12, 8), 2, (2, 4), {"stride": [3, 2], "padding": [0, 3], "dilation": [2, 1]}),
    ((2, 2, 11, 11), 4, (3, 3), {"padding": 2, "dilation": 2}),
    ((1, 2, 20, 5), 3, (3, 2), {"stride": 2, "padding": [6, 2], "dilation": [6, 4]}),
    ((2, 3, 6, 7), 4, (3, 5), {"padding": "same"}),
    ((1, 2, 5, 9), 3, (2, 4), {"padding": "same", "dilation": [1, 3]}),
    ((2, 6, 5, 6), 9, (3, 3), {"padding": 1, "groups": 3}),
    ((2, 4, 6, 5), 2, (2, 3), {"stride": [1, 2], "groups": 2}),
    ((2, 5, 8, 17), 5, (3, 3), {"padding": 1, "groups": 5}),
    ((1, 3, 9, 10), 6, (3, 5), {"stride": 2, "padding": [1, 2], "groups": 3}),
    ((2, 3, 10, 9), 9, (3, 2), {"dilation": [2, 3], "padding": "same", "groups": 3}),
    ((1, 33, 4, 4), 33, (3, 3), {"padding": 1, "groups": 33}),
]


def general(rng):
    for shape, out_channels, kernel, settings in GENERAL:
        in_channels = shape[1] // settings.get("groups", 1)
        bound = (in_channels * kernel[0] * kernel[1]) ** -0.5
        weight = normal(rng, (out_channels, in_channels, *kernel), bound)
        operands = [normal(rng, shape), weight, normal(rng, (out_channels,))]
        yield record(rng, "conv2d", operands, partial(F.conv2d, **settings), **settings)


# Shape of x, output channels, kernel and settings that PyTorch takes.
SIGNALS = [
    ((1, 1, 1), 1, 1, {}),
    ((2, 3, 20), 4, 5, {"padding": 2}),
    ((3, 2, 17), 3, 4, {"stride": 3, "padding": 1, "dilation": 2}),
    ((2, 4, 9), 6, 4, {"padding": "same", "groups": 2}),
    ((2, 8, 40), 8, 3, {"padding": 4, "dilation": 4, "groups": 8}),
]


def signals(rng):
    for shape, out_channels, kernel, settings in SIGNALS:
        in_channels = shape[1] // settings.get("groups", 1)
        weight = normal(rng, (out_channels, in_channels, kernel), (in_channels * kernel) ** -0.5)
        operands = [normal(rng, shape), weight, normal(rng, (out_channels,))]
        yield record(rng, "conv1d", operands, partial(F.conv1d, **settings), **settings)


# Shape of x, output channels, kernel and settings that PyTorch takes.
TRANSPOSED = [
    ((1, 1, 1, 1), 1, (1, 1), {}),
    ((2, 3, 4, 5), 2, (3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 4, 5, 3), 6, (2, 4), {"stride": [1, 3], "padding": [0, 2], "groups": 2}),
    ((1, 2, 4, 4), 3, (3, 2), {"dilation": [2, 3], "padding": 1}),
    ((1, 2, 3, 4), 2, (3, 3), {"stride": [3, 2], "dilation": 2, "output_padding": [2, 1]}),
    ((2, 5, 6, 7), 5, (4, 4), {"stride": 2, "padding": 1, "groups": 5}),
    ((2, 2, 3, 3), 3, (1, 1), {"stride": 3}),
    ((2, 3, 11), 4, (4,), {"stride": 2, "padding": 1}),
    ((2, 4, 6), 2, (5,), {"stride": 3, "dilation": 2, "padding": 4, "output_padding": 2, "groups": 2}),
]


def transposed(rng):
    for shape, out_channels, kernel, settings in TRANSPOSED:
        group_channels = out_channels // settings.get("groups", 1)
        weight = normal(rng, (shape[1], group_channels, *kernel), (shape[1] * len(kernel)) ** -0.5)
        operands = [normal(rng, shape), weight, normal(rng, (out_channels,))]
        name = f"conv_transpose{len(kernel)}d"
        function = partial(getattr(F, name), **settings)
        yield record(rng, name, operands, function, **settings)
        yield record(rng, name, operands[:2], function, **settings)


def _record(rng, operands, stride, padding, **further):
    function = partial(F.conv2d, stride=stride, padding=padding)
    settings = {"stride": stride, "padding": padding}
    return record(rng, "conv2d", operands, function, **settings, **further)
