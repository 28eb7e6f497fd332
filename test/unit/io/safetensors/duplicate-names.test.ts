import { writeFileSync } from 'node:fs';
import { duplicateName } from '#lib/io/safetensors/duplicate-name';
import { BatchNorm2D, FileFormatError, loadSafetensors, type NamedTensor, Tensor } from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { expectRejection } from '../../../support/errors.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { encode } from './encode.js';

describe('names in the header of a safetensors file', () => {
  const path = temporaryDirectory();
  const entry = (begin: number, more = '') =>
    `{"dtype":"F32","shape":[3],"data_offsets":[${begin},${begin + 12}]${more}}`;

  async function expectRefused(header: string, dataLength: number, name: string): Promise<void> {
    const file = path('twice.safetensors');
    writeFileSync(file, encode(header, Buffer.alloc(dataLength)));
    const bn = new BatchNorm2D(3);
    const before = JSON.stringify(bn);
    const loading = loadSafetensors(file, bn, { extra: 'ignore' });
    await expectRejection(
      loading,
      FileFormatError,
      file,
      'different names',
      `found ${JSON.stringify(name)} twice`,
    );
    expect(JSON.stringify(bn)).to.equal(before);
  }

  it('are refused if repeated, whichever tensor a reader would choose', async () => {
    await expectRefused(`{"weight":${entry(0)},"weight":${entry(0)}}`, 12, 'weight');
    await expectRefused(`{"weight":${entry(0)},"bias":${entry(12)},"weight":${entry(24)}}`, 36, 'weight');
  });

  it('are refused if only their escapes differ', async () => {
    await expectRefused(`{"a":${entry(0)},"\\u0061":${entry(0)}}`, 12, 'a');
    await expectRefused(`{"\\/":${entry(0)},"/":${entry(0)}}`, 12, '/');
    await expectRefused(`{"\\ud83d\\ude00":${entry(0)},"\u{1f600}":${entry(0)}}`, 12, '\u{1f600}');
  });

  it('are refused if repeated within an entry, within metadata or at any depth', async () => {
    await expectRefused(`{"weight":${entry(0, ',"dtype":"F32"')}}`, 12, 'dtype');
    await expectRefused(`{"weight":${entry(0, ',"shape":[3]')}}`, 12, 'shape');
    await expectRefused(`{"__metadata__":{"a":"1","a":"2"},"weight":${entry(0)}}`, 12, 'a');
    await expectRefused(`{"weight":${entry(0, ',"x":[{"y":[{"z":1,"z":2}]}]')}}`, 12, 'z');
    await expectRefused(`{"__metadata__":{},"__metadata__":{},"weight":${entry(0)}}`, 12, '__metadata__');
  });

  it('may be repeated in different objects and as values', async () => {
    const name = 'shape';
    const header = `{"__metadata__":{"${name}":"${name}","dtype":"\\"dtype\\":{"},"${name}":${entry(0)},"dtype":${entry(12)}}`;
    writeFileSync(path('fine.safetensors'), encode(header, Buffer.alloc(24)));
    const tensors = [name, 'dtype'].map((each): NamedTensor => [each, Tensor.ones([3])]);
    await loadSafetensors(path('fine.safetensors'), { parameters: () => tensors });
    expect(tensors.map(([, tensor]) => tensor.array())).to.deep.equal([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('are refused if they are not UTF-8, since two could look the same', async () => {
    const bytes = encode(`{"w?":${entry(0)}}`, Buffer.alloc(12));
    bytes[bytes.indexOf('?')] = 0xff;
    writeFileSync(path('latin1.safetensors'), bytes);
    await expectRejection(
      loadSafetensors(path('latin1.safetensors'), new BatchNorm2D(3)),
      FileFormatError,
      'UTF-8',
    );
  });

  it('are found anywhere in a JSON text', () => {
    // Pairs instead of properties, so that names can repeat.
    interface Pairs {
      readonly pairs: readonly (readonly [string, Json])[];
    }
    type Json = null | number | string | readonly Json[] | Pairs;
    const names = fc.oneof(fc.constantFrom('a', 'b', '"', '\\', '{', '}:', '\u00e9'), fc.string());
    const { json } = fc.letrec<{ json: Json }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<Json>(null, 1, '"a":1', 'x\\'),
        fc.array(tie('json'), { maxLength: 4 }),
        fc.array(fc.tuple(names, tie('json')), { maxLength: 4 }).map((pairs) => ({ pairs })),
      ),
    }));
    const isPairs = (value: Json): value is Pairs =>
      typeof value === 'object' && value !== null && 'pairs' in value;
    const write = (value: Json): string => {
      if (isPairs(value)) {
        return `{ ${value.pairs.map(([name, each]) => `${escaped(name)} : ${write(each)}`).join(',\n')}}`;
      }
      return Array.isArray(value) ? `[${(value as Json[]).map(write).join(' , ')}]` : JSON.stringify(value);
    };
    const escaped = (name: string) =>
      name.length === 1 ? `"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}"` : JSON.stringify(name);
    const repeats = (value: Json): boolean => {
      if (isPairs(value)) {
        const own = value.pairs.map(([name]) => name);
        return new Set(own).size < own.length || value.pairs.some(([, each]) => repeats(each));
      }
      return Array.isArray(value) && (value as Json[]).some(repeats);
    };
    const seen = { with: 0, without: 0 };
    const property = fc.property(json, (value) => {
      const text = write(value);
      JSON.parse(text);
      const expected = repeats(value);
      seen[expected ? 'with' : 'without']++;
      expect(duplicateName(text) !== undefined, text).to.equal(expected);
    });
    fc.assert(property, { numRuns: 3000, seed: 1 });
    expect(Math.min(seen.with, seen.without)).to.be.greaterThan(100);
  });
});
