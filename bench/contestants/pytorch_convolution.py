"""PyTorch's convolution and its gradients; implements the protocol of bench/native/server.h."""

import sys

sys.dont_write_bytecode = True

import torch

from serve import serve


def prepare(
    images, in_channels, size, out_channels, kernel, stride, padding, dilation, groups, threads
):
    torch.set_num_threads(threads)
    x = torch.randn(images, in_channels, size, size)
    weight = torch.randn(out_channels, in_channels // groups, kernel, kernel)
    settings = [[stride] * 2, [padding] * 2, [dilation] * 2]
    dy = torch.randn_like(torch.conv2d(x, weight, None, *settings, groups))

    def backward(*wanted):
        torch.ops.aten.convolution_backward(
            dy, x, weight, None, *settings, False, [0, 0], groups, [*wanted, False]
        )

    return {
        "forward": lambda: torch.conv2d(x, weight, None, *settings, groups),
        "by input": lambda: backward(True, False),
        "by weight": lambda: backward(False, True),
    }


with torch.no_grad():
    serve(prepare)
