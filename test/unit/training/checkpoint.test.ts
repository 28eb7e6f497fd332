import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  Adam,
  BatchNorm2D,
  FileFormatError,
  Flatten2D,
  Linear,
  loadCheckpoint,
  NpzReader,
  ReLU,
  saveCheckpoint,
  Sequential,
  Sgd,
  type Training,
} from 'batchnorm';
import { expect } from 'chai';
import { expectRejection, type Untyped } from '../../support/errors.js';
import { node } from '../../support/node-process.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { bitsOf, generator, loadRun, makeRun, optimizerNames, saveRun, train } from './train-and-resume.js';

const resume = fileURLToPath(new URL('resume.js', import.meta.url));

describe('checkpoints', () => {
  const path = temporaryDirectory();

  it('resume bit for bit in new objects and in a new process', async () => {
    const whole: Record<string, Record<string, string>> = {};
    const paths: string[] = [];
    for (const name of optimizerNames) {
      const run = makeRun(name, 1);
      train(run, 5);
      whole[name] = bitsOf(run);

      const first = makeRun(name, 1);
      train(first, 2);
      await saveRun(path(`${name}.npz`), first);
      const halfway = bitsOf(first);
      expect(halfway, name).not.to.deep.equal(whole[name]);

      const second = makeRun(name, 77);
      train(second, 1); // state that loading must replace
      await loadRun(path(`${name}.npz`), second);
      expect(bitsOf(second), name).to.deep.equal(halfway);
      train(second, 3);
      expect(bitsOf(second), name).to.deep.equal(whole[name]);
      paths.push(`${name}=${path(`${name}.npz`)}`);
    }
    const output = execFileSync(node.file, node.args(resume, '3', '5', ...paths), { encoding: 'utf8' });
    expect(JSON.parse(output)).to.deep.equal(whole);
    // All parameters and moments are compared.
    expect(Object.keys(whole.adam)).to.include.members([
      '2.weight.npy',
      'optimizer.adam.moment2.4.bias.npy',
      'optimizer.adam.steps.npy',
    ]);
    expect(Object.keys(whole.sgd)).to.include('optimizer.sgd.velocity.0.scale.npy');
    expect(Object.keys(whole.rmsprop)).to.include('optimizer.rmsprop.mean_gradient.2.weight.npy');
  });

  it('have the documented entries, and can be read by model.load', async () => {
    const run = makeRun('adam', 1);
    train(run, 1);
    await saveRun(path('run.npz'), run);
    const zip = await NpzReader.open(path('run.npz'));
    const [own, rest] = [false, true].map((is) =>
      zip.names.filter((name) => name.startsWith('checkpoint.') === is),
    );
    zip.close();
    await run.training.model.save(path('model.npz'));
    const model = await NpzReader.open(path('model.npz'));
    expect(own).to.deep.equal([...model.names]);
    model.close();
    expect(rest).to.include.members([
      ...['lr', 'steps', 'beta1', 'moment1.2.weight'].map((n) => `checkpoint.optimizer.adam.${n}.npy`),
      'checkpoint.generator.shuffle.npy',
      ...['scheduler.step', 'stopping.best'].map((name) => `checkpoint.part.${name}.npy`),
      'checkpoint.progress.epoch.npy',
    ]);
    const served = makeRun('sgd', 50).training.model;
    await served.load(path('run.npz'));
    await served.save(path('served.npz'));
    expect(readFileSync(path('served.npz'))).to.deep.equal(readFileSync(path('model.npz')));
    expect(readdirSync(path()).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
  });

  describe('of a different training are refused and change nothing:', () => {
    /** Loading must fail with a message that contains all `parts` and leave the run unchanged. */
    async function expectRefused(
      change: (training: ReturnType<typeof makeRun>['training']) => Training,
      ...parts: string[]
    ): Promise<void> {
      const saved = makeRun('adam', 1);
      train(saved, 1);
      await saveRun(path('saved.npz'), saved);
      const other = makeRun('adam', 2);
      train(other, 1);
      const before = bitsOf(other);
      const loading = loadCheckpoint(path('saved.npz'), change(other.training));
      await expectRejection(loading, FileFormatError, path('saved.npz'), ...parts);
      expect(bitsOf(other)).to.deep.equal(before);
    }
    const network = (hidden: number, rng = seeded(1)) =>
      new Sequential(
        new BatchNorm2D(2),
        new Flatten2D(),
        new Linear(18, hidden, { rng }),
        new ReLU(),
        new Linear(hidden, 3, { rng }),
      );

    it('layers of a different size', () =>
      expectRefused((t) => ({ ...t, model: network(8) }), 'shape [8, 18]', '"2.weight.npy"', '[7, 18]'));

    it('missing layers', () =>
      expectRefused(
        (t) => ({ ...t, model: new Sequential(t.model, new Linear(3, 3)) }),
        'one entry of this name',
        '"0.0.scale.npy"',
        'none',
      ));

    it('extra layers', () =>
      expectRefused(
        ({
          model: {
            layers: [norm, flatten, linear],
          },
          progress,
        }) => ({ model: new Sequential(norm, flatten, linear), progress }),
        'no entries besides',
        '"4.weight.npy" and',
      ));

    it('a different optimizer', () =>
      expectRefused(
        (t) => ({ ...t, optimizer: new Sgd({ momentum: 0.9 }) }),
        'an optimizer Sgd',
        'checkpoint.optimizer.adam.lr.npy',
      ));

    it('no optimizer', () =>
      expectRefused(
        ({ optimizer: _, ...rest }) => rest,
        'no entries besides',
        'checkpoint.optimizer.adam.lr.npy',
      ));

    it('a different setting of the optimizer', () =>
      expectRefused(
        (t) => ({ ...t, optimizer: new Adam({ betas: [0.9, 0.9], weightDecay: { decoupled: 1e-2 } }) }),
        'the beta2',
        '0.9,',
        'adam.beta2.npy',
        '0.999',
      ));

    describe('groups:', () => {
      const lr = 0.05;
      const groups = [
        { match: '4.bias', freeze: true },
        { match: /^0\./, weightDecay: 1e-2, betas: [0.8, 0.99] as const },
        { match: '2.', lr: 0.01 },
      ];
      /** A checkpoint with these groups is refused for another optimizer. */
      async function expectOther(optimizer: Adam, ...parts: string[]): Promise<void> {
        const saved = makeRun('grouped', 1);
        train(saved, 1);
        await saveRun(path('grouped.npz'), saved);
        const other = makeRun('grouped', 2);
        const before = bitsOf(other);
        const loading = loadCheckpoint(path('grouped.npz'), { ...other.training, optimizer });
        await expectRejection(loading, FileFormatError, path('grouped.npz'), ...parts);
        expect(bitsOf(other)).to.deep.equal(before);
      }

      it('none', () => expectOther(new Adam({ lr }), 'one entry of this name', 'moment1.4.bias', 'none'));

      it('another setting', () =>
        expectOther(
          new Adam({ lr, groups: [groups[0], { ...groups[1], weightDecay: 2e-2 }, groups[2]] }),
          'the groups.1.l2',
          '0.02,',
          '0.01',
        ));

      it('another ratio of learning rates', () =>
        expectOther(new Adam({ lr: 0.04, groups }), 'the groups.2.lr_factor', '0.25,', '0.2'));

      it('the same settings for other parameters', () =>
        expectOther(
          new Adam({ lr, groups: [groups[0], groups[1], { match: '2.weight', lr: 0.01 }] }),
          'the parameter 2.bias in no group',
          'it in groups[2]',
        ));
    });

    it('a different kind of generator', () =>
      expectRefused(
        (t) => ({ ...t, generators: { shuffle: { getState: () => [1], setState: () => undefined } } }),
        'shape [1]',
        'checkpoint.generator.shuffle.npy',
        '[4]',
      ));

    it('a different name of a generator, a part or a number', async () => {
      await expectRefused(
        (t) => ({ ...t, generators: { other: t.generators.shuffle } }),
        'checkpoint.generator.other.npy',
        'none',
      );
      await expectRefused(
        (t) => ({ ...t, parts: { lr: t.parts.scheduler } }),
        'checkpoint.part.lr.step.npy',
        'none',
      );
      await expectRefused((t) => ({ ...t, progress: { round: 0 } }), 'checkpoint.progress.round.npy', 'none');
    });
  });

  it('change nothing if a generator refuses its state', async () => {
    const saved = makeRun('adam', 1);
    train(saved, 1);
    await saveCheckpoint(path('two.npz'), {
      ...saved.training,
      generators: { a: generator(1).state, b: generator(2).state },
    });
    const other = makeRun('adam', 2);
    const [before, first] = [bitsOf(other), generator(5).state];
    const state = [...first.getState()];
    const refusing = {
      getState: () => [1, 2, 3, 4],
      setState: () => {
        throw new RangeError('no state of mine');
      },
    };
    const loading = loadCheckpoint(path('two.npz'), {
      ...other.training,
      generators: { a: first, b: refusing },
    });
    await expectRejection(loading, Error, 'no state of mine');
    expect(bitsOf(other)).to.deep.equal(before);
    expect(first.getState()).to.deep.equal(state);
  });

  it('refuse invalid training objects by name', async () => {
    const { training } = makeRun('sgd', 1);
    const save = (value: unknown) => (saveCheckpoint as Untyped)(path('x.npz'), value) as Promise<void>;
    await expectRejection(save(undefined), TypeError, 'for training', 'undefined');
    await expectRejection(save({}), TypeError, 'write() for model', 'undefined');
    await expectRejection(save({ ...training, epoch: 1 }), TypeError, 'in training', '"epoch"');
    await expectRejection(save({ ...training, optimizer: {} }), TypeError, 'write() for optimizer');
    await expectRejection(
      save({ ...training, generators: { rng: Math.random } }),
      TypeError,
      'getState() for generators.rng',
    );
    await expectRejection(save({ ...training, generators: { 0: 1 } }), TypeError, 'generators.0', '1');
    await expectRejection(save({ ...training, generators: [1] }), TypeError, 'for generators', 'an Array');
    await expectRejection(
      save({ ...training, generators: { a: { getState: () => 'x', setState: () => 0 } } }),
      TypeError,
      'generators.a.getState()',
      '"x"',
    );
    await expectRejection(save({ ...training, parts: { a: {} } }), TypeError, 'write() for parts.a');
    await expectRejection(
      save({ ...training, progress: { epoch: '1' } }),
      TypeError,
      'progress.epoch',
      '"1"',
    );
    await expectRejection(save({ ...training, progress: 1 }), TypeError, 'for progress', '1');
    const load = loadCheckpoint as Untyped;
    await expectRejection(load(5, training) as Promise<void>, TypeError, 'a path', '5');
    await expectRejection(load(path('x.npz'), { model: 1 }) as Promise<void>, TypeError, 'for model', '1');
  });
});
