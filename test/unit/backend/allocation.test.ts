import { ensureHeap, freshArray, freshFloats } from '#lib/backend/allocation';

import { expectError } from '../../support/errors.js';

describe('the message of an allocation that fails', () => {
  // No machine has as much.
  const huge = 2 ** 50;

  it('says what the memory was for and how many bytes it was', () => {
    expectError(
      () => freshArray(Uint8Array, 'a copy of labels', huge),
      RangeError,
      `Out of memory for a copy of labels (${huge} bytes)`,
    );
    expectError(() => freshFloats('a result', huge), RangeError, `a result (${4 * huge} bytes)`);
    expectError(() => ensureHeap('JSON of 3 values', huge), RangeError, `JSON of 3 values (${huge} bytes)`);
  });
});
