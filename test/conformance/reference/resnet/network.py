"""ResNet-8 for images of 3 x 32 x 32, with the names of bench/resnet/network.mjs."""

import torch
from torch import nn

CLASSES = 10


def convolution(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def way(inputs, outputs, stride=1):
    """The residual branch of a block: two convolutions of 3 x 3."""
    return nn.Sequential(
        convolution(inputs, outputs, 3, stride),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        convolution(outputs, outputs, 3),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Sequential):
    """f(x) + x, with f as part 0."""

    def forward(self, x):
        return self[0](x) + x


class GeneralizedResidual(nn.Module):
    """f(x) + r(x)"""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.f = way(inputs, outputs, stride)
        self.r = nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.f(x) + self.r(x)


class AvgPoolGlobal(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def resnet8() -> nn.Module:
    return nn.Sequential(
        convolution(3, 16, 3),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Residual(way(16, 16)),
        nn.ReLU(),
        GeneralizedResidual(16, 32, 2),
        nn.ReLU(),
        GeneralizedResidual(32, 64, 2),
        nn.ReLU(),
        AvgPoolGlobal(),
        nn.Linear(64, CLASSES),
    )


def images(count: int, seed: int):
    """Float32 images of CLASSES shifted, noisy patterns, learnable but not immediately, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(CLASSES, 3, 8, 8, generator=generator)
    patterns = nn.functional.interpolate(patterns, scale_factor=4, mode="bilinear")
    classes = torch.randint(0, CLASSES, (count,), generator=generator)
    shifts = torch.randint(-4, 5, (count, 2), generator=generator).tolist()
    shifted = [torch.roll(patterns[c], s, (1, 2)) for c, s in zip(classes.tolist(), shifts)]
    return torch.stack(shifted) + torch.randn(count, 3, 32, 32, generator=generator), classes
