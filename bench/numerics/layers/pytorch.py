"""PyTorch's layers with the protocol of serve.mjs."""

import json
import sys

import numpy
import torch
import torch.nn.functional as functional


def gradients(y, dy, *inputs):
    return [y.detach(), *torch.autograd.grad(y, inputs, dy)]


def convolution(sizes, x, weight, bias, dy):
    images, in_channels, height, width, out_channels, kernel, stride, padding = sizes
    x = x.view(images, in_channels, height, width).requires_grad_()
    weight = weight.view(out_channels, in_channels, kernel, kernel).requires_grad_()
    bias.requires_grad_()
    y = functional.conv2d(x, weight, bias, stride, padding)
    return gradients(y, dy.view(y.shape), x, weight, bias)


def pool(of):
    def operation(sizes, x, dy):
        planes, height, width, kernel, stride, padding = sizes
        x = x.view(1, planes, height, width).requires_grad_()
        y = of(x, kernel, stride, padding)
        return gradients(y, dy.view(y.shape), x)

    return operation


def rows(of):
    def operation(sizes, x, dy):
        x = x.view(sizes).requires_grad_()
        return gradients(of(x, 1), dy.view(sizes), x)

    return operation


def cross_entropy(sizes, x, classes):
    x = x.view(sizes).requires_grad_()
    loss = functional.cross_entropy(x, classes.long())
    return gradients(loss, None, x)


def activation(of, has_gradient=True):
    def operation(_sizes, x, dy):
        x.requires_grad_()
        y = of(x)
        return gradients(y, dy, x) if has_gradient else [y.detach()]

    return operation


operations = {
    "convolution": convolution,
    "maxPool": pool(functional.max_pool2d),
    "avgPool": pool(functional.avg_pool2d),
    "softmax": rows(functional.softmax),
    "logSoftmax": rows(functional.log_softmax),
    "crossEntropy": cross_entropy,
    "exp": activation(torch.exp, False),
    "log": activation(torch.log, False),
    "sigmoid": activation(torch.sigmoid),
    "tanh": activation(torch.tanh),
    "gelu": activation(lambda x: functional.gelu(x, approximate="tanh")),
}

print(f"PyTorch {torch.__version__}", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    values = torch.from_numpy(numpy.fromfile(request["file"], numpy.float32))
    inputs = values.split(request["lengths"])
    results = operations[request["operation"]](request["sizes"], *(each.clone() for each in inputs))
    with open(request["file"] + ".result", "wb") as file:
        for each in results:
            each.contiguous().numpy().tofile(file)
    print("done", flush=True)
