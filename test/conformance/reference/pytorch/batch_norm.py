"""torch.nn.BatchNorm1d, 2d and 3d: training steps with gradients, then inference."""

from dataclasses import dataclass, field
from typing import Callable, Tuple, Union

import numpy as np
import torch

from jsonl import numbers

Images = Callable[[np.random.RandomState, Tuple[int, ...]], np.ndarray]


def per_channel(values, shape: Tuple[int, ...]) -> np.ndarray:
    """A value per channel, or one for all, shaped to broadcast over the images."""
    channels = shape[-3]
    return np.broadcast_to(np.asarray(values, np.float64), (channels,)).reshape(channels, 1, 1)


def normal(mean=0.0, deviation=1.0) -> Images:
    def draw(rng, shape):
        return per_channel(mean, shape) + per_channel(deviation, shape) * rng.standard_normal(shape)

    return draw


def alike(mean=0.0, deviation=1.0) -> Images:
    """The same distribution in each channel, for any number of axes."""

    def draw(rng, shape):
        return mean + deviation * rng.standard_normal(shape)

    return draw


def rectified(rng, shape):
    """As after a ReLU: half of the values are zeros."""
    return np.maximum(rng.standard_normal(shape), 0)


def outlier(rng, shape):
    """The first value of each channel lies far from all others: a poor estimate of their mean."""
    x = rng.standard_normal(shape)
    x[(0,) * (len(shape) - 3) + (slice(None), 0, 0)] = 1e4
    return x


def constant(rng, shape):
    """The first channel is constant."""
    x = rng.standard_normal(shape)
    x[..., 0, :, :] = 1.7
    return x


def sparse(rng, shape):
    """Most gradients are zeros, as after a max pooling."""
    return rng.standard_normal(shape) * (rng.random_sample(shape) < 0.1)


@dataclass(frozen=True)
class Case:
    name: str
    shape: Tuple[int, ...]
    epsilon: float = 1e-5
    momentum: Union[float, str] = 0.1
    steps: int = 1
    x: Images = field(default=normal(0.3, 1.5))
    dy: Images = field(default=normal())
    channel_axis: int = -3
    affine: bool = True
    channels_last: bool = False


CASES = [
    # CHW
    Case("chw", (3, 4, 5)),
    Case("chw, one channel", (1, 7, 7)),
    Case("chw, planes 1x2", (33, 1, 2)),
    Case("chw, planes 1x7", (5, 1, 7)),
    Case("chw, planes 3x5", (17, 3, 5), steps=2),
    Case("chw, planes 9x31", (2, 9, 31)),
    Case("chw, mean 1e4", (3, 7, 7), x=normal([1e4, -1e4, 3.0])),
    # Plane sizes around the vector lengths
    Case("planes 1x1", (16, 3, 1, 1)),
    Case("planes 1x1, 33 channels", (6, 33, 1, 1), steps=2),
    Case("planes 1x3", (3, 4, 1, 3)),
    Case("planes 1x7", (3, 2, 1, 7)),
    Case("planes 2x2", (4, 3, 2, 2), steps=3),
    Case("planes 3x3, 33 channels", (2, 33, 3, 3)),
    Case("planes 3x5", (2, 8, 3, 5)),
    Case("planes 4x8", (2, 2, 4, 8)),
    Case("planes 7x7", (2, 5, 7, 7)),
    Case("planes 9x31", (2, 2, 9, 31)),
    Case("planes 14x14", (2, 3, 14, 14)),
    Case("planes 33x17, one batch", (1, 2, 33, 17)),
    # Few values. With a smaller epsilon, dx would consist of rounding errors.
    Case("two values from two images", (2, 1, 1, 1), epsilon=1e-3),
    Case("two values from one image", (1, 1, 1, 2), epsilon=1e-3, steps=2),
    Case("one batch", (1, 3, 7, 7)),
    Case("one channel", (4, 1, 3, 3)),
    # Values that cancel, overflow or underflow in careless implementations
    Case("mean 1e4", (2, 3, 7, 7), x=normal([1e4, -1e4, 1e4], [1.0, 1.0, 0.5])),
    Case("mean 1e4, planes 1x1", (32, 5, 1, 1), x=normal(1e4)),
    Case("mean 1e4, several steps", (4, 2, 3, 3), steps=4, x=normal([-1e4, 1e4])),
    Case("first value 1e4", (2, 3, 7, 7), x=outlier),
    Case("variance 1e-10", (2, 3, 3, 5), x=normal(0, 1e-5)),
    Case("variance 1e-10, epsilon 1e-3", (2, 3, 3, 5), epsilon=1e-3, x=normal(0, 1e-5)),
    Case("variance 1e10", (2, 3, 3, 5), x=normal(0, 1e5)),
    Case("variance 1e20", (2, 3, 3, 5), x=normal(0, 1e10)),
    Case("a variance for each channel", (3, 5, 4, 3), x=normal(0, [1e-5, 1e-2, 1, 1e3, 1e5])),
    Case("a constant channel", (2, 3, 3, 5), x=constant),
    Case("rectified input", (4, 5, 5, 5), x=rectified),
    Case("sparse gradients", (2, 4, 7, 7), dy=sparse),
    Case("gradients of mean 1e3", (2, 3, 5, 5), dy=normal([1e3, -1e3, 1e3])),
    Case("tiny gradients", (2, 3, 5, 5), dy=normal(0, 1e-12)),
    # Momentum and epsilon
    Case("momentum 0", (3, 4, 3, 3), momentum=0.0, steps=2),
    Case("momentum 0.25", (3, 4, 3, 3), momentum=0.25, steps=3),
    Case("momentum 1", (3, 4, 3, 3), momentum=1.0, steps=2),
    Case("cumulative momentum", (3, 4, 3, 3), momentum="cumulative", steps=4),
    Case("ten steps", (4, 3, 2, 3), steps=10, x=normal(5, 2)),
    Case("epsilon 1e-3", (3, 4, 3, 3), epsilon=1e-3, x=normal(0, 0.03)),
    Case("epsilon 1e-1", (3, 4, 3, 3), epsilon=1e-1, momentum=0.5, steps=2),
]


