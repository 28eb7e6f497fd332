"""PyTorch's batch normalization with the protocol of test/conformance/numerics/serve.ts."""

import json
import sys

import numpy
import torch


def answer(request):
    images, channels, plane = (request["layout"][key] for key in ("images", "channels", "plane"))
    n = images * channels * plane
    values = torch.from_numpy(numpy.fromfile(request["file"], numpy.float32))
    x, dy, scale, bias = values.split([n, n, channels, channels])
    shape = (images, channels, plane, 1)
    mean, var = torch.zeros(channels), torch.ones(channels)
    epsilon = request["epsilon"]
    # With momentum 1 the running variance is that of the batch, with divisor n - 1.
    y, saved_mean, saved_invstd = torch.native_batch_norm(
        x.view(shape), scale, bias, mean, var, True, 1.0, epsilon
    )
    dx, dscale, dbias = torch.ops.aten.native_batch_norm_backward(
        dy.view(shape), x.view(shape), scale, mean, var, saved_mean, saved_invstd, True, epsilon, [True] * 3
    )
    count = images * plane
    var = (var.double() * (count - 1) / count).float()
    results = [y, dx, saved_mean, torch.zeros(channels), var, dscale, dbias]
    with open(request["file"] + ".result", "wb") as file:
        for each in results:
            each.contiguous().numpy().tofile(file)


with torch.no_grad():
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        answer(json.loads(line))
        print("done", flush=True)
