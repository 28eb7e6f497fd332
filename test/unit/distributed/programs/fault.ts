import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { backward, BatchNorm2D, loadCheckpoint, saveCheckpoint, Sgd, Tensor } from 'batchnorm';
import { connect, type Group } from 'batchnorm/distributed';

// Trains a few steps in a group and saves a checkpoint after each. Rank 1 fails in the way that the first argument
// names, at step 5. Without a fault the run continues from the checkpoint in the folder that the second argument
// names, up to step 10.

const [fault = '', folder = '.'] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const failingStep = 5;

const faults: Readonly<Record<string, (group: Group) => unknown>> = {
  throws() {
    throw new Error('a bug of the program');
  },
  // Its worker ends after the other rank has noticed the error.
  lingers() {
    process.on('exit', () => {
      const end = Date.now() + 500;
      while (Date.now() < end);
    });
    throw new Error('a bug of the program');
  },
  rejects() {
    void Promise.reject(new Error('a bug of the program'));
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  exits0: () => process.exit(0),
  exits3: () => process.exit(3),
  closes(group) {
    group.close();
  },
  killed: () => process.kill(process.pid, 'SIGKILL'),
  stopped: () => process.kill(process.pid, 'SIGSTOP'),
  stuck() {
    for (;;);
  },
  late: () => new Promise((resolve) => setTimeout(resolve, 1000)),
  aborts: (group) => group.abort('a reason to stop'),
};

const launchedRank = process.env.OMPI_COMM_WORLD_RANK ?? process.env.PMI_RANK;
if (fault === 'never' && launchedRank === '1') {
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
const patient = fault === 'late' || fault === '';
const group = await connect({ timeout: patient ? 20_000 : 2000 });
const bn = new BatchNorm2D(2);
const training = { model: bn, optimizer: new Sgd({ lr: 0.01 }), progress: { step: 0 } };
const x = Tensor.from(
  Float32Array.from({ length: 32 }, (_, i) => Math.sin(i + group.rank)),
  [4, 2, 2, 2],
);
const file = join(folder, 'checkpoint.npz');
if (existsSync(file)) await loadCheckpoint(file, training);
const log = (text: string) => (parentPort === null ? process.stderr.write(`${text}\n`) : undefined);
log(`rank ${group.rank} starts at step ${training.progress.step}`);
try {
  await train();
} catch (error) {
  // A launcher prints the errors of all ranks.
  const { code, message } = error as { code?: string; message: string };
  parentPort?.postMessage({ rank: group.rank, code, message });
  throw error;
}
const result = Array.from(bn.scale.data).join();
log(`rank ${group.rank} is done: ${result}`);
parentPort?.postMessage(result);

async function train(): Promise<void> {
  while (training.progress.step < 10) {
    const { step } = training.progress;
    if (step === failingStep && group.rank === 1) await faults[fault]?.(group);
    // The launcher's death interrupts this wait.
    if (step === failingStep && fault === 'waits') {
      process.stdout.write(`waiting ${process.pid}\n`);
      if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
    training.optimizer.update(bn, backward(bn.forwardMut(x.trace()).exp().mean()));
    for (const { data } of [bn.scale, bn.bias]) group.allReduce(data, 'mean');
    training.progress.step++;
    if (group.rank === 0) await saveCheckpoint(file, training);
  }
}
