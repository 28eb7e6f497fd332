"""Single operations: outputs and input gradients for a given gradient of the output."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from jsonl import numbers

ARITHMETIC = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}

# Left and right shapes: the right operand has the same shape, is a scalar or a row.
ARITHMETIC_SHAPES = [
    ((), ()),
    ((1,), (1,)),
    ((37,), (37,)),
    ((3, 5), (3, 5)),
    ((2, 2, 3, 5), (2, 2, 3, 5)),
    ((9,), ()),
    ((3, 5), ()),
    ((2, 2, 3, 5), ()),
    ((3, 5), (5,)),
    ((7, 1), (1,)),
    ((1, 33), (33,)),
    ((6, 17), (17,)),
    ((2, 3, 7), (7,)),
]

UNARY_SHAPES = [(), (1,), (37,), (3, 5), (2, 2, 3, 5)]

REDUCED_SHAPES = [(), (1,), (9,), (257,), (3, 5), (2, 3, 7, 7)]

# M, K, N
MATMUL_SIZES = [
    (1, 1, 1),
    (1, 7, 1),
    (1, 33, 5),
    (5, 1, 9),
    (9, 4, 1),
    (3, 5, 2),
    (8, 16, 8),
    (13, 37, 11),
    (33, 19, 31),
]

# In [N, I], O
LINEAR_SIZES = [((1, 1), 1), ((5, 3), 4), ((3, 33), 7), ((1, 9), 17), ((19, 12), 16)]

RESHAPES = [
    ((1,), ()),
    ((), (1, 1)),
    ((12,), (3, 2, 2)),
    ((2, 3, 4), (4, 6)),
    ((5, 3), (5, 3, 1, 1)),
]

# A shape and the new sizes, one of which follows from the others.
INFERRED_SIZES = [((), (-1,)), ((2, 3, 4), (4, -1)), ((2, 3, 4), (-1, 3)), ((6,), (2, -1, 3))]

# A shape and the order of its axes.
PERMUTATIONS = [
    ((3, 5), (1, 0)),
    ((37, 19), (1, 0)),
    ((2, 3, 4), (2, 0, 1)),
    ((2, 3, 5, 4), (0, 2, 3, 1)),
    ((2, 5, 4, 3), (0, 3, 1, 2)),
    ((2, 1, 3, 2, 4), (4, -3, 0, -4, 3)),
    ((2, 2, 3, 2, 2, 3), (5, 3, 1, 4, 2, 0)),
]

# A shape, the axis, and first index, end and step.
SLICES = [
    ((9,), 0, 2, 7, 1),
    ((9,), 0, -6, -1, 2),
    ((4, 7), 1, 1, 100, 3),
    ((3, 5, 2, 4), -3, 1, 4, 1),
    ((3, 5, 2, 4), -1, -100, 3, 2),
]

# Shapes and the axis along which they are joined.
CONCATENATIONS = [
    (((3,), (2,)), 0),
    (((2, 3), (4, 3), (1, 3)), 0),
    (((2, 3, 4), (2, 1, 4), (2, 5, 4)), 1),
    (((2, 3, 2, 4), (2, 3, 2, 1)), -1),
]

# Shapes and the new axis.
STACKS = [(((), (), ()), 0), (((2, 3), (2, 3)), 0), (((2, 3), (2, 3), (2, 3)), 1), (((2, 3), (2, 3)), -1)]

# Operands that are both repeated, or of which the left one is, or the right one not by rows.
BROADCAST_SHAPES = [
    ((2, 3), (2, 1)),
    ((3,), (2, 3)),
    ((), (2, 2)),
    ((2, 1, 3), (1, 4, 1)),
    ((2, 3, 4, 5), (3, 1, 1)),
    ((4, 1, 3), (2, 1)),
]

# Operands of maximum and minimum.
SELECTED_SHAPES = [((4, 5), (4, 5)), ((4, 5), (5,)), ((4, 5), ()), ((2, 1, 3), (4, 1))]

# Images and the size that they are pooled to.
ADAPTED = [((2, 6, 4), (3, 2)), ((2, 3, 7, 5), (3, 4)), ((1, 2, 3, 4), (5, 4)), ((2, 2, 9, 8), (1, 7))]

# A shape and the two axes that change places.
TRANSPOSITIONS = [((4, 7), (0, 1)), ((2, 3, 4), (-1, 0)), ((2, 3, 2, 5), (1, -2))]

# A shape, the axes that are reduced, and whether they are kept with a size of 1.
REDUCED_AXES = [
    ((5,), (0,), True),
    ((3, 5), (0,), False),
    ((3, 5), (1,), False),
    ((4, 3, 5), (1,), False),
    ((4, 3, 5), (0, -1), True),
    ((3, 2, 4, 3), (-1, 0, 2), False),
    ((2, 1, 3, 2), (1, 3), True),
    ((2, 3, 2, 2, 3), (0, 2, 4), False),
    ((2, 3, 2, 2, 3), (1, 2, 3), False),
    ((37, 19), (0,), False),
    ((19, 67), (1,), True),
]

LOGITS_SHAPES = [(1, 1), (4, 1), (1, 10), (4, 3), (7, 10), (3, 33)]


def records():
    rng = np.random.RandomState(2015)
    yield from arithmetic(rng)
    yield from unary(rng)
    yield from reductions(rng)
    yield from products(rng)
    yield from reshapes(rng)
    yield from log_softmax(rng)
    yield from cross_entropy(rng)
    yield from permutations(rng)
    yield from inferred_sizes(rng)
    yield from slices(rng)
    yield from joined(rng)
    yield from broadcasts(rng)
    yield from selections(rng)
    yield from sums_over_axes(rng)
    yield from extrema(rng)
    yield from indices_of_extrema(rng)
    yield from adaptive_pooling(rng)
    yield from means_of_pixels(rng)


def arithmetic(rng):
    for op, function in ARITHMETIC.items():
        for left, right in ARITHMETIC_SHAPES:
            yield record(rng, op, [normal(rng, left), away_from_zero(rng, right)], function)


def powers_of_ten(least, most):
    return np.array([float(f"1e{exponent}") for exponent in range(least, most + 1)])


def unary(rng):
    for shape in UNARY_SHAPES:
        yield record(rng, "exp", [normal(rng, shape, 3)], torch.exp)
        yield record(rng, "log", [np.exp(normal(rng, shape, 3))], torch.log)
        yield record(rng, "sqrt", [np.exp(normal(rng, shape, 3))], torch.sqrt)
        yield record(rng, "square", [normal(rng, shape, 3)], torch.square)
        yield record(rng, "relu", [normal(rng, shape)], torch.relu)

    # Parsed from decimals: numpy's float32 powers differ between processors.
    magnitudes = powers_of_ten(-37, 37)
    around_one = 1 + np.linspace(-0.01, 0.01, 41)
    # The range in which float32 results and gradients are normal and finite.
    yield record(rng, "exp", [np.linspace(-85, 85, 69)], torch.exp)
    yield record(rng, "exp", [np.concatenate([1e-3 * around_one, -1e-6 * around_one])], torch.exp)
    yield record(rng, "log", [magnitudes], torch.log)
    yield record(rng, "log", [around_one], torch.log)
    yield record(rng, "sqrt", [magnitudes], torch.sqrt)
    yield record(rng, "square", [powers_of_ten(-18, 18)], torch.square)
    yield record(rng, "relu", [[-1e30, -1.0, -1e-30, -0.0, 0.0, 1e-30, 1.0, 1e30]], torch.relu)


def reductions(rng):
    for shape in REDUCED_SHAPES:
        # Not around zero: a sum of canceling values says little about the summation.
        yield record(rng, "sum", [0.5 + normal(rng, shape)], torch.sum)
        yield record(rng, "mean", [0.5 + normal(rng, shape)], torch.mean)


def sums_over_axes(rng):
    for shape, axes, keep_dims in REDUCED_AXES:
        fields = {"axes": axes, "keep_dims": keep_dims}
        for op, function in {"sum_axes": torch.sum, "mean_axes": torch.mean}.items():
            to = partial(function, dim=axes, keepdim=keep_dims)
            # Positive, so that the magnitude of each sum is the sum of the magnitudes.
            x = 0.5 + np.abs(normal(rng, shape))
            yield record(rng, op, [x], to, **fields)


def extrema(rng):
    for shape, axes, keep_dims in REDUCED_AXES:
        fields = {"axes": axes, "keep_dims": keep_dims}
        # Few different values, so that several are the extremum and share its gradient.
        for x in (normal(rng, shape), rng.randint(-1, 2, shape)):
            for op, function in {"amax": torch.amax, "amin": torch.amin}.items():
                to = partial(function, dim=axes, keepdim=keep_dims)
                yield record(rng, op, [x], to, **fields)
    for op, function in {"max": torch.max, "min": torch.min}.items():
        yield record(rng, op, [rng.randint(-2, 3, (4, 3, 5))], function)


def indices_of_extrema(rng):
    for shape, axis in [((9,), None), ((3, 5), None), ((3, 5), -1), ((5, 3), 0), ((4, 3, 5), 1)]:
        for x in (normal(rng, shape), rng.randint(-1, 2, shape)):
            for op, function in {"argmax": torch.argmax, "argmin": torch.argmin}.items():
                given = np.asarray(x, np.float32)
                y = function(torch.from_numpy(given), axis, keepdim=axis == 0)
                yield {
                    "op": op,
                    "inputs": [tensor(given, shape)],
                    **({} if axis is None else {"axis": axis, "keep_dims": axis == 0}),
                    "dy": [],
                    "y": tensor(y.double(), y.shape),
                    "gradients": [],
                }


def products(rng):
    for m, k, n in MATMUL_SIZES:
        yield record(rng, "matmul", [normal(rng, (m, k)), normal(rng, (k, n))], torch.matmul)
    # Larger than any tile. Integers so small that all sums are exact in float32 keep the file short, and
    # the result must be equal.
    whole = [rng.randint(-2, 3, (70, 300)), rng.randint(-2, 3, (300, 50))]
    dy = rng.randint(-2, 3, (70, 50))
    yield record(rng, "matmul", whole, torch.matmul, dy=dy, exact=True)

    for (rows, inputs), outputs in LINEAR_SIZES:
        weight = normal(rng, (outputs, inputs), inputs**-0.5)
        operands = [normal(rng, (rows, inputs)), weight, normal(rng, (outputs,))]
        yield record(rng, "linear", operands, F.linear)


def reshapes(rng):
    for shape, to in RESHAPES:
        yield record(rng, "reshape", [normal(rng, shape)], lambda x, to=to: torch.reshape(x, to))


def adaptive_pooling(rng):
    for shape, sizes in ADAPTED:
        to = partial(F.adaptive_avg_pool2d, output_size=sizes)
        yield record(rng, "adaptive_avg_pool", [normal(rng, shape)], to, sizes=sizes)


def means_of_pixels(rng):
    for shape, kernel, stride, padding in ((2, 5, 6), 3, 2, 1), ((1, 2, 4, 5), 2, 1, 1), ((1, 7, 7), 4, 3, 2):
        window = {"kernel": kernel, "stride": stride, "padding": padding}
        to = partial(F.avg_pool2d, kernel_size=kernel, stride=stride, padding=padding, count_include_pad=False)
        yield record(rng, "avg_pool_of_pixels", [normal(rng, shape)], to, **window)


def slices(rng):
    for shape, axis, start, end, step in SLICES:
        indices = (slice(None),) * (axis % len(shape)) + (slice(start, end, step),)
        options = {"axis": axis, "start": start, "end": end, "step": step}
        yield record(rng, "slice", [normal(rng, shape)], lambda x: x[indices], options=options)


def joined(rng):
    for op, function, cases in (("concat", torch.cat, CONCATENATIONS), ("stack", torch.stack, STACKS)):
        for shapes, axis in cases:
            operands = [normal(rng, shape) for shape in shapes]
            yield record(rng, op, operands, lambda *all: function(all, dim=axis), axis=axis)


def broadcasts(rng):
    for op, function in ARITHMETIC.items():
        for left, right in BROADCAST_SHAPES:
            operands = [normal(rng, left), away_from_zero(rng, right)]
            yield record(rng, op, operands, function, broadcast=True)


def selections(rng):
    for op, function in (("maximum", torch.maximum), ("minimum", torch.minimum)):
        for left, right in SELECTED_SHAPES:
            # Some operands are equal, which share the gradient.
            operands = [np.round(normal(rng, shape) * 2) / 2 for shape in (left, right)]
            yield record(rng, op, operands, function)
    for low, high in ((-0.5, 0.5), (0.0, None), (None, 0.25)):
        x = np.round(normal(rng, (4, 5)) * 4) / 4
        bounds = {"min": low, "max": high}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        yield record(rng, "clamp", [x], partial(torch.clamp, **given), options=given)
    for exponent in (3, -1, 0.5, 2.5, 0):
        x = away_from_zero(rng, (3, 4))
        yield record(rng, "pow", [np.abs(x)], lambda x: x**exponent, exponent=exponent)
    for shapes in (((2, 3), (2, 3), (2, 3)), ((2, 1), (3,), ()), ((3,), (2, 1), (4, 1, 1))):
        condition, a, b = (normal(rng, shape) for shape in shapes)
        mask = np.asarray(condition > 0, np.float32)
        to = partial(torch.where, torch.from_numpy(np.asarray(condition > 0)))
        yield record(rng, "where", [a, b], to, condition=tensor(mask, mask.shape))


def inferred_sizes(rng):
    for shape, sizes in INFERRED_SIZES:
        to = partial(torch.reshape, shape=sizes)
        yield record(rng, "reshape", [normal(rng, shape)], to, sizes=sizes)


def permutations(rng):
    for shape, axes in PERMUTATIONS:
        to = partial(torch.permute, dims=axes)
        yield record(rng, "permute", [normal(rng, shape)], to, axes=axes)
    for shape, (axis1, axis2) in TRANSPOSITIONS:
        to = partial(torch.transpose, dim0=axis1, dim1=axis2)
        yield record(rng, "transpose", [normal(rng, shape)], to, axes=[axis1, axis2])


def log_softmax(rng):
    logits = [normal(rng, shape, 2) for shape in [(9,), *LOGITS_SHAPES]]
    logits += [normal(rng, (3, 7), 1000), np.full((2, 5), 1e4), 1e4 + normal(rng, (2, 5))]
    for each in logits:
        yield record(rng, "log_softmax", [each], lambda x: torch.log_softmax(x, -1))


def cross_entropy(rng):
    all_logits = [normal(rng, shape, 2) for shape in LOGITS_SHAPES]
    all_logits += [normal(rng, (5, 7), 1000), 1e4 + normal(rng, (4, 5))]
    for logits in all_logits:
        rows, classes = logits.shape
        indices = rng.randint(0, classes, rows)
        against = partial(F.cross_entropy, target=torch.from_numpy(indices))
        yield record(rng, "cross_entropy_indices", [logits], against, classes=indices.tolist())

        weights = np.exp(normal(rng, logits.shape))
        smoothed = 0.9 * np.eye(classes)[indices] + 0.1 / classes
        for probabilities in (weights / weights.sum(1, keepdims=True), smoothed):
            # Sums to one up to float32 rounding, like the input of a caller.
            given = probabilities.astype(np.float32)
            exact = torch.from_numpy(given.astype(np.float64))
            against = partial(F.cross_entropy, target=exact)
            fields = {"probabilities": numbers(given)}
            yield record(rng, "cross_entropy_probabilities", [logits], against, **fields)


def record(rng, op: str, inputs, function, dy=None, **further) -> dict:
    """Inputs are rounded to float32 first, since a float32 implementation starts from them."""
    operands = [np.asarray(each, np.float32) for each in inputs]
    tensors = [torch.from_numpy(each.astype(np.float64)).requires_grad_() for each in operands]
    y = function(*tensors)
    gradient = np.asarray(rng.standard_normal(y.shape) if dy is None else dy, np.float32)
    y.backward(torch.from_numpy(gradient.astype(np.float64)))
    return {
        "op": op,
        "inputs": [tensor(each, each.shape) for each in operands],
        **further,
        "dy": numbers(gradient),
        "y": tensor(y.detach(), y.shape),
        "gradients": [numbers(each.grad) for each in tensors],
    }


def tensor(values, shape) -> dict:
    return {"shape": list(shape), "values": numbers(values)}


def normal(rng, shape, deviation=1.0) -> np.ndarray:
    return np.asarray(deviation * rng.standard_normal(shape))


def away_from_zero(rng, shape) -> np.ndarray:
    """Values of both signs that are safe divisors."""
    return np.asarray(rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape))
