import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { named } from '#lib/backend/argument';
import type { Operations } from '#lib/backend/operations';
import { portableBackend } from '#lib/backend/portable/index';
import { BlockAllocator } from '#lib/backend/wasm/block';
import type { WasmInstance } from '#lib/backend/wasm/instance';
import { wasmOperations } from '#lib/backend/wasm/operations';
import { webAssembly } from '#lib/backend/wasm/web-assembly';
import { expectError } from '../../support/errors.js';
import { fallbackIn } from '../../support/fallback.js';
import { packagePath } from '../../support/package-path.js';
import { wasmInstance } from '../../support/wasm-file.js';

const gigabyte = 2 ** 30;

for (const isShared of [false, true]) {
  describe(`the WebAssembly backend in ${isShared ? 'shared' : 'unshared'} memory`, function () {
    this.timeout(120_000);
    let instance: WasmInstance;
    let blocks: BlockAllocator;
    let collected: number;
    let operations: Operations;

    before(function () {
      if (webAssembly === undefined || fallbackIn(packagePath()) !== 'wasm') this.skip();
    });

    beforeEach(() => {
      if (webAssembly === undefined) return;
      collected = 0;
      instance = wasmInstance(isShared);
      blocks = new BlockAllocator(instance, () => collected++);
      operations = wasmOperations(instance, portableBackend()) as Operations;
    });

    const block = (length: number) => {
      const found = blocks.allocate(length);
      if (found === undefined) throw new Error(`Expected memory for ${length} values`);
      return found;
    };
    const double = (x: Float32Array, out: Float32Array): void => {
      const { length } = x;
      operations.add(1, length, length, named('a', x), named('b', x), named('out', out));
    };

    it('has every operation that computes on arrays', () => {
      const missing = Object.keys(portableBackend()).filter((name) => !instance.operations.includes(name));
      expect(missing).to.have.members([
        ...['setThreads', 'copy', 'overlap', 'bytesToCacheLine', 'adviseHugePages', 'hasRoom'],
        ...['info', 'collectGarbage', 'cacheSizes', 'ownThreads'],
      ]);
    });

    it('computes on arrays of JavaScript and in its memory, and writes no value beyond them', () => {
      const array = new Float32Array([9, 1, 2, 3, 9]);
      const inside = block(64);
      inside.values.fill(7);
      double(array.subarray(1, 4), inside.values.subarray(0, 3));
      expect([...inside.values.subarray(0, 5)]).to.deep.equal([2, 4, 6, 7, 7]);
      double(inside.values.subarray(0, 3), array.subarray(1, 4));
      expect([...array]).to.deep.equal([9, 4, 8, 12, 9]);
      double(array, array);
      expect([...array]).to.deep.equal([18, 8, 16, 24, 18]);
    });

    it('copies nothing between tensors in its memory', () => {
      const [x, y] = [block(100_000), block(100_000)];
      x.values.fill(1.5);
      instance.allocateCopy = () => {
        throw new Error('copied');
      };
      double(x.values, y.values);
      expect(y.values.every((value) => value === 3)).to.equal(true);
      expectError(
        () => {
          double(new Float32Array(2), y.values);
        },
        Error,
        'copied',
      );
    });

    it('keeps the values of blocks when its memory grows, and never reads a stale view', () => {
      const x = block(1000);
      x.values.forEach((_, i, values) => (values[i] = i));
      const stale = x.values;
      block(50_000_000);
      expect(x.values).to.have.length(1000);
      expect(x.values[999]).to.equal(999);
      if (isShared) {
        // Such a view stays valid, but belongs to another buffer than new ones.
        expect(stale[999]).to.equal(999);
        const larger = block(50_000_000);
        expect(larger.values.buffer).to.not.equal(stale.buffer);
        instance.allocateCopy = () => {
          throw new Error('copied');
        };
        operations.add(1, 1000, 1000, named('a', stale), named('b', x.values), named('out', larger.values));
        expect(larger.values[999]).to.equal(2 * 999);
        return;
      }
      expect(stale).to.have.length(0);
      const out = new Float32Array(1000);
      expectError(
        () => {
          operations.add(1, 1000, 1000, named('a', stale), named('b', stale), named('out', out));
        },
        TypeError,
        'Float32Array of at least 1000 values for a',
      );
    });

    it('reads all arguments although copying one of them makes the memory grow', () => {
      const x = block(20_000_000);
      x.values.fill(2);
      const other = new Float32Array(20_000_000).fill(3);
      const out = block(20_000_000);
      const before = instance.buffer;
      operations.add(
        1,
        out.length,
        out.length,
        named('a', other),
        named('b', x.values),
        named('out', out.values),
      );
      expect(instance.buffer).to.not.equal(before);
      expect(out.values.every((value) => value === 5)).to.equal(true);
    });

    it('has no block where its 4 GB are exhausted, throws a RangeError for copies, and keeps computing', () => {
      block((1.75 * gigabyte) / 4);
      block((1.75 * gigabyte) / 4);
      expect(blocks.allocate(gigabyte / 4)).to.equal(undefined);
      const large = new Float32Array(gigabyte / 4);
      const act = () => {
        double(large, large);
      };
      expectError(
        act,
        RangeError,
        'Out of memory for a copy in the memory of WebAssembly (1073741824 bytes)',
      );
      const small = new Float32Array([1, 2]);
      double(small, small);
      expect([...small]).to.deep.equal([2, 4]);
    });

    it('reclaims pooled memory before it gives up', () => {
      block((1.75 * gigabyte) / 4);
      const pooled = block((1.75 * gigabyte) / 4);
      let asked = 0;
      blocks.reclaim = () => {
        blocks.release(pooled);
        return ++asked === 1;
      };
      expect(blocks.allocate(gigabyte / 4)?.length).to.equal(gigabyte / 4);
      expect(asked).to.equal(1);
    });

    it('collects garbage after each 256 MB of fresh blocks', () => {
      for (let i = 0; i < 9; i++) blocks.release(block(8_000_000));
      expect(collected).to.equal(1);
    });

    it('frees blocks that nobody can reach', async () => {
      const { collectGarbage } = portableBackend();
      let released = 0;
      const release = instance.release.bind(instance);
      instance.release = (address) => {
        released++;
        release(address);
      };
      for (let i = 0; i < 20; i++) block(1000);
      // When V8 calls finalizers is up to it.
      for (let i = 0; i < 500 && released < 19; i++) {
        collectGarbage();
        await setTimeout(20);
      }
      expect(released).to.be.at.least(19);
    });

    it('gives up all its tensors after a trap', () => {
      const x = block(1000);
      const view = x.values;
      let dropped = 0;
      x.holder = { dropView: () => dropped++ };
      const index = instance.operations.indexOf('relu');
      instance.arguments.set([1000, 4 * gigabyte - 64, 4 * gigabyte - 64]);
      const message = ['The WebAssembly backend has stopped'];
      expectError(
        () => {
          instance.call(index);
        },
        Error,
        ...message,
      );
      // Views of shared memory stay readable, so their holder has to drop them.
      if (isShared) expect(dropped).to.equal(1);
      else expect(view).to.have.length(0);
      expectError(() => x.values, Error, ...message);
      const array = new Float32Array([1, 2]);
      expectError(
        () => {
          double(array, array);
        },
        Error,
        ...message,
      );
      expect([...array]).to.deep.equal([1, 2]);
      expectError(() => blocks.allocate(10), Error, ...message);
    });

    it('leaves sizes beyond 32 bits to TypeScript', () => {
      const none = new Float32Array(0);
      operations.softmax(0, 2 ** 40, named('x', none), named('y', none));
      const y = new Float32Array([5]);
      operations.sumRows(0, 1, named('x', none), named('out', y));
      expect(y[0]).to.equal(0);
    });
  });
}
