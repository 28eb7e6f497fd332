"""Pooling, activations and losses: outputs and input gradients, as in ops.py."""

import numpy as np
import torch
import torch.nn.functional as F

from jsonl import numbers
from ops import normal, powers_of_ten, record

# Shape of x, kernel, stride, padding
WINDOWS = [
    ((1, 1, 1), 1, 1, 0),
    ((2, 5, 7), 2, 2, 0),
    ((2, 3, 6, 9), 3, 1, 1),
    ((2, 2, 9, 35), 3, 2, 1),
    ((1, 2, 7, 20), 2, 3, 0),
    ((1, 1, 10, 11), 5, 3, 2),
]

ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "softmax": lambda x: torch.softmax(x, -1),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.25),
}

LOSSES = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "rmse": lambda x, y: torch.sqrt(F.mse_loss(x, y)),
    "huber": lambda x, y: F.huber_loss(x, y, delta=0.75),
    "smooth_l1": lambda x, y: F.smooth_l1_loss(x, y, beta=0.75),
}


def records():
    rng = np.random.RandomState(2016)
    yield from pooling(rng)
    yield from activations(rng)
    yield from losses(rng)


def pooling(rng):
    for shape, kernel, stride, padding in WINDOWS:
        window = {"kernel": kernel, "stride": stride, "padding": padding}
        # Integers give windows with several maxima.
        for x in (normal(rng, shape), rng.randint(-2, 3, shape)):
            # PyTorch allows at most half of a window in the padding.
            assert 2 * padding <= kernel
            yield record(
                rng, "max_pool", [x], lambda x: F.max_pool2d(x, kernel, stride, padding), **window
            )
        x = normal(rng, shape)
        yield record(
            rng, "avg_pool", [x], lambda x: F.avg_pool2d(x, kernel, stride, padding), **window
        )
        yield record(
            rng, "avg_pool_global", [x], lambda x: F.adaptive_avg_pool2d(x, 1).flatten(-3)
        )


def activations(rng):
    magnitudes = powers_of_ten(-30, 30)
    for name, function in ACTIVATIONS.items():
        for shape in [(1,), (37,), (3, 5), (2, 2, 3, 5)]:
            yield record(rng, name, [normal(rng, shape, 3)], function)
        yield record(rng, name, [np.linspace(-85, 85, 69)], function)
        # The cube in GeLU must be finite only in float64.
        yield record(rng, name, [np.concatenate([magnitudes, -magnitudes])], function)


def losses(rng):
    for shape in [(1,), (37,), (3, 5), (2, 2, 3, 5)]:
        targets = normal(rng, shape).astype(np.float32)
        probabilities = rng.uniform(0, 1, shape).round().astype(np.float32)
        softened = rng.uniform(0, 1, shape).astype(np.float32)
        for name, function in LOSSES.items():
            yield loss(rng, name, normal(rng, shape), targets, function)
        for given in (probabilities, softened):
            for deviation in (2, 40):
                logits = normal(rng, shape, deviation)
                against = F.binary_cross_entropy_with_logits
                yield loss(rng, "binary_cross_entropy", logits, given, against)

    for shape in [(1, 3), (4, 5), (3, 33)]:
        weights = np.exp(normal(rng, shape))
        weights[0, 0] = 0
        targets = (weights / weights.sum(1, keepdims=True)).astype(np.float32)

        def divergence(x, y):
            return F.kl_div(torch.log_softmax(x, 1), y, reduction="batchmean")

        yield loss(rng, "kl_div", normal(rng, shape, 2), targets, divergence)


def loss(rng, name, x, targets, function):
    exact = torch.from_numpy(targets.astype(np.float64))
    return record(rng, name, [x], lambda x: function(x, exact), targets=numbers(targets))
