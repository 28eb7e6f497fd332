import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { named } from '#lib/backend/argument';
import type { Operations } from '#lib/backend/operations';
import { portableBackend } from '#lib/backend/portable/index';
import { BlockAllocator } from '#lib/backend/wasm/block';
import type { WasmInstance } from '#lib/backend/wasm/instance';
import { wasmOperations } from '#lib/backend/wasm/operations';
import type { ThreadHost } from '#lib/backend/wasm/threads';
import { webAssembly } from '#lib/backend/wasm/web-assembly';
import { workerHost } from '#lib/backend/wasm-workers';
import { expect } from 'chai';
import { fallbackIn } from '../../support/fallback.js';
import { packagePath } from '../../support/package-path.js';
import { seeded, values } from '../../support/random.js';
import { wasmInstance } from '../../support/wasm-file.js';
import { type OperationName, sampleCall, variants } from './sample-call.js';

/** Workers, which it counts. The number of processors is the same on every machine. */
class CountingHost implements ThreadHost {
  readonly usableCpus = 8;
  readonly milliseconds = () => performance.now();
  readonly stops: (() => void)[] = [];
  ended = 0;
  readonly events = new EventEmitter();
  readonly #workers = workerHost(undefined);

  constructor(readonly threads: number) {}

  readonly start: ThreadHost['start'] = (thread, ended, killed) => {
    const countEnded = () => {
      this.ended++;
      ended();
      this.events.emit('ended');
    };
    const stop = this.#workers?.start(thread, countEnded, killed);
    if (stop !== undefined) this.stops.push(stop);
    return stop;
  };

  /** Resolves once all threads that were started have ended. */
  async allEnded(): Promise<void> {
    while (this.ended < this.stops.length) await once(this.events, 'ended');
  }
}

const length = 2 ** 18;
const numbers = values(seeded(1), length);
const squares = numbers.map((value) => value * value);

/** A module of which even small operations use all threads. */
class Module {
  readonly host: CountingHost;
  readonly instance: WasmInstance;
  readonly operations: Operations;

  constructor(threads: number) {
    this.host = new CountingHost(threads);
    this.instance = wasmInstance(true, this.host);
    this.instance.exports.setElementsPerThread(64);
    this.operations = wasmOperations(this.instance, portableBackend()) as Operations;
  }

  /** An operation that all threads share. */
  square(): Float32Array {
    const out = new Float32Array(length);
    this.operations.square(length, named('x', numbers), named('y', out));
    return out;
  }

  /** Computes until all threads run and would join the next operation. */
  awaken(): void {
    while (this.instance.exports.awakeThreads() < this.host.threads - 1) this.square();
  }
}

/** Larger than the usual ones of `sampleCall`, and not divisible by the number of threads. */
const sizes = {
  ...{ images: 9, channels: 7, plane: 401, n: 10_007, rows: 131, columns: 307, planes: 13 },
  ...{ inChannels: 5, outChannels: 11, outer: 37, length: 53, inner: 29 },
};

