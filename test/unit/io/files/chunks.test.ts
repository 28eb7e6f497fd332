import {
  chunksOf,
  type ReadableFile,
  readChunks,
  readExactly,
  type WritableFile,
  writeChunks,
} from '#lib/io/files/chunks';
import { FloatCollector } from '#lib/io/files/float-collector';
import { type NumberType, numberType } from '#lib/io/files/number-type';
import { formatFloats } from '#lib/io/npz/npy-values';
import { NpyScanner } from '#lib/io/npz/npy-scanner';
import { TensorCollector } from '#lib/io/npz/npy-collectors';
import { expect } from 'chai';
import fc from 'fast-check';
import { expectError, expectRejection } from '../../../support/errors.js';
import { seeded, values } from '../../../support/random.js';

function fail(expected: string, found: string): never {
  throw new Error(`Expected ${expected} but found ${found}`);
}

/** Counts calls, and reads and writes at most `max` bytes in each, as a pipe or a network drive may. */
class Reluctant implements ReadableFile, WritableFile {
  readonly lengths: number[] = [];
  readonly written: number[] = [];

  constructor(
    private readonly content: Uint8Array,
    private readonly max: () => number,
  ) {}

  read(buffer: Uint8Array, offset: number, length: number, position: number) {
    this.lengths.push(length);
    const end = position + Math.min(length, this.max());
    const part = this.content.subarray(position, end);
    buffer.set(part, offset);
    return Promise.resolve({ bytesRead: part.length });
  }

  write(buffer: Uint8Array, offset: number, length: number) {
    this.lengths.push(length);
    const bytesWritten = Math.min(length, this.max());
    this.written.push(...buffer.subarray(offset, offset + bytesWritten));
    return Promise.resolve({ bytesWritten });
  }
}

const sizes = fc.record({
  content: fc.uint8Array({ maxLength: 300 }),
  chunk: fc.integer({ min: 1, max: 64 }),
  max: fc.integer({ min: 1, max: 80 }),
  from: fc.nat(300),
});
const settings = { numRuns: 500, seed: 1 };

