"""PyTorch's batch normalization in both of its layouts; implements the protocol of bench/native/server.h."""

import sys

sys.dont_write_bytecode = True

import torch

from serve import serve


def prepare(images, channels, rows, columns, threads):
    torch.set_num_threads(threads)
    runs = {}
    # PyTorch takes a single image as a batch of one.
    for layout, memory_format in (
        ("nchw", torch.contiguous_format),
        ("nhwc", torch.channels_last),
    ):
        x = torch.randn(images, channels, rows, columns).contiguous(memory_format=memory_format)
        dy = torch.randn(images, channels, rows, columns).contiguous(memory_format=memory_format)
        weight, bias = torch.ones(channels), torch.zeros(channels)
        mean, var = torch.zeros(channels), torch.ones(channels)
        _, saved_mean, saved_invstd = torch.native_batch_norm(
            x, weight, bias, mean, var, True, 0.1, 1e-5
        )

        def training(x=x):
            torch.native_batch_norm(x, weight, bias, mean, var, True, 0.1, 1e-5)

        def inference(x=x):
            torch.native_batch_norm(x, weight, bias, mean, var, False, 0.1, 1e-5)

        def backward(x=x, dy=dy, saved_mean=saved_mean, saved_invstd=saved_invstd):
            torch.ops.aten.native_batch_norm_backward(
                dy, x, weight, mean, var, saved_mean, saved_invstd, True, 1e-5, [True] * 3
            )

        for name, run in (("training", training), ("inference", inference), ("backward", backward)):
            runs[f"{name}, {layout}"] = run
    return runs


with torch.no_grad():
    serve(prepare)
