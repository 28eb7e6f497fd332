import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { packagePath } from '../../support/package-path.js';

type BufferClass = Pick<typeof Buffer, 'from' | 'alloc' | 'allocUnsafe' | 'concat' | 'byteLength'>;

describe('what takes the place of Buffer in browsers', () => {
  let ours: BufferClass;

  before(async () => {
    const url = pathToFileURL(packagePath('tools/build/browser/globals.js')).href;
    ({ Buffer: ours } = (await import(url)) as { Buffer: BufferClass });
  });

  /** Runs the same code on both classes. */
  function expectSame(act: (Class: BufferClass) => unknown): void {
    const plain = (value: unknown) => (ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value);
    expect(plain(act(ours))).to.deep.equal(plain(act(Buffer)));
  }

  const bytes = [0, 1, 0x80, 0xff, 0x4e, 0xc3, 0xa4, 7, 9, 254, 3, 200, 1, 0, 0, 0];

  it('creates, joins and compares as Node does', () => {
    expectSame((Class) => Class.from(bytes));
    expectSame((Class) => Class.from('aä€😀'));
    expectSame((Class) => Class.from('\x93NUMPY', 'latin1'));
    expectSame((Class) => Class.from(new Uint8Array(bytes).buffer, 3, 5));
    expectSame((Class) => Class.from(new Uint8Array(bytes).buffer));
    expectSame((Class) => Class.alloc(5));
    expectSame((Class) => Class.alloc(5, ' '));
    expectSame((Class) => Class.allocUnsafe(5).length);
    expectSame((Class) => Class.concat([Class.from([1, 2]), Class.alloc(0), new Uint8Array([3])]));
    expectSame((Class) => Class.byteLength('aä€😀'));
    expectSame((Class) => Class.from([1, 2]).equals(new Uint8Array([1, 2])));
    expectSame((Class) => Class.from([1, 2]).equals(new Uint8Array([1, 3])));
    expectSame((Class) => Class.from([1, 2]).equals(new Uint8Array([1])));
  });

  it('copies arrays and shares buffers', () => {
    for (const Class of [ours, Buffer]) {
      const source = new Uint8Array([1, 2, 3]);
      const [copy, view] = [Class.from(source), Class.from(source.buffer, 1)];
      source[1] = 9;
      expect([...copy]).to.deep.equal([1, 2, 3]);
      expect([...view]).to.deep.equal([9, 3]);
      expect([...view.subarray(1)]).to.deep.equal([3]);
      expect(view.subarray(1)).to.be.instanceOf(Class);
    }
  });

  it('reads and writes text and numbers as Node does', () => {
    for (const encoding of ['utf8', 'latin1', 'hex'] as const) {
      expectSame((Class) => Class.from(bytes).toString(encoding));
      expectSame((Class) => Class.from(bytes).toString(encoding, 2, 7));
    }
    expectSame((Class) => Class.from(bytes).toString());
    expectSame((Class) => Class.from(bytes).readUInt16LE(1));
    expectSame((Class) => Class.from(bytes).readUInt32LE(1));
    expectSame((Class) => Class.from(bytes).readBigUInt64LE());
    const written = (write: (buffer: Buffer) => unknown) => {
      expectSame((Class) => {
        const buffer = Class.alloc(12);
        const end = write(buffer);
        return [end, ...buffer];
      });
    };
    written((buffer) => buffer.writeUInt16LE(0xabcd, 3));
    written((buffer) => buffer.writeDoubleLE(-1.25e-3, 1));
    written((buffer) => buffer.writeBigInt64LE(-5n));
    written((buffer) => buffer.writeBigUInt64LE(2n ** 63n));
    written((buffer) => buffer.write("{'a'}\n", 2, 'latin1'));
    written((buffer) => Buffer.from([1, 2]).copy(buffer, 4));
  });

  it('exchanges the byte order as Node does', () => {
    expectSame((Class) => Class.from(bytes).swap16());
    expectSame((Class) => Class.from(bytes).swap32());
    expectSame((Class) => Class.from(bytes).swap64());
  });
});