describe('files in chunks', () => {
  it('are read completely although each call reads little', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async ({ content, chunk, max, from }) => {
        const position = Math.min(from, content.length);
        const file = new Reluctant(content, () => max);
        const found: Buffer[] = [];
        const length = content.length - position;
        for await (const part of readChunks(file, position, length, fail, chunk)) {
          // A copy: the next chunk overwrites it.
          found.push(Buffer.from(part));
        }
        expect([...Buffer.concat(found)]).to.deep.equal([...content.subarray(position)]);
        for (const part of found.slice(0, -1)) expect(part).to.have.length(chunk);
        expect(Math.max(0, ...file.lengths)).to.be.at.most(chunk);
      }),
      settings,
    );
  });

  it('are written completely although each call writes little', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async ({ content, chunk, max }) => {
        const file = new Reluctant(content, () => max);
        await writeChunks(file, content, chunk);
        expect(file.written).to.deep.equal([...content]);
        expect(Math.max(0, ...file.lengths)).to.be.at.most(chunk);
      }),
      settings,
    );
  });

  it('use the bytes of the array without a copy', () => {
    const array = Float32Array.of(1, 2, 3, 4).subarray(1);
    const parts = [...chunksOf(array, 5)];
    expect(parts.map(({ length }) => length)).to.deep.equal([5, 5, 2]);
    expect(parts.every(({ buffer }) => buffer === array.buffer)).to.equal(true);
    expect(Buffer.concat(parts)).to.deep.equal(Buffer.from(array.buffer, 4, 12));
  });

  it('report where a file ends that has become shorter', async () => {
    const file = new Reluctant(new Uint8Array(10), () => 4);
    const read = async () => {
      for await (const part of readChunks(file, 2, 16, fail, 8)) part.fill(0);
    };
    await expectRejection(read(), Error, 'Expected 8 bytes at 10', 'found 0');
    await expectRejection(readExactly(file, 5, 8, fail), Error, 'Expected 8 bytes at 5', 'found 5');
  });

  const types = [
    ...[4, 8].map((size) => numberType('float', size)),
    numberType('bfloat', 2),
    ...[1, 8].map((size) => numberType('int', size)),
  ] as NumberType[];
  for (const fortranOrder of [false, true]) {
    it(`give the same tensor as one piece, in ${fortranOrder ? 'Fortran order' : 'row-major order'}`, () => {
      const shape = [3, 4, 5];
      const property = fc.property(
        fc.constantFrom(...types),
        fc.uint8Array({ minLength: 480, maxLength: 480 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 60, maxLength: 60 }),
        (type, noise, counts) => {
          // float64 values within the range of float32.
          const numbers = Float64Array.from(noise.subarray(0, 60), (byte) => byte / 7);
          const bytes =
            type.kind === 'float' && type.itemSize === 8
              ? new Uint8Array(numbers.buffer)
              : noise.subarray(0, 60 * type.itemSize);
          const whole = new FloatCollector('x', shape, fortranOrder, fail);
          whole.add(bytes, type);
          const parts = new FloatCollector('x', shape, fortranOrder, fail);
          for (let done = 0, i = 0; done < 60; done += counts[i++]) {
            const end = Math.min(60, done + counts[i]);
            parts.add(bytes.subarray(done * type.itemSize, end * type.itemSize), type);
          }
          expect(new Uint8Array(parts.values.buffer)).to.deep.equal(new Uint8Array(whole.values.buffer));
        },
      );
      fc.assert(property, { numRuns: 100, seed: 1 });
    });
  }

  it('convert an array from Fortran order to row-major order', () => {
    const collector = new FloatCollector('x', [2, 3], true, fail);
    collector.add(new Uint8Array(Float32Array.of(1, 4, 2, 5, 3, 6).buffer), types[0]);
    expect([...collector.values]).to.deep.equal([1, 2, 3, 4, 5, 6]);
    const wide = new FloatCollector('x', [2, 3], true, fail);
    const doubles = new Uint8Array(Float64Array.of(1, 4, 2, 1e300, 3, 6).buffer);
    // The fourth value in the file is the fifth in row-major order.
    expectError(() => wide.add(doubles, types[1]), Error, '1e+300 at 4');
  });

  it('of an .npy array may end at any byte', () => {
    const expected = values(seeded(3), 35);
    const [bytes] = formatFloats('x', expected, [5, 7]) as readonly [Uint8Array];
    const property = fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (lengths) => {
      const collector = new TensorCollector([5, 7], 'x', fail);
      const scanner = new NpyScanner(collector, bytes.length, fail);
      // One buffer for all pieces, as in the reader.
      const buffer = Buffer.alloc(90);
      for (let done = 0, i = 0; done < bytes.length; i++) {
        const part = bytes.subarray(done, done + lengths[i % lengths.length]);
        buffer.fill(0xee);
        buffer.set(part);
        scanner.push(buffer.subarray(0, part.length));
        done += part.length;
      }
      scanner.end();
      expect(collector.result()).to.deep.equal(expected);
    });
    fc.assert(property, { numRuns: 200, seed: 1 });
  });

  it('of an .npy array must have the length that its header announces', () => {
    const [bytes] = formatFloats('x', new Float32Array(4), [4]) as readonly [Uint8Array];
    const scan = (content: Uint8Array, size: number) => () => {
      const scanner = new NpyScanner(new TensorCollector([4], 'x', fail), size, fail);
      scanner.push(Buffer.from(content));
      scanner.end();
    };
    expectError(scan(bytes, bytes.length - 1), Error, '16 bytes of values', '15');
    expectError(scan(bytes, bytes.length + 1), Error, '16 bytes of values', '17');
    expectError(scan(bytes.subarray(0, -3), bytes.length), Error, '4 more bytes of values');
    expectError(
      scan(Buffer.concat([bytes, Buffer.alloc(4)]), bytes.length),
      Error,
      'the size that was announced',
    );
  });

  it('for saving a large array are its header and a copy of its values', () => {
    const array = Float32Array.of(1, 2, 3);
    const [joined, ...none] = formatFloats('x', array, [3]);
    expect(none).to.deep.equal([]);
    const [header, copy] = formatFloats('x', array, [3], 80);
    array.fill(9);
    const parts = [header, copy].map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    );
    expect(Buffer.concat(parts)).to.deep.equal(
      Buffer.from(joined.buffer, joined.byteOffset, joined.byteLength),
    );
  });
});
