/** Key of the sums of a group that are computed while the calling thread keeps running. */
export const backgroundSums: unique symbol = Symbol('backgroundSums');

/** Starts a sum of a copy of the values; the returned function waits for the sum and writes it into `values`. */
export type StartSum = (values: Float32Array) => () => void;

/** A group; the member exists if a separate thread of the transport can add while JavaScript computes. */
export interface HasBackgroundSums {
  readonly [backgroundSums]?: StartSum | undefined;
}
