"""Norms of single samples: outputs and gradients of x, weight and bias, as in ops.py."""

import numpy as np
import torch
import torch.nn.functional as F

from ops import normal, record

# Groups, shape of x.
GROUPS = [
    (1, (2, 4)),
    (2, (3, 4)),
    (2, (3, 6, 5)),
    (3, (2, 6, 3, 5)),
    (6, (2, 6, 4, 4)),
    (4, (1, 8, 2, 3, 4)),
]

# Shape of x, whose channels are the second axis.
INSTANCES = [(1, 1, 9), (2, 3, 7), (2, 3, 5, 5), (3, 2, 2, 3, 4)]

# Last axes, axes before them.
LAST_AXES = [((2,), (2,)), ((5,), (3,)), ((37,), (2, 5)), ((3, 4), (4,)), ((2, 3, 5), (2,)), ((64,), ())]

EPSILON = 1e-5


def records():
    rng = np.random.RandomState(2030)
    yield from group_norms(rng)
    yield from instance_norms(rng)
    yield from layer_norms(rng)
    yield from rms_norms(rng)


def inputs(rng, shape):
    """Values of deviation 1 around 0, far from 0, tiny and huge, and one outlier."""
    outlier = normal(rng, shape)
    outlier.flat[0] = 1e4
    yield normal(rng, shape)
    yield 1e4 + normal(rng, shape)
    yield normal(rng, shape, 1e-4)
    yield 1e9 + normal(rng, shape, 1e8)
    yield outlier


def norm(rng, op, x, parameters, function, **further):
    """One record with and one without parameters."""
    scale = normal(rng, parameters, 2)
    bias = normal(rng, parameters)
    return [
        record(rng, op, [x, scale, bias], function, epsilon=EPSILON, **further),
        record(rng, op, [x], function, epsilon=EPSILON, **further),
    ]


def group_norms(rng):
    for groups, shape in GROUPS:
        for x in inputs(rng, shape):

            def function(x, weight=None, bias=None):
                return F.group_norm(x, groups, weight, bias, EPSILON)

            yield from norm(rng, "group_norm", x, shape[1], function, groups=groups)


def instance_norms(rng):
    for shape in INSTANCES:
        for x in inputs(rng, shape):

            def function(x, weight=None, bias=None):
                return F.instance_norm(x, weight=weight, bias=bias, eps=EPSILON)

            yield from norm(rng, "instance_norm", x, shape[1], function)


def layer_norms(rng):
    for last, outer in LAST_AXES:
        for x in inputs(rng, outer + last):

            def function(x, weight=None, bias=None):
                return F.layer_norm(x, last, weight, bias, EPSILON)

            yield from norm(rng, "layer_norm", x, last, function, axes=len(last))


def rms_norms(rng):
    """PyTorch 1.13 has no such norm; the formula of later versions."""
    for last, outer in LAST_AXES:
        axes = tuple(range(-len(last), 0))
        for x in inputs(rng, outer + last):

            def function(x, weight=None):
                y = x * torch.rsqrt(x.square().mean(axes, keepdim=True) + EPSILON)
                return y if weight is None else y * weight

            scale = normal(rng, last, 2)
            further = {"axes": len(last)}
            yield record(rng, "rms_norm", [x, scale], function, epsilon=EPSILON, **further)
            yield record(rng, "rms_norm", [x], function, epsilon=EPSILON, **further)
