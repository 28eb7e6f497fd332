/** Asserts that two types are the same: `check<Equal<A, B>>()` does not compile if they differ. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export declare function check<T extends true>(): T;
