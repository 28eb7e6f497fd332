import {
  Adam,
  backward,
  BatchNorm2D,
  crossEntropyWithLogitsLoss,
  type GradientProvider,
  Linear,
  type NamedTensor,
  type OwnedTape,
  type ParameterGroup,
  Sgd,
  stepSchedule,
  Tensor,
  type Tensor2D,
  type UnusedTensors,
  WeightAverage,
} from 'batchnorm';
import { readCases, type TrainingCase } from '../reference/read.js';
import { expectClose, expectWithin } from '../../support/expect-within.js';

// Relative. PyTorch's own float32 curve differs from its float64 curve by 2e-6.
const lossBound = 1e-5;

// PyTorch's own float32 training ends within 6e-7 of the largest value, in the worst tensor.
const finalBound = 2e-6;

const hidden = 16;

const torchNames: Readonly<Record<string, string>> = {
  scale: 'weight',
  runningMean: 'running_mean',
  runningVar: 'running_var',
};

class Network {
  readonly linear1 = new Linear(12, hidden);
  readonly bn = new BatchNorm2D(hidden);
  readonly linear2 = new Linear(hidden, 4);

  readonly #layers = { linear1: this.linear1, bn: this.bn, linear2: this.linear2 };

  train(x: Tensor2D<number, 12, OwnedTape>): Tensor2D<number, 4, OwnedTape> {
    const rows = x.shape[0];
    const images = this.linear1.forward(x).reshape([rows, hidden, 1, 1]);
    return this.linear2.forward(this.bn.forwardMut(images).relu().reshape([rows, hidden]));
  }

  infer(x: Tensor2D<number, 12>): Tensor2D<number, 4> {
    const rows = x.shape[0];
    const images = this.linear1.forward(x).reshape([rows, hidden, 1, 1]);
    return this.linear2.forward(this.bn.forward(images).relu().reshape([rows, hidden]));
  }

  /** Tensors with PyTorch's names. */
  parameters(): NamedTensor[] {
    return Object.entries(this.#layers).flatMap(([layer, module]) =>
      module
        .parameters()
        .map(([name, tensor]): NamedTensor => [`${layer}.${torchNames[name] ?? name}`, tensor]),
    );
  }

  update(provider: GradientProvider, unused: UnusedTensors): void {
    for (const layer of Object.values(this.#layers)) layer.update(provider, unused);
  }
}

describe('training compared with PyTorch', () => {
  for (const reference of readCases<TrainingCase>('pytorch/training.jsonl')) {
    const settings = JSON.stringify(reference.optimizer);
    it(`${reference.losses.length} steps of ${settings}`, () => {
      follow(reference);
    });
  }
});

/** The gradient of the bias before batch norm consists of rounding errors, which Adam scales to full steps; the
 * running mean follows it. PyTorch's float32 and float64 runs end far from each other in them. */
function isNoise({ final, final_float32, optimizer }: TrainingCase, name: string): boolean {
  const largest = Math.max(...final[name].map(Math.abs));
  const own = Math.max(...final[name].map((value, i) => Math.abs(value - final_float32[name][i])));
  return optimizer.name === 'adam' && own > 1e-3 * largest;
}

function follow(reference: TrainingCase): void {
  const { x, classes, batch, optimizer } = reference;
  const network = new Network();
  for (const [name, tensor] of network.parameters()) {
    if (name in reference.initial) tensor.data.set(reference.initial[name]);
  }
  const { name: kind, groups: given = [], ...rest } = optimizer;
  const groups = given.map(({ pattern, ...group }) =>
    pattern === undefined ? (group as ParameterGroup) : { ...group, match: new RegExp(pattern) },
  );
  const options = { ...rest, groups };
  const stepper = kind === 'adam' ? new Adam(options) : new Sgd(options);
  const schedule = reference.schedule && stepSchedule({ lr: optimizer.lr, ...reference.schedule });
  const averages = { mean: new WeightAverage(network), ema: new WeightAverage(network, { decay: 0.9 }) };
  const losses = reference.losses.map((_, step) => {
    const start = (step * batch) % classes.length;
    const images = Tensor.from(x.values.slice(start * 12, (start + batch) * 12), [batch, 12]);
    const logits = network.train(images.trace());
    const loss = crossEntropyWithLogitsLoss(logits, classes.slice(start, start + batch));
    if (schedule !== undefined) stepper.lr = schedule(step);
    stepper.update(network, backward(loss));
    for (const average of Object.values(averages)) average.update();
    return loss.item();
  });

  expectWithin(losses, reference.losses, (i) => lossBound * reference.losses[i], 'loss');
  for (const [name, tensor] of network.parameters()) {
    if (isNoise(reference, name)) continue;
    expectClose(tensor.data, reference.final[name], finalBound, name);
  }
  for (const kind of ['mean', 'ema'] as const) {
    const copy = new Map(averages[kind].copyTo(new Network()).parameters());
    for (const [name, values] of Object.entries(reference.averages?.[kind] ?? {})) {
      expectClose(copy.get(name)?.data ?? [], values, finalBound, `${kind} of ${name}`);
    }
  }
  // The running mean lags behind the noise of this bias, which shifts the results of inference.
  if (isNoise(reference, 'bn.running_mean')) return;
  const logits = network.infer(Tensor.from(x.values, [classes.length, 12]));
  expectClose(logits.data, reference.logits, finalBound, 'logits of inference');
}