def with_axes(name: str, shape: Tuple[int, ...], channel_axis: int, **settings) -> Case:
    settings = {"x": alike(0.3, 1.5), "dy": alike(), **settings}
    return Case(name, shape, channel_axis=channel_axis, **settings)


# Other numbers of axes than those of images.
CASES += [
    with_axes("tables", (16, 5), -1),
    with_axes("tables, one channel", (7, 1), -1, steps=2),
    with_axes("tables, as many rows as channels", (9, 9), -1),
    with_axes("tables, 33 channels", (12, 33), -1, momentum="cumulative", steps=3),
    with_axes("tables, mean 1e4", (64, 3), -1, x=alike(1e4)),
    with_axes("signals", (4, 3, 7), -2, steps=2),
    with_axes("signals of one value", (5, 3, 1), -2),
    with_axes("signals, length 100", (2, 5, 100), -2, epsilon=1e-3, momentum=0.5),
    with_axes("signals, mean -1e4", (3, 2, 31), -2, x=alike(-1e4)),
    with_axes("one signal", (3, 9), -2, steps=2),
    with_axes("one signal, one channel", (1, 17), -2),
    with_axes("volumes", (2, 3, 2, 3, 4), -4, steps=2),
    with_axes("volumes of one value", (6, 4, 1, 1, 1), -4),
    with_axes("volumes, mean 1e4", (2, 2, 3, 3, 5), -4, x=alike(1e4)),
    with_axes("volumes, momentum 1", (3, 5, 2, 2, 2), -4, momentum=1.0, steps=2),
    with_axes("one volume", (3, 2, 2, 5), -4),
    with_axes("one volume, planes 4x8", (5, 3, 4, 8), -4, epsilon=1e-3),
]

# Without scale and bias.
CASES += [
    Case("without parameters", (3, 4, 3, 5), affine=False, steps=2),
    Case("without parameters, one image", (2, 7, 9), affine=False),
    Case("without parameters, mean 1e4", (2, 3, 7, 7), affine=False, x=normal([1e4, -1e4, 3.0])),
    with_axes("tables without parameters", (16, 5), -1, affine=False, momentum="cumulative", steps=3),
    with_axes("signals without parameters", (4, 3, 7), -2, affine=False, epsilon=1e-3),
    with_axes("volumes without parameters", (2, 3, 2, 3, 4), -4, affine=False, momentum=0.5, steps=2),
]

