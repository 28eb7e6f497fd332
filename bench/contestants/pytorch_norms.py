"""PyTorch's layer, group and instance norm, in both of its layouts; see norms.mjs for the protocol."""

import sys

sys.dont_write_bytecode = True

import torch

from serve import serve


def prepare(images, groups, channels, plane, threads):
    torch.set_num_threads(threads)
    if plane == 1 and groups == 1:
        return layer_norm(images, channels)
    if channels == 1:
        return instance_norm(images, groups, plane)
    return group_norm(images, groups, channels, plane)


def layer_norm(rows, columns):
    x, dy = torch.randn(rows, columns), torch.randn(rows, columns)
    weight, bias = torch.ones(columns), torch.zeros(columns)
    _, mean, rstd = torch.native_layer_norm(x, [columns], weight, bias, 1e-5)
    return {
        "forward": lambda: torch.native_layer_norm(x, [columns], weight, bias, 1e-5),
        "backward": lambda: torch.ops.aten.native_layer_norm_backward(
            dy, x, [columns], mean, rstd, weight, bias, [True] * 3
        ),
    }


def images_of(images, channels, plane):
    """Random images in both layouts."""
    columns = 1
    while columns * columns < plane:
        columns += 1
    size = (images, channels, columns, columns)
    for layout, memory_format in (("nchw", torch.contiguous_format), ("nhwc", torch.channels_last)):
        yield layout, [torch.randn(size).contiguous(memory_format=memory_format) for _ in range(2)]


def group_norm(images, groups, channels, plane):
    runs = {}
    weight, bias = torch.ones(groups * channels), torch.zeros(groups * channels)
    sizes = (images, groups * channels, plane, groups)
    for layout, (x, dy) in images_of(images, groups * channels, plane):
        _, mean, rstd = torch.native_group_norm(x, weight, bias, *sizes, 1e-5)

        def forward(x=x):
            torch.native_group_norm(x, weight, bias, *sizes, 1e-5)

        runs[f"forward, {layout}"] = forward
        if layout == "nchw":  # it converts the other layout first
            runs["backward, nchw"] = lambda x=x, dy=dy, mean=mean, rstd=rstd: (
                torch.ops.aten.native_group_norm_backward(dy, x, mean, rstd, weight, *sizes, [True] * 3)
            )
    return runs


def instance_norm(images, channels, plane):
    """PyTorch computes it as batch norm of one image with all the channels."""
    runs = {}
    weight, bias = torch.ones(channels), torch.zeros(channels)
    for layout, (x, dy) in images_of(images, channels, plane):

        def forward(x=x):
            torch.instance_norm(x, weight, bias, None, None, True, 0.1, 1e-5, False)

        runs[f"forward, {layout}"] = forward
        if layout == "nhwc":
            continue
        view = (1, images * channels, *x.shape[2:])
        weights = weight.repeat(images)
        one, gradient = x.view(view), dy.view(view)
        _, mean, rstd = torch.native_batch_norm(
            one, weights, bias.repeat(images), None, None, True, 0.1, 1e-5
        )

        def backward(one=one, gradient=gradient, weights=weights, mean=mean, rstd=rstd):
            _, dweight, dbias = torch.ops.aten.native_batch_norm_backward(
                gradient, one, weights, None, None, mean, rstd, True, 1e-5, [True] * 3
            )
            dweight.view(images, channels).sum(0)
            dbias.view(images, channels).sum(0)

        runs["backward, nchw"] = backward
    return runs


with torch.no_grad():
    serve(prepare)
