"""Whole training runs of a small network, step by step."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np
import torch
import torch.nn.functional as F

from jsonl import numbers

SAMPLES = 64
BATCH = 32
FEATURES = 12
HIDDEN = 16
CLASSES = 4

# Of the exponential moving average of the weights.
DECAY = 0.9


@dataclass(frozen=True)
class Case:
    steps: int
    # The options of the optimizer, which are written to the file.
    optimizer: dict
    make: Callable
    # Whether to record averages of the weights after each step.
    averaged: bool = False
    # The step schedule of the learning rates, if there is one.
    schedule: Optional[dict] = None


def grouped(network: torch.nn.Module, make: Callable, **options) -> torch.optim.Optimizer:
    """No weight decay for biases and batch norm, a lower rate for linear1, a frozen bias."""
    named = dict(network.named_parameters())
    named.pop("linear2.bias").requires_grad_(False)
    undecayed = [name for name in named if name.endswith(".bias") or name.startswith("bn.")]
    slow = ["linear1.weight"]
    rest = [name for name in named if name not in undecayed + slow]
    return make(
        [
            {"params": [named[name] for name in undecayed], "weight_decay": 0},
            {"params": [named[name] for name in slow], "lr": options["lr"] / 5},
            {"params": [named[name] for name in rest]},
        ],
        **options,
    )


# The same groups in the package's words; a pattern is a regular expression.
GROUPS = [
    {"match": "linear2.bias", "freeze": True},
    {"pattern": "\\.bias$|^bn\\.", "weightDecay": 0},
]


CASES = [
    Case(
        steps=50,
        optimizer={"name": "sgd", "lr": 0.1, "momentum": 0.9},
        make=lambda network: torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9),
        averaged=True,
    ),
    Case(
        steps=200,
        optimizer={"name": "sgd", "lr": 0.05},
        make=lambda network: torch.optim.SGD(network.parameters(), lr=0.05),
    ),
    Case(
        steps=200,
        optimizer={"name": "adam", "lr": 0.002},
        make=lambda network: torch.optim.Adam(network.parameters(), lr=0.002),
    ),
    Case(
        steps=60,
        optimizer={
            "name": "sgd",
            "lr": 0.1,
            "momentum": 0.9,
            "weightDecay": 0.02,
            "groups": [*GROUPS, {"match": "linear1.", "lr": 0.02}],
        },
        make=lambda network: grouped(
            network, torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.02
        ),
        schedule={"every": 20, "factor": 0.5},
    ),
    Case(
        steps=60,
        optimizer={
            "name": "adam",
            "lr": 0.01,
            "weightDecay": {"decoupled": 0.1},
            "groups": [*GROUPS, {"match": "linear1.", "lr": 0.002}],
        },
        make=lambda network: grouped(network, torch.optim.AdamW, lr=0.01, weight_decay=0.1),
        schedule={"every": 20, "factor": 0.5},
    ),
    Case(
        steps=200,
        optimizer={"name": "adam", "lr": 0.01, "weightDecay": 0.01, "amsgrad": True},
        make=lambda network: torch.optim.Adam(
            network.parameters(), lr=0.01, weight_decay=0.01, amsgrad=True
        ),
    ),
]


def records():
    for seed, case in enumerate(CASES):
        yield record(case, np.random.RandomState(seed))


def record(case: Case, rng: np.random.RandomState) -> dict:
    x, classes = samples(rng)
    initial = initial_parameters(rng)
    exact = train(case, initial, x, classes, torch.float64)
    # The effect of rounding alone, as a measure for other float32 implementations.
    rounded = train(case, initial, x, classes, torch.float32)
    return {
        "optimizer": case.optimizer,
        **({} if case.schedule is None else {"schedule": case.schedule}),
        "batch": BATCH,
        "x": {"shape": list(x.shape), "values": numbers(x)},
        "classes": classes.tolist(),
        "initial": {name: numbers(values) for name, values in initial.items()},
        "losses": numbers(exact["losses"]),
        "losses_float32": numbers(rounded["losses"]),
        "final": final_parameters(exact["network"]),
        "final_float32": final_parameters(rounded["network"]),
        "logits": numbers(exact["logits"]),
        "logits_float32": numbers(rounded["logits"]),
        **({"averages": averaged_parameters(exact["averages"])} if case.averaged else {}),
    }


def samples(rng: np.random.RandomState):
    """A noisy cloud around a center for each class: learnable, but not immediately."""
    centers = rng.standard_normal((CLASSES, FEATURES))
    classes = rng.randint(0, CLASSES, SAMPLES)
    x = centers[classes] + 1.5 * rng.standard_normal((SAMPLES, FEATURES))
    return x.astype(np.float32), classes


def initial_parameters(rng: np.random.RandomState) -> dict:
    """Initial values by state dict name; other tensors start with PyTorch's defaults."""
    shapes = {
        "linear1.weight": (HIDDEN, FEATURES),
        "linear1.bias": (HIDDEN,),
        "linear2.weight": (CLASSES, HIDDEN),
        "linear2.bias": (CLASSES,),
    }
    bounds = {"linear1": FEATURES**-0.5, "linear2": HIDDEN**-0.5}
    parameters = {}
    for name, shape in shapes.items():
        bound = bounds[name.split(".")[0]]
        parameters[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
    return parameters


def build(initial: dict, dtype: torch.dtype) -> torch.nn.Module:
    network = torch.nn.Sequential(
        OrderedDict(
            linear1=torch.nn.Linear(FEATURES, HIDDEN),
            as_images=torch.nn.Unflatten(1, (HIDDEN, 1, 1)),
            bn=torch.nn.BatchNorm2d(HIDDEN),
            relu=torch.nn.ReLU(),
            as_rows=torch.nn.Flatten(),
            linear2=torch.nn.Linear(HIDDEN, CLASSES),
        )
    )
    given = {name: torch.from_numpy(values) for name, values in initial.items()}
    network.load_state_dict({**network.state_dict(), **given})
    return network.to(dtype)


def train(case: Case, initial: dict, x: np.ndarray, classes: np.ndarray, dtype) -> dict:
    network = build(initial, dtype)
    optimizer = case.make(network)
    schedule = case.schedule and torch.optim.lr_scheduler.StepLR(
        optimizer, case.schedule["every"], case.schedule["factor"]
    )
    images, targets = torch.from_numpy(x).to(dtype), torch.from_numpy(classes)
    averages = {
        "mean": torch.optim.swa_utils.AveragedModel(network),
        "ema": torch.optim.swa_utils.AveragedModel(network, avg_fn=ema),
    }
    losses = []
    for step in range(case.steps):
        start = step * BATCH % SAMPLES
        batch = slice(start, start + BATCH)
        loss = F.cross_entropy(network(images[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
        for average in averages.values():
            average.update_parameters(network)
    network.eval()
    with torch.no_grad():
        logits = network(images)
    return {
        "losses": np.array(losses),
        "network": network,
        "logits": logits,
        "averages": {name: average.module for name, average in averages.items()},
    }


def ema(average: torch.Tensor, weight: torch.Tensor, _count: torch.Tensor) -> torch.Tensor:
    return DECAY * average + (1 - DECAY) * weight


def averaged_parameters(averages: dict) -> dict:
    return {
        kind: {name: numbers(value.detach()) for name, value in network.named_parameters()}
        for kind, network in averages.items()
    }


def final_parameters(network: torch.nn.Module) -> dict:
    state = network.state_dict()
    return {name: numbers(state[name]) for name in state if state[name].is_floating_point()}
