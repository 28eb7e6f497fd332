import { runInNewContext } from 'node:vm';
import {
  Adam,
  backward,
  BatchNorm2D,
  Conv2D,
  DataLoader,
  Dropout,
  EarlyStopping,
  Linear,
  loadCheckpoint,
  loadNpz,
  moduleFromJSON,
  ReLU,
  saveCheckpoint,
  Sgd,
  stepSchedule,
  Tensor,
} from 'batchnorm';
import { batchNormInference } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

class WithAccessors {
  #lr = 0.5;
  get lr() {
    return this.#lr;
  }
  set lr(value: number) {
    this.#lr = value;
  }
}

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

/** Objects that are not options objects. */
const noOptions: Readonly<Record<string, () => unknown>> = {
  'a map': () => new Map([['lr', 0.1]]),
  'a set': () => new Set(['lr']),
  'a promise': () => Promise.resolve({ lr: 0.1 }),
  'a date': () => new Date(),
  'a regular expression': () => /lr/,
  'a boxed number': () => Object(0.1) as object,
  'a boxed string': () => Object('') as object,
  'an error': () => new Error('lr'),
  'an empty array': () => [],
  'an empty Float32Array': () => new Float32Array(0),
  'an ArrayBuffer': () => new ArrayBuffer(0),
  'a weak map': () => new WeakMap(),
  'a generator': () => [].values(),
  'a function': () => () => ({ lr: 0.1 }),
  'a layer without parameters': () => new ReLU(),
  'a layer': () => new Linear(1, 1),
  'an optimizer': () => new Sgd(),
  'an instance with accessors only': () => new WithAccessors(),
  'a map of another realm': () => runInNewContext('new Map()') as object,
  'a promise of another realm': () => runInNewContext('Promise.resolve({})') as object,
  'a revoked proxy': revoked,
};

/** Objects with unknown names. */
const unknownNames: Readonly<Record<string, () => unknown>> = {
  'an own name': () => ({ lrr: 0.1 }),
  'an inherited name': () => Object.create({ lrr: 0.1 }) as object,
  'a name inherited from an object without prototype': () =>
    Object.create(Object.assign(Object.create(null) as object, { lrr: 0.1 })) as object,
  'a symbol': () => ({ [Symbol('lr')]: 0.1 }),
};

type Take = (options: never) => unknown;

/** Functions with options, called with otherwise valid arguments. */
const takers: Readonly<Record<string, Take>> = {
  Adam: (options) => new Adam(options),
  Sgd: (options) => new Sgd(options),
  'momentum of Sgd': (options) => new Sgd({ momentum: options }),
  'weightDecay of Adam': (options) => new Adam({ weightDecay: options }),
  BatchNorm2D: (options) => new BatchNorm2D(3, options),
  Conv2D: (options) => new Conv2D(1, 1, 1, options),
  Linear: (options) => new Linear(1, 1, options),
  Dropout: (options) => new Dropout(0.5, options),
  trace: (options) => Tensor.zeros([1]).trace(options),
  backward: (options) => backward(Tensor.zeros([]).trace().exp(), options),
  stepSchedule: (options) => stepSchedule(options),
  EarlyStopping: (options) => new EarlyStopping(options),
  DataLoader: (options) => new DataLoader({ features: new Float32Array(1), shape: [1] }, options),
  moduleFromJSON: (options) => moduleFromJSON({ type: 'ReLU' }, options),
};

