import { ensureHeap, freshArray, freshFloats } from '#lib/backend/allocation';

import { expectError } from '../../support/errors.js';

describe('the error of a failed allocation', () => {
  // More than any machine has.
  const huge = 2 ** 50;

  it('names the purpose and the number of bytes', () => {
    expectError(
      () => freshArray(Uint8Array, 'a copy of labels', huge),
      RangeError,
      `Out of memory for a copy of labels (${huge} bytes)`,
    );
    expectError(() => freshFloats('a result', huge), RangeError, `a result (${4 * huge} bytes)`);
    expectError(() => ensureHeap('JSON of 3 values', huge), RangeError, `JSON of 3 values (${huge} bytes)`);
  });
});
