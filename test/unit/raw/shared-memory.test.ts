import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { batchNormBackward, batchNormInference, batchNormTraining } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

/** The same memory in another object, as another thread receives it. */
function sent(buffer: SharedArrayBuffer): SharedArrayBuffer {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(buffer);
  const received = receiveMessageOnPort(port2)?.message as SharedArrayBuffer;
  port1.close();
  return received;
}

/** A web API that is missing from the type libraries of the tests. */
interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): void;
}
const { Memory } = (
  globalThis as unknown as { WebAssembly: { Memory: new (options: object) => SharedMemory } }
).WebAssembly;

/** Shared memory and another object over it. */
const doubles: Record<string, () => readonly [SharedArrayBuffer, SharedArrayBuffer]> = {
  'structuredClone()': () => {
    const buffer = new SharedArrayBuffer(256);
    return [buffer, structuredClone(buffer)];
  },
  'a MessageChannel': () => {
    const buffer = new SharedArrayBuffer(256);
    return [buffer, sent(buffer)];
  },
  'WebAssembly.Memory.grow()': () => {
    const memory = new Memory({ initial: 1, maximum: 2, shared: true });
    const before = memory.buffer;
    memory.grow(1);
    return [before, memory.buffer];
  },
};

const shape = [2, 2, 2] as const;
const ofChannels = () => Float32Array.of(1, 2);
const parameters = { shape, scale: ofChannels(), bias: ofChannels() };
const running = () => ({ runningMean: ofChannels(), runningVar: ofChannels() });
const gradients = { scale: ofChannels(), mean: ofChannels(), meanLow: ofChannels(), invStd: ofChannels() };

describe('batchnorm/raw on two SharedArrayBuffer objects', () => {
  for (const [name, make] of Object.entries(doubles)) {
    describe(`over the same memory, by ${name}`, () => {
      let a: SharedArrayBuffer;
      let b: SharedArrayBuffer;
      beforeEach(() => {
        [a, b] = make();
        expect(a).not.to.equal(b);
        new Float32Array(a).set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      });

      it('refuses overlapping arrays and writes nothing', () => {
        const before = [...new Float32Array(a)];
        const x = new Float32Array(a, 16, 8);
        for (const offset of [0, 12, 20, 44]) {
          const out = new Float32Array(b, offset, 8);
          expectError(
            () => batchNormInference({ x, ...parameters, ...running() }, out),
            RangeError,
            'apart from x for out',
          );
        }
        const y = new Float32Array(b, 44, 8);
        const others = { mean: ofChannels(), meanLow: ofChannels(), invStd: ofChannels() };
        expectError(
          () => batchNormTraining({ x, ...parameters }, { y, ...others }),
          RangeError,
          'apart from x for y',
        );
        const overlapping = {
          ...others,
          y: new Float32Array(8),
          mean: new Float32Array(a, 96, 2),
          invStd: new Float32Array(b, 100, 2),
        };
        expectError(
          () => batchNormTraining({ x, ...parameters }, overlapping),
          RangeError,
          'apart from invStd for mean',
        );
        const dx = new Float32Array(b, 16, 8);
        expectError(
          () =>
            batchNormBackward(
              { x, dy: new Float32Array(8), shape, ...gradients },
              { dx, dscale: ofChannels(), dbias: ofChannels() },
            ),
          RangeError,
          'apart from x for dx',
        );
        expect([...new Float32Array(a)]).to.deep.equal(before);
      });

      it('accepts arrays that do not overlap, and out over x itself', () => {
        const x = new Float32Array(a, 0, 8);
        const expected = batchNormInference({ x, ...parameters, ...running() });
        const apart = new Float32Array(b, 32, 8);
        expect([...batchNormInference({ x, ...parameters, ...running() }, apart)]).to.deep.equal([
          ...expected,
        ]);
        const same = new Float32Array(b, 0, 8);
        expect([...batchNormInference({ x, ...parameters, ...running() }, same)]).to.deep.equal([
          ...expected,
        ]);
      });
    });
  }

  it('accepts two memories at the same offsets, and writes nothing else', () => {
    const x = new Float32Array(new SharedArrayBuffer(64)).fill(3);
    const out = new Float32Array(new SharedArrayBuffer(64)).fill(5);
    const y = out.subarray(0, 8);
    batchNormInference({ x: x.subarray(0, 8), ...parameters, ...running() }, y);
    expect([...x]).to.deep.equal([...new Float32Array(16).fill(3)]);
    expect([...out.subarray(8)]).to.deep.equal([...new Float32Array(8).fill(5)]);
    // The check leaves no pending waiter.
    const words = new Int32Array(x.buffer);
    expect(Atomics.notify(words, 0)).to.equal(0);
  });
});

describe('an enumerable property on Object.prototype', () => {
  const names = ['polluted', 'x', 'lr', 'scale'];
  beforeEach(() => {
    for (const name of names) {
      Object.defineProperty(Object.prototype, name, {
        value: () => 1,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  });
  afterEach(() => {
    for (const name of names) Reflect.deleteProperty(Object.prototype, name);
  });

  it('does not affect batchnorm/raw', () => {
    const x = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const out = { y: new Float32Array(8), mean: ofChannels(), meanLow: ofChannels(), invStd: ofChannels() };
    const forward = batchNormTraining({ x, ...parameters, ...running() }, out);
    expect(forward).to.equal(out);
    const { mean, meanLow, invStd } = forward;
    const result = { dx: new Float32Array(8), dscale: ofChannels(), dbias: ofChannels() };
    batchNormBackward({ x, dy: x, shape, scale: parameters.scale, mean, meanLow, invStd }, result);
    expect(result.dbias[0]).to.equal(10);
    expect(batchNormInference({ x, ...parameters, ...running() }, new Float32Array(8))[0]).to.equal(1);
  });
});