describe('an options object', () => {
  for (const [name, take] of Object.entries(takers)) {
    it(`of ${name} may not be an instance of a built-in class or a layer`, () => {
      for (const [what, make] of Object.entries(noOptions)) {
        let failure: unknown;
        try {
          take(make() as never);
        } catch (error) {
          failure = error;
        }
        expect(failure, what).to.be.instanceOf(TypeError);
        const { code, message } = failure as { code?: unknown; message: string };
        // A layer with fields is recognized by them.
        const expected = what === 'a layer' ? 'ERR_BATCHNORM_UNKNOWN_OPTION' : 'ERR_BATCHNORM_TYPE';
        expect(code, what).to.equal(expected);
        if (what !== 'a layer') expect(message, what).to.match(/^Expected .* for \w+ but received /);
      }
    });

    it(`of ${name} has no unknown names, inherited or not`, () => {
      for (const make of Object.values(unknownNames)) {
        expectError(() => take(make() as never), TypeError, 'Expected the names ', 'but received "');
      }
    });
  }

  it('may be plain, of any realm, without a prototype, inherit its values or be a class with fields', () => {
    class Options {
      lr = 0.5;
    }
    const bare = Object.create(null) as { lr: number };
    bare.lr = 0.5;
    const all: readonly unknown[] = [
      { lr: 0.5 },
      bare,
      Object.create({ lr: 0.5 }),
      Object.create(bare),
      new Options(),
      new Proxy({ lr: 0.5 }, {}),
      runInNewContext('({ lr: 0.5 })'),
      runInNewContext('new (class { lr = 0.5 })()'),
      Object.freeze({ lr: 0.5 }),
    ];
    for (const options of all) expect(new Adam(options as { lr: number }).lr).to.equal(0.5);
    for (const empty of [{}, Object.create(null), runInNewContext('({})')] as object[]) {
      expect(new Adam(empty).lr).to.equal(0.001);
    }
  });

  it('of batchnorm/raw has no unknown inherited names', () => {
    const one = () => Float32Array.of(1);
    const input = {
      ...{ x: one(), shape: [1, 1, 1] as const, scale: one(), bias: one() },
      ...{ runningMean: one(), runningVar: one() },
    };
    const inherited = Object.create({ epsilom: 1 }) as object;
    expectError(
      () => batchNormInference(Object.assign(inherited, input)),
      TypeError,
      'but received "epsilom"',
    );
  });

  it('is accepted while Object.prototype has an enumerable name', () => {
    Object.defineProperty(Object.prototype, 'polluted', { value: 1, enumerable: true, configurable: true });
    let lr: number;
    try {
      ({ lr } = new Adam({ lr: 0.5 }));
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted');
    }
    expect(lr).to.equal(0.5);
  });
});

describe('an object with names of a user', () => {
  const path = temporaryDirectory();
  const model = () => new Linear(1, 1);

  for (const field of ['progress', 'parts', 'generators']) {
    it(`is refused as ${field} of a checkpoint if its content would be lost`, async () => {
      const file = path('checkpoint.npz');
      await saveCheckpoint(file, { model: model() });
      const hidden = {
        ...noOptions,
        'an inherited name': unknownNames['an inherited name'],
        'a symbol': unknownNames['a symbol'],
      };
      for (const [what, make] of Object.entries(hidden)) {
        if (what === 'a layer') continue; // its fields are neither numbers nor objects with methods
        const training = { model: model(), [field]: make() } as never;
        for (const act of [saveCheckpoint, loadCheckpoint]) {
          await expectRejection(act(file, training), TypeError, `for ${field} but received`);
        }
      }
    });
  }

  it('is kept if it has own names', async () => {
    const file = path('kept.npz');
    class Progress {
      epoch = 3;
    }
    await saveCheckpoint(file, { model: model(), progress: new Progress() as never });
    const progress = Object.assign(Object.create(null) as Record<string, number>, { epoch: 0 });
    await loadCheckpoint(file, { model: model(), progress });
    expect(progress.epoch).to.equal(3);
  });

  it('is refused as types of moduleFromJSON', () => {
    const types = new Map([['Mine', () => new ReLU()]]);
    expectError(
      () => moduleFromJSON({ type: 'ReLU' }, { types: types as never }),
      TypeError,
      'Expected a plain object with functions for options.types but received an object of type Map',
    );
  });

  it('is refused as options of a load', async () => {
    const layer = model();
    await layer.save(path('layer.npz'));
    const options = Promise.resolve({ extra: 'ignore' }) as never;
    await expectRejection(
      loadNpz(path('layer.npz'), layer, options),
      TypeError,
      'a plain object for options',
    );
  });
});
