"""PyTorch's results for ResNet-8, with which tools/check/resnet.mjs compares ours.

make.py FOLDER            trains in float32 and in float64 from the same weights, and writes into FOLDER
make.py FOLDER --masks    computes the gradients again with the ReLU masks in FOLDER/masks-N

batches.safetensors      the batches of the training, used cyclically: x0, classes0, x1, ...
start.safetensors        the weights before the first step
weights-N.safetensors    the weights, and running statistics, of the float32 training before step N
gradients-N.safetensors  of these weights and that step's batch, computed in float64
float32-N.safetensors    the same, computed in float32
losses.json              settings; the losses of both training runs, and those at the weights above

masks-N                  one byte per value of a ReLU, in the order of computation: whether it passed
masked-N.safetensors     like gradients-N, with these masks
masked.json              the losses with them; how many of them are not those of float64, and how far from zero the
                         values are that ReLU got there: within rounding, or the masks are wrong

Of five million values some are zero but for rounding, and one of them on the other side of ReLU's kink moves a gradient
by half a percent, in PyTorch's float32 as in any other. So exact gradients are compared on the same side of each.

There are twenty sets of weights of 79k floats each, so they are made when they are needed and not committed.
"""

import argparse
import copy
import json
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np
import torch
import torch.nn.functional as F

from network import images, resnet8

STEPS = 100
EVERY = 5
BATCH = 64
BATCHES = 8
RATE = 0.05
MOMENTUM = 0.9

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}


def save(path: Path, tensors: dict) -> None:
    """Writes the safetensors format, for which Debian has no library."""
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
    """Loss and gradients in the network's own type, without changing the network."""
    net = copy.deepcopy(net)
    net.zero_grad()
    loss = F.cross_entropy(net(x), classes)
    loss.backward()
    return loss.item(), {name: parameter.grad for name, parameter in net.named_parameters()}


def load(path: Path) -> dict:
    """Reads arrays written by `save`."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    types = {name: dtype for dtype, name in DTYPES.items()}
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = torch.frombuffer(bytearray(content[begin:end]), dtype=types[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


class Masks:
    """ReLU masks of one forward pass, returned in the order in which they are requested."""

    def __init__(self, path: Path):
        self.left = torch.from_numpy(np.fromfile(path, np.uint8))
        self.flipped, self.farthest = 0, 0.0

    def apply(self, x):
        mask = self.left[: x.numel()].reshape(x.shape)
        self.left = self.left[x.numel() :]
        flipped = x.detach()[mask.bool() != (x > 0)]
        self.flipped += flipped.numel()
        if flipped.numel() > 0:
            self.farthest = max(self.farthest, flipped.abs().max().item())
        return x * mask


class MaskedReLU(torch.nn.Module):
    def __init__(self, masks: Masks):
        super().__init__()
        self.masks = [masks]  # in a list, so that it is neither registered nor copied with the module

    def __deepcopy__(self, memo):
        return MaskedReLU(self.masks[0])

    def forward(self, x):
        return self.masks[0].apply(x)


def mask(module, masks: Masks) -> None:
    for name, child in module.named_children():
        if isinstance(child, torch.nn.ReLU):
            setattr(module, name, MaskedReLU(masks))
        else:
            mask(child, masks)


def make_masked(folder: Path) -> None:
    batches = load(folder / "batches.safetensors")
    results = []
    for step in range(0, STEPS, EVERY):
        net = resnet8()
        net.load_state_dict(load(folder / f"weights-{step}.safetensors"))
        masks = Masks(folder / f"masks-{step}")
        mask(net, masks)
        x, classes = batches[f"x{step % BATCHES}"], batches[f"classes{step % BATCHES}"]
        loss, found = gradients(net.double().train(), x.double(), classes.long())
        assert masks.left.numel() == 0
        save(folder / f"masked-{step}.safetensors", found)
        results.append({"loss": loss, "flipped": masks.flipped, "farthest": masks.farthest})
    (folder / "masked.json").write_text(json.dumps(results) + "\n")


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
    parser.add_argument("--masks", action="store_true", help="gradients with given masks")
    arguments = parser.parse_args()
    # With several threads the order of sums would depend on the machine.
    torch.set_num_threads(1)
    (make_masked if arguments.masks else make)(arguments.folder)
