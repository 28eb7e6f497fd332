"""What PyTorch makes of ResNet-8: the numbers that scripts/check-resnet.mjs compares ours with.

make.py FOLDER    trains in float32 and in float64 from the same weights, and writes into FOLDER

batches.safetensors      the batches that the training goes through in turn: x0, classes0, x1, ...
start.safetensors        the weights before the first step
weights-N.safetensors    the weights, and running statistics, of the float32 training before step N
gradients-N.safetensors  of these weights and that step's batch, computed in float64
float32-N.safetensors    the same, computed in float32
losses.json              settings; the losses of both trainings, and those at the weights above

There are twenty sets of weights of 79k floats each, so they are made when they are needed and not committed.
"""

import argparse
import copy
import json
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from network import images, resnet8  # noqa: E402

STEPS = 100
EVERY = 5
BATCH = 64
BATCHES = 8
RATE = 0.05
MOMENTUM = 0.9

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}


def save(path: Path, tensors: dict) -> None:
    """The safetensors format, which Debian has no library for."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.detach().contiguous().numpy().tobytes())


def gradients(net, x, classes) -> tuple:
    """Loss and gradients in the network's own type; the network stays as it is."""
    net = copy.deepcopy(net)
    net.zero_grad()
    loss = F.cross_entropy(net(x), classes)
    loss.backward()
    return loss.item(), {name: parameter.grad for name, parameter in net.named_parameters()}


def train(net, x, classes, before_step=lambda step, batch: None) -> list:
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        batch = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        before_step(step, batch)
        loss = F.cross_entropy(net(x[batch]), classes[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def make(folder: Path) -> None:
    # With more threads the order of sums would depend on the machine.
    torch.set_num_threads(1)
    torch.manual_seed(8)
    start = resnet8()
    x, classes = images(BATCHES * BATCH, seed=1)
    save(folder / "start.safetensors", start.state_dict())
    batches = {}
    for i in range(BATCHES):
        batches[f"x{i}"] = x[i * BATCH : (i + 1) * BATCH]
        batches[f"classes{i}"] = classes[i * BATCH : (i + 1) * BATCH].float()
    save(folder / "batches.safetensors", batches)

    net = copy.deepcopy(start)
    points = []

    def before_step(step, batch):
        if step % EVERY != 0:
            return
        save(folder / f"weights-{step}.safetensors", net.state_dict())
        rounded, of_float32 = gradients(net, x[batch], classes[batch])
        exact, of_float64 = gradients(copy.deepcopy(net).double(), x[batch].double(), classes[batch])
        save(folder / f"float32-{step}.safetensors", of_float32)
        save(folder / f"gradients-{step}.safetensors", of_float64)
        points.append({"step": step, "loss": exact, "float32": rounded})

    losses_float32 = train(net, x, classes, before_step)
    losses = train(copy.deepcopy(start).double(), x.double(), classes)
    results = {
        "torch": torch.__version__,
        "batch": BATCH,
        "batches": BATCHES,
        "lr": RATE,
        "momentum": MOMENTUM,
        "points": points,
        "losses": losses,
        "losses_float32": losses_float32,
    }
    (folder / "losses.json").write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="PyTorch's numbers of ResNet-8.")
    parser.add_argument("folder", type=Path)
    make(parser.parse_args().folder)