describe('threads of the WebAssembly backend', function () {
  this.timeout(60_000);
  const modules: Module[] = [];

  before(function () {
    const isHere = webAssembly !== undefined && fallbackIn(packagePath()) === 'wasm';
    if (!isHere || workerHost(undefined) === undefined) this.skip();
  });

  afterEach(async () => {
    for (const { host } of modules.splice(0)) {
      for (const stop of host.stops) stop();
      await host.allEnded();
    }
  });

  function moduleWith(threads: number): Module {
    const module = new Module(threads);
    modules.push(module);
    return module;
  }

  it('start with the first operation that is large enough for them', () => {
    const { host, instance, operations } = moduleWith(3);
    expect(instance.threads).to.equal(3);
    const small = new Float32Array(100);
    operations.square(100, named('x', small), named('y', small));
    expect(host.stops).to.have.length(0);
    instance.threads = 1;
    operations.square(length, named('x', numbers), named('y', new Float32Array(length)));
    expect(host.stops).to.have.length(0);
    instance.threads = 2;
    operations.square(length, named('x', numbers), named('y', new Float32Array(length)));
    expect(host.stops).to.have.length(1);
    instance.threads = 5;
    operations.square(length, named('x', numbers), named('y', new Float32Array(length)));
    expect(host.stops).to.have.length(4);
  });

  it('are one in memory that is not shared', () => {
    const instance = wasmInstance(false, new CountingHost(3));
    instance.threads = 4;
    expect(instance.threads).to.equal(1);
  });

  it('do not change the bits of any operation', () => {
    const unshared = wasmInstance(false);
    const alone = wasmOperations(unshared, portableBackend()) as Operations;
    const lengthOf = alone.conv2dPackedLength as (...args: unknown[]) => number;
    const packedLength = lengthOf(...sampleCall('conv2dPackedLength', variants[0], sizes).values());
    const shared = [1, 2, 3].map(moduleWith);
    for (const each of shared) each.awaken();
    for (const name of Object.keys(alone) as OperationName[]) {
      for (const variant of variants) {
        const { values: arguments_ } = sampleCall(name, variant, { ...sizes, packedLength });
        const outcomeOn = (operations: Operations): string => {
          const given = arguments_();
          const result = (operations[name] as (...args: unknown[]) => unknown)(...given);
          const hash = createHash('sha256').update(String(result));
          for (const each of given) if (ArrayBuffer.isView(each)) hash.update(Buffer.from(each.buffer));
          return hash.digest('hex');
        };
        const expected = outcomeOn(alone);
        for (const { host, operations } of shared) {
          expect(outcomeOn(operations), `${name} on ${host.threads} threads`).to.equal(expected);
        }
      }
    }
  });

  it('end after a while without work, the last first, and start again', async () => {
    const module = moduleWith(4);
    const { host, instance } = module;
    instance.exports.setIdleMilliseconds(1);
    module.square();
    expect(host.stops).to.have.length(3);
    await host.allEnded();
    expect(module.square()).to.deep.equal(squares);
    expect(host.stops).to.have.length(6);
    instance.exports.setIdleMilliseconds(1e6);
    module.awaken();
    expect(module.square()).to.deep.equal(squares);
  });

  it('compute with those that are left when some are killed', async () => {
    const module = moduleWith(3);
    const { stops, events } = module.host;
    module.awaken();
    // Idle ones sleep. They hold no lock then.
    while (module.instance.exports.awakeThreads() > 0);
    stops[1]();
    await once(events, 'ended');
    expect(module.square()).to.deep.equal(squares);
    while (module.instance.exports.awakeThreads() > 0);
    stops[0]();
    await once(events, 'ended');
    for (let i = 0; i < 100; i++) expect(module.square()).to.deep.equal(squares);
  });

  it('leave the caller alone once a program has killed one, whatever it was doing', async () => {
    const handles: Worker[] = [];
    const keep = (worker: Worker) => handles.push(worker);
    process.on('worker', keep);
    const module = moduleWith(3);
    const { host, instance } = module;
    module.awaken();
    // Node emits the event after the current code.
    await new Promise(setImmediate);
    process.off('worker', keep);
    expect(handles).to.have.length(2);
    module.awaken();
    const end = handles[0].terminate();
    expect(module.square()).to.deep.equal(squares);
    expect(instance.threads).to.equal(1);
    await end;
    await host.allEnded();
    instance.threads = 3;
    expect(instance.threads).to.equal(1);
    expect(module.square()).to.deep.equal(squares);
    expect(host.stops).to.have.length(2);
  });

  it('compute without those that the system refuses', () => {
    const host: ThreadHost = { usableCpus: 2, threads: 3, milliseconds: () => 0, start: () => undefined };
    const instance = wasmInstance(true, host);
    const operations = wasmOperations(instance, portableBackend()) as Operations;
    const out = new Float32Array(length);
    operations.square(length, named('x', numbers), named('y', out));
    expect(out).to.deep.equal(squares);
  });

  it('use memory that another one has added', () => {
    const module = moduleWith(2);
    const { instance, operations } = module;
    const blocks = new BlockAllocator(instance, () => undefined);
    module.awaken();
    for (let i = 0; i < 20; i++) {
      const [x, y] = [blocks.allocate(4 * length), blocks.allocate(4 * length)];
      if (x === undefined || y === undefined) throw new Error('Expected memory for blocks');
      x.values.fill(i);
      operations.square(4 * length, named('x', x.values), named('y', y.values));
      expect(y.values.every((value) => value === i * i)).to.equal(true);
    }
  });

  it('let the caller fail when one of them has trapped', () => {
    // The last of many tasks reads beyond the memory, in the caller or in another thread.
    const messages = new Set<boolean>();
    while (!messages.has(true)) {
      const module = moduleWith(2);
      const { instance } = module;
      const output = new BlockAllocator(instance, () => undefined).allocate(2 * length);
      if (output === undefined) throw new Error('Expected memory for a block');
      module.awaken();
      const x = instance.buffer.byteLength - 4 * (2 * length - 100);
      instance.arguments.set([2 * length, x, output.values.byteOffset]);
      let message = '';
      try {
        instance.call(instance.operations.indexOf('square'));
      } catch (error) {
        ({ message } = error as Error);
      }
      expect(message).to.include('The WebAssembly backend has stopped');
      expect(() => output.values).to.throw(Error, 'The WebAssembly backend has stopped');
      messages.add(message.includes('unreachable'));
    }
  });

  it('let the caller fail when one of them has overflowed its stack', () => {
    const module = moduleWith(2);
    const { instance } = module;
    const stacks: number[] = [];
    const start = module.host.start;
    (module.host as { start: ThreadHost['start'] }).start = (thread, ...others) => {
      stacks.push(thread.stack);
      return start(thread, ...others);
    };
    module.square();
    // An overflow of the stack of 512 KiB would change this value.
    instance.floats[stacks[0] / 4 - (512 * 1024) / 4] = 0;
    expect(() => module.square()).to.throw(Error, 'The WebAssembly backend has stopped');
  });
});
