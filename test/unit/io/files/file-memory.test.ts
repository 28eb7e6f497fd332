import { withFileMemory } from '#lib/io/files/file-memory';
import { expect } from 'chai';

/** The error that is reported for an operation that rejects with `error`. */
async function reported(error: unknown): Promise<unknown> {
  return withFileMemory('loading net.npz', () => Promise.reject(error as Error)).then(
    () => expect.fail('must reject'),
    (caught: unknown) => caught,
  );
}

describe('a failed allocation during a file operation', () => {
  const errors = [
    new RangeError('Array buffer allocation failed'),
    Object.assign(new Error('not enough memory'), { code: 'ENOMEM' }),
    Object.assign(new Error('insufficient memory'), { code: 'Z_MEM_ERROR' }),
    Object.assign(new Error('Failed to allocate memory'), { code: 'ERR_MEMORY_ALLOCATION_FAILED' }),
  ];
  for (const error of errors) {
    it(`becomes an error with a code of this package: ${error.message}`, async () => {
      const found = (await reported(error)) as Error & { readonly code: string };
      expect(found).to.be.instanceOf(RangeError);
      expect(found.code).to.equal('ERR_BATCHNORM_OUT_OF_MEMORY');
      expect(found.message).to.equal('Out of memory for loading net.npz');
      expect(found.cause).to.equal(error);
    });
  }

  it('leaves other errors and results unchanged', async () => {
    const others = [
      new RangeError('The value is out of range'),
      Object.assign(new Error('no such file'), { code: 'ENOENT' }),
      Object.assign(new RangeError('Out of memory for x'), { code: 'ERR_BATCHNORM_OUT_OF_MEMORY' }),
    ];
    for (const other of [...others, undefined, null, 'text', 5, Symbol('s'), {}])
      expect(await reported(other)).to.equal(other);
    expect(await withFileMemory('loading', () => Promise.resolve(5))).to.equal(5);
  });
});
