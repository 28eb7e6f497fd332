import { decodeFloat32, decodeNumbers } from '#lib/io/files/decode-numbers';
import { type NumberType, numberType } from '#lib/io/files/number-type';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  brainCodec,
  type Codec,
  floatCodec,
  integerCodec,
  nearestFloat32,
  readAll,
} from '../../../robustness/probes/number-codecs.js';

function type(...args: Parameters<typeof numberType>): NumberType {
  const found = numberType(...args);
  if (found === undefined) throw new Error('no such type');
  return found;
}

function floats(bytes: Uint8Array, of: NumberType): number[] {
  const target = new Float32Array(bytes.length / of.itemSize);
  decodeFloat32(bytes, of, target, 0);
  return [...target];
}

describe('decoding numbers', () => {
  /** Every 16-bit pattern, with these bytes first. */
  const patterns = (little: boolean) => {
    const bytes = Buffer.from(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer);
    return little ? bytes : bytes.swap16();
  };
  const halves: readonly (readonly [string, 'float' | 'bfloat', (little: boolean) => Codec])[] = [
    ['float16', 'float', (little) => floatCodec(2, little)],
    ['bfloat16', 'bfloat', brainCodec],
  ];
  for (const [name, kind, codec] of halves) {
    for (const little of [true, false]) {
      it(`gives the value of every ${name}, ${little ? 'little' : 'big'} endian`, () => {
        const bytes = patterns(little);
        const expected = readAll(codec(little), bytes);
        expect(floats(bytes, type(kind, 2, little))).to.deep.equal(expected);
        expect([...decodeNumbers(bytes, type(kind, 2, little))]).to.deep.equal(expected);
      });
    }
  }

  it('rounds 64-bit integers to float32 once', () => {
    const nearTies = fc
      .tuple(fc.bigInt(0n, 2n ** 25n), fc.nat(39), fc.bigInt(-3n, 3n))
      .map(([fraction, exponent, off]) => (2n * fraction + 1n) * 2n ** BigInt(exponent) + off);
    const property = fc.property(
      fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), nearTies),
      fc.boolean(),
      fc.boolean(),
      (integer, signed, little) => {
        const value = signed ? BigInt.asIntN(64, integer) : BigInt.asUintN(64, integer);
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(BigInt.asUintN(64, integer));
        if (!little) bytes.reverse();
        const [found] = floats(bytes, type(signed ? 'int' : 'uint', 8, little));
        expect(found).to.equal(nearestFloat32(value));
        expect(decodeNumbers(bytes, type(signed ? 'int' : 'uint', 8, little))[0]).to.equal(Number(value));
      },
    );
    fc.assert(property, { numRuns: 20_000, seed: 1 });
  });

  it('gives the value of every other integer at any alignment', () => {
    const sizes = [1, 2, 4] as const;
    const property = fc.property(
      fc.constantFrom(...sizes),
      fc.boolean(),
      fc.boolean(),
      fc.uint8Array({ minLength: 33, maxLength: 33 }),
      (size, signed, little, noise) => {
        const bytes = noise.subarray(1);
        const codec = integerCodec(size, little, signed);
        const own = type(signed ? 'int' : 'uint', size, little);
        expect(floats(bytes, own)).to.deep.equal(readAll(codec, bytes));
      },
    );
    fc.assert(property, { seed: 1 });
  });

  it('decodes every nonzero byte as true', () => {
    expect(floats(Uint8Array.of(0, 1, 2, 255), type('bool', 1))).to.deep.equal([0, 1, 1, 1]);
  });

  it('writes into part of an array', () => {
    const target = new Float32Array(4).fill(9);
    decodeFloat32(Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0), type('uint', 8), target, 1);
    decodeFloat32(Uint8Array.of(7), type('uint', 1), target, 2);
    expect([...target]).to.deep.equal([9, 5, 7, 9]);
  });

  it('has no type for sizes that no format writes', () => {
    expect(numberType('float', 16)).to.equal(undefined);
    expect(numberType('float', 1)).to.equal(undefined);
    expect(numberType('int', 3)).to.equal(undefined);
    expect(numberType('bool', 2)).to.equal(undefined);
  });
});