# Samples whose channels are the last axis.
CASES += [
    with_axes("signals, channels last", (4, 7, 3), -1, channels_last=True, steps=2),
    with_axes("images, channels last", (2, 5, 4, 3), -1, channels_last=True, steps=2),
    with_axes("images, channels last, 33 channels", (3, 3, 3, 33), -1, channels_last=True),
    with_axes("images, channels last, many rows", (3, 9, 8, 5), -1, channels_last=True, affine=False),
    with_axes("images, channels last, mean 1e4", (2, 9, 9, 3), -1, channels_last=True, x=alike(1e4)),
    with_axes("volumes, channels last", (2, 3, 2, 4, 3), -1, channels_last=True, momentum=0.5),
]

MODULES = {
    -1: torch.nn.BatchNorm1d,
    -2: torch.nn.BatchNorm1d,
    -3: torch.nn.BatchNorm2d,
    -4: torch.nn.BatchNorm3d,
}


def records():
    for seed, case in enumerate(CASES):
        yield record(case, np.random.RandomState(seed))


def record(case: Case, rng: np.random.RandomState) -> dict:
    channels = case.shape[case.channel_axis]
    scale = rng.uniform(0.5, 2, channels).astype(np.float32)
    scale[::3] *= -1
    bias = rng.standard_normal(channels).astype(np.float32)
    running_mean = rng.standard_normal(channels).astype(np.float32)
    running_var = rng.uniform(0.5, 2, channels).astype(np.float32)

    momentum = None if case.momentum == "cumulative" else case.momentum
    # Of a sample's axes, the channels come first in PyTorch.
    axes = 1 - len(case.shape) if case.channels_last else case.channel_axis
    create = MODULES[axes]
    module = create(channels, case.epsilon, momentum, case.affine, dtype=torch.float64)
    if case.affine:
        load(module.weight, scale)
        load(module.bias, bias)
    load(module.running_mean, running_mean)
    load(module.running_var, running_var)

    steps = []
    for _ in range(case.steps):
        x = case.x(rng, case.shape).astype(np.float32)
        dy = case.dy(rng, case.shape).astype(np.float32)
        steps.append(training_step(module, x, dy, case))

    # A layer keeps its statistics in float32, where a mean of 1e4 has an error of up to 5e-4. The same
    # rounding here leaves only the error of inference.
    module.running_mean.copy_(module.running_mean.float())
    module.running_var.copy_(module.running_var.float())
    module.eval()
    with torch.no_grad():
        y_infer = output_of(module(batch_of(x, case)), case)
    axis = {} if case.channel_axis == -3 else {"channel_axis": len(case.shape) + case.channel_axis}
    return {
        "name": case.name,
        "shape": list(case.shape),
        **axis,
        **({"channels_last": True} if case.channels_last else {}),
        "epsilon": case.epsilon,
        "momentum": case.momentum,
        **({"scale": numbers(scale), "bias": numbers(bias)} if case.affine else {}),
        "running_mean": numbers(running_mean),
        "running_var": numbers(running_var),
        "steps": steps,
        "y_infer": numbers(y_infer),
    }


def training_step(module: torch.nn.Module, x: np.ndarray, dy: np.ndarray, case: Case) -> dict:
    module.zero_grad()
    input_ = batch_of(x, case).requires_grad_()
    y = module(input_)
    y.backward(batch_of(dy, case))
    gradients = {}
    if module.affine:
        gradients["dscale"] = numbers(module.weight.grad)
        gradients["dbias"] = numbers(module.bias.grad)
    return {
        "x": numbers(x),
        "dy": numbers(dy),
        "y": numbers(output_of(y.detach(), case)),
        "dx": numbers(output_of(input_.grad, case)),
        **gradients,
        "running_mean": numbers(module.running_mean),
        "running_var": numbers(module.running_var),
    }


def load(target: torch.Tensor, values: np.ndarray) -> None:
    with torch.no_grad():
        target.copy_(torch.from_numpy(values))


def batch_of(values: np.ndarray, case: Case) -> torch.Tensor:
    """As float64 with an axis of samples; an array that begins with the channels becomes a batch of one."""
    batch = values if values.ndim + case.channel_axis > 0 else values[np.newaxis]
    if case.channels_last:
        batch = np.ascontiguousarray(np.moveaxis(batch, -1, 1))
    return torch.from_numpy(batch.astype(np.float64))


def output_of(values: torch.Tensor, case: Case) -> torch.Tensor:
    return torch.movedim(values, 1, -1) if case.channels_last else values
