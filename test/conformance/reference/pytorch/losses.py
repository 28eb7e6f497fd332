"""Losses with options: outputs and gradients of the predictions, as in ops.py."""

import numpy as np
import torch
import torch.nn.functional as F

from jsonl import numbers
from ops import normal, record, tensor

REDUCTIONS = ["mean", "sum", "none"]

LOGITS_SHAPES = [(1, 1), (5, 3), (4, 10), (3, 4, 5), (2, 3, 4, 5), (2, 5, 3, 2, 2)]

# Of losses of pairs; delta and beta are 0.75.
PAIRS = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "huber": lambda x, y, reduction: F.huber_loss(x, y, reduction, 0.75),
    "smooth_l1": lambda x, y, reduction: F.smooth_l1_loss(x, y, reduction=reduction, beta=0.75),
}

# Shapes of logits and of the weights of positive targets.
POSITIVE_WEIGHTS = [
    ((1,), ()),
    ((37,), ()),
    ((5, 3), (3,)),
    ((5, 3), (5, 1)),
    ((2, 3, 4, 5), (3, 1, 1)),
    ((2, 3, 4, 5), (2, 3, 4, 5)),
]

# Of these options, each combination.
SMOOTHINGS = [0, 0.1, 1]
IGNORED = [None, 0, 255]


def records():
    rng = np.random.RandomState(2041)
    yield from indices(rng)
    yield from probabilities(rng)
    yield from divergences(rng)
    yield from pairs(rng)
    yield from positive_weights(rng)


def class_weights(rng, classes) -> np.ndarray:
    """Of very different sizes."""
    return np.exp(normal(rng, classes, 1.5)).astype(np.float32)


def exact(values) -> torch.Tensor:
    """The float32 values that a caller passes, in float64."""
    return torch.from_numpy(np.asarray(values, np.float32).astype(np.float64))


def options_of(reduction, weights=None, ignored=None, smoothing=0) -> tuple:
    """The options under our names and under PyTorch's."""
    ours, theirs = {"reduction": reduction}, {"reduction": reduction}
    if weights is not None:
        ours["classWeights"] = numbers(weights)
        theirs["weight"] = exact(weights)
    if ignored is not None:
        ours["ignoreIndex"] = ignored
        theirs["ignore_index"] = ignored
    if smoothing > 0:
        ours["labelSmoothing"] = smoothing
        theirs["label_smoothing"] = smoothing
    return ours, theirs


def indices(rng):
    for shape in LOGITS_SHAPES:
        size = (shape[0], *shape[2:])
        for reduction in REDUCTIONS:
            for weighted in (False, True):
                for ignored in IGNORED:
                    for smoothing in SMOOTHINGS:
                        target = rng.randint(0, shape[1], size)
                        if ignored is not None:
                            target = np.where(rng.uniform(size=size) < 0.3, ignored, target)
                        if np.all(target == ignored):
                            continue
                        weights = class_weights(rng, shape[1]) if weighted else None
                        ours, theirs = options_of(reduction, weights, ignored, smoothing)
                        against = torch.from_numpy(target)
                        yield record(
                            rng,
                            "cross_entropy",
                            [normal(rng, shape, 2)],
                            lambda x: F.cross_entropy(x, against, **theirs),
                            options=ours,
                            classes=target.ravel().tolist(),
                        )


def distributions(rng, shape) -> np.ndarray:
    weights = np.exp(normal(rng, shape))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def probabilities(rng):
    for shape in LOGITS_SHAPES[1:5]:
        for reduction in REDUCTIONS:
            for weighted in (False, True):
                for smoothing in SMOOTHINGS:
                    target = distributions(rng, shape)
                    weights = class_weights(rng, shape[1]) if weighted else None
                    ours, theirs = options_of(reduction, weights, None, smoothing)
                    yield record(
                        rng,
                        "cross_entropy",
                        [normal(rng, shape, 2)],
                        lambda x: F.cross_entropy(x, exact(target), **theirs),
                        options=ours,
                        targets=numbers(target),
                    )


def divergences(rng):
    """Reduced over the classes, and then over rows as the reduction says."""
    for shape in LOGITS_SHAPES[1:5]:
        for reduction in REDUCTIONS:
            target = distributions(rng, shape)
            target[0, 0] = 0

            def divergence(x):
                losses = F.kl_div(torch.log_softmax(x, 1), exact(target), reduction="none").sum(1)
                return losses if reduction == "none" else getattr(losses, reduction)()

            yield record(
                rng,
                "kl_div",
                [normal(rng, shape, 2)],
                divergence,
                options={"reduction": reduction},
                targets=numbers(target),
            )


def pairs(rng):
    for op, function in PAIRS.items():
        for shape in [(1,), (37,), (2, 3, 4, 5)]:
            for reduction in REDUCTIONS:
                target = normal(rng, shape).astype(np.float32)
                yield record(
                    rng,
                    op,
                    [normal(rng, shape)],
                    lambda x: function(x, exact(target), reduction=reduction),
                    options={"reduction": reduction},
                    targets=numbers(target),
                )


def positive_weights(rng):
    for shape, weighted in [(shape, None) for shape in ((1,), (37,), (2, 3, 4, 5))] + POSITIVE_WEIGHTS:
        for reduction in REDUCTIONS:
            for deviation in (2, 40):
                # Labels, and probabilities.
                for labels in (True, False):
                    uniform = rng.uniform(0, 1, shape)
                    target = (uniform.round() if labels else uniform).astype(np.float32)
                    fields, theirs = {}, {}
                    if weighted is not None:
                        weights = np.asarray(np.exp(normal(rng, weighted, 1.5)), np.float32)
                        fields["weights"] = tensor(weights, weighted)
                        theirs["pos_weight"] = exact(weights)
                    yield record(
                        rng,
                        "binary_cross_entropy",
                        [normal(rng, shape, deviation)],
                        lambda x: F.binary_cross_entropy_with_logits(
                            x, exact(target), reduction=reduction, **theirs
                        ),
                        options={"reduction": reduction},
                        targets=numbers(target),
                        **fields,
                    )
