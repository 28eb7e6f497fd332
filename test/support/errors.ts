import { expect } from 'chai';

/** A function as in plain JavaScript: every argument compiles. */
export type Untyped = (...args: unknown[]) => unknown;

/** Asserts the class of an error and that its message names all of `parts`. */
export function expectError(
  act: () => unknown,
  type: new (...args: never[]) => Error,
  ...parts: string[]
): void {
  let caught: unknown;
  try {
    act();
  } catch (error) {
    caught = error;
  }
  expect(caught, `an error with ${parts.join(' ... ')}`).to.be.instanceOf(type);
  for (const part of parts) expect((caught as Error).message).to.include(part);
}

/** The same for the rejection of a promise. */
export async function expectRejection(
  promise: Promise<unknown>,
  type: new (...args: never[]) => Error,
  ...parts: string[]
): Promise<void> {
  const caught: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(caught, `an error with ${parts.join(' ... ')}`).to.be.instanceOf(type);
  for (const part of parts) expect((caught as Error).message).to.include(part);
}

/** An array whose memory has been transferred away. */
export function detached(length: number): Float32Array {
  const array = new Float32Array(length);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}
