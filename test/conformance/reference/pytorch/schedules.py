"""Learning rates of PyTorch's schedulers step by step."""

import torch
from torch.optim import lr_scheduler as lrs

from jsonl import numbers

LR = 0.2
STEPS = 40


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)


def warm_cosine(sgd: torch.optim.Optimizer):
    rise = lrs.LinearLR(sgd, start_factor=1 / 6, total_iters=5)
    fall = lrs.CosineAnnealingLR(sgd, T_max=STEPS - 5, eta_min=0.01)
    return lrs.SequentialLR(sgd, [rise, fall], milestones=[5])


SCHEDULES = {
    "step": lambda sgd: lrs.StepLR(sgd, step_size=7, gamma=0.3),
    "warmup": lambda sgd: lrs.LinearLR(sgd, start_factor=0.25, total_iters=9),
    "cosine": lambda sgd: lrs.CosineAnnealingLR(sgd, T_max=STEPS, eta_min=0.01),
    "warm_cosine": warm_cosine,
    "one_cycle": lambda sgd: lrs.OneCycleLR(sgd, max_lr=LR, total_steps=STEPS),
    "one_cycle_other": lambda sgd: lrs.OneCycleLR(
        sgd, max_lr=LR, total_steps=STEPS, pct_start=0.55, div_factor=4, final_div_factor=50
    ),
}


def rates(make) -> torch.Tensor:
    sgd = optimizer()
    scheduler = make(sgd)
    found = []
    for step in range(STEPS):
        found.append(sgd.param_groups[0]["lr"])
        sgd.step()
        if step < STEPS - 1:
            scheduler.step()
    return torch.tensor(found, dtype=torch.float64)


def records():
    for name, make in SCHEDULES.items():
        yield {"schedule": name, "lr": LR, "steps": STEPS, "rates": numbers(rates(make))}
