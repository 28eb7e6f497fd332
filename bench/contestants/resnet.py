"""A training step of ResNet-8 with PyTorch; implements the protocol of bench/native/server.h."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parents[2] / "test/conformance/reference/resnet"))

import torch
import torch.nn.functional as F

from network import CLASSES, resnet8
from serve import serve


def prepare(images, channels, rows, columns, threads):
    torch.set_num_threads(threads)
    net = resnet8().train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    x = torch.randn(images, channels, rows, columns)
    classes = torch.arange(images) % CLASSES

    def step():
        loss = F.cross_entropy(net(x), classes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return {"step": step}


serve(prepare)
