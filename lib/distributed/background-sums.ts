/** Key of the sums of a group that are computed while the calling thread goes on. */
export const backgroundSums: unique symbol = Symbol('backgroundSums');

/** Starts a sum of a copy of the values; the returned function waits for the sum and writes it into `values`. */
export type StartSum = (values: Float32Array) => () => void;

/** A group whose transport has a thread of its own. Others have no such member. */
export interface HasBackgroundSums {
  readonly [backgroundSums]?: StartSum | undefined;
}
