import { backward, crossEntropyWithLogitsLoss, Linear, ReLU, Sequential, Tensor } from 'batchnorm';
import { DataParallel, type Group } from 'batchnorm/distributed';
import { backgroundSums, type HasBackgroundSums } from '#lib/distributed/background-sums';
import { seeded, values } from '../../../support/random.js';
import { hashOf } from './scenarios.js';

/** Two buckets of gradients: the last layers, and the first ones with the rest of the layer between. */
export function makeWideNetwork(seed: number) {
  const rng = seeded(seed);
  return new Sequential(
    new Linear(20, 1000, { rng }),
    new ReLU(),
    new Linear(1000, 700, { rng }),
    new ReLU(),
    new Linear(700, 900, { rng }),
    new ReLU(),
    new Linear(900, 3, { rng }),
  );
}

type Network = ReturnType<typeof makeWideNetwork>;

function lossOf(model: Network, rank: number, count: number) {
  const x = Tensor.from(values(seeded(rank + 5), count * 20), [count, 20]);
  const logits = model.forwardMut(x.trace({ gradient: false }));
  return count === 0
    ? logits.sum()
    : crossEntropyWithLogitsLoss(
        logits,
        Uint8Array.from({ length: count }, (_, i) => i % 3),
      );
}

/** The sums of the gradients of all ranks, one parameter after the other and without buckets. */
function expectedSums(group: Group, model: Network, count: number, total: number) {
  const gradients = backward(lossOf(model, group.rank, count).mul(count / total));
  const sums = model.parameters().map(([, parameter]) => {
    const gradient = gradients.get(parameter);
    if (gradient === undefined) return 'none';
    return hashOf(group.sum(count === 0 ? new Float32Array(gradient.data.length) : gradient.data.slice()));
  });
  gradients.dispose();
  return sums;
}

function sumsOf(parallel: DataParallel, model: Network, count: number) {
  const gradients = parallel.backward(lossOf(model, parallel.group.rank, count), count);
  const sums = model.parameters().map(([, parameter]) => {
    const gradient = gradients.get(parameter);
    return gradient === undefined ? 'none' : hashOf(gradient.data);
  });
  gradients.dispose();
  return sums;
}

/** Gradients of several buckets: with an empty rank, with a frozen layer, and with one that is frozen on rank 1 only. */
async function buckets(group: Group & HasBackgroundSums) {
  const { rank } = group;
  const model = makeWideNetwork(rank + 1);
  const parallel = await DataParallel.create(model, group);
  const sums: Record<'actual' | 'expected', readonly string[]>[] = [];
  const compare = (count: number) => {
    const total = group.sum(Float64Array.of(count))[0];
    const expected = expectedSums(group, model, count, total);
    sums.push({ actual: sumsOf(parallel, model, count), expected });
  };
  compare(2 + rank);
  compare(rank === 1 ? 0 : 3);
  model.freeze('4.');
  compare(1 + rank);
  if (rank !== 1) model.unfreeze('4.');
  let message = 'no error';
  try {
    parallel.backward(lossOf(model, rank, 2), 2);
  } catch (error) {
    message = `${(error as { code?: string }).code ?? ''}: ${(error as Error).message}`;
  }
  model.unfreeze();
  compare(2 + rank);
  return { sums, message, isBackground: group[backgroundSums] !== undefined };
}

export const bucketScenarios: Readonly<Record<string, (group: Group) => unknown>> = { buckets };
