import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { crossEntropyWithLogitsLoss, Sgd, Tensor } from 'batchnorm';
import { DataParallel, type Group } from 'batchnorm/distributed';
import { seeded, values } from '../../../support/random.js';
import { makeNetwork } from './fit-scenarios.js';
import { hashOf } from './scenarios.js';

/** Trains with as many samples on each rank as `countOf` says, which differ by rank and step. */
async function train(
  group: Group,
  steps: number,
  countOf: (step: number) => number,
  onStep: (step: number) => void,
) {
  const { model } = makeNetwork(group.rank + 1);
  const optimizer = new Sgd({ lr: 0.05, momentum: { nesterov: 0.9 } });
  const parallel = await DataParallel.create(model, group, { optimizer });
  const rng = seeded(group.rank + 11);
  for (let step = 0; step < steps; step++) {
    const count = countOf(step);
    const x = Tensor.from(values(rng, count * 72), [count, 2, 6, 6]);
    const logits = model.forwardMut(x.trace({ gradient: false }));
    const labels = Uint8Array.from({ length: count }, (_, i) => (i + step) % 3);
    const loss = count === 0 ? logits.sum() : crossEntropyWithLogitsLoss(logits, labels);
    optimizer.update(model, parallel.backward(loss, count));
    x.dispose();
    onStep(step);
  }
  return model.parameters().map(([, tensor]) => hashOf(tensor.data));
}

/** MiB that objects of JavaScript occupy, and MiB of the process beside the heaps of its ranks. */
export type Memory = Readonly<Record<'objects' | 'others', number>>;

/**
 * Measures after collecting garbage. The heaps count by what is in them, because V8 enlarges that of a worker by 16 MiB at
 * times, long after the start.
 */
function memoryOf(group: Group): Memory {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, heapTotal } = process.memoryUsage();
  // All workers are in one process.
  const heaps = group.transport === 'workers' ? group.sum(Float64Array.of(heapTotal))[0] : heapTotal;
  const others = process.memoryUsage.rss() - heaps;
  group.barrier();
  return { objects: heapUsed / 2 ** 20, others: others / 2 ** 20 };
}

const leakSteps = 10_000;

export const stepScenarios: Readonly<Record<string, (group: Group) => unknown>> = {
  /** Hashes of the parameters and statistics after 100 steps. Rank 1 has no samples in every fifth step. */
  steps: (group) =>
    train(
      group,
      100,
      (step) => (group.rank === 1 && step % 5 === 0 ? 0 : 1 + ((3 * group.rank + step) % 4)),
      () => undefined,
    ),

  /** Ranks that may differ in what they compute with. */
  different: (group) =>
    train(
      group,
      1,
      () => 1,
      () => undefined,
    ),

  /** Memory after a tenth of many steps, and at the end. */
  async leak(group) {
    const memory: Memory[] = [];
    await train(
      group,
      leakSteps,
      (step) => 1 + ((step + group.rank) % 3),
      (step) => {
        if (step === leakSteps / 10 || step === leakSteps - 1) memory.push(memoryOf(group));
      },
    );
    return memory;
  },
};
