import type { Argument } from './argument.js';
import type { signatures } from './signatures.js';

type Signatures = typeof signatures;

/**
 * The operations of every backend: for each signature, a function of positional arguments that needs no
 * `this`.
 */
export type Operations = {
  readonly [Name in keyof Signatures]: Call<Signatures[Name]>;
};

type Call<S extends readonly unknown[]> = S extends readonly [...infer Parameters, `returns ${infer Result}`]
  ? (...values: Values<Parameters>) => Result extends 'number' ? number : boolean
  : (...values: Values<S>) => void;

type Values<Parameters extends readonly unknown[]> = {
  -readonly [I in keyof Parameters]: Value<Parameters[I]>;
};

type Value<P> = P extends `${infer Head}[${string}]${infer Condition}`
  ? | Argument<LastWord<Head>, Head extends `${string} double ${string}` ? Float64Array : Float32Array>
    | (Head extends `${string}? ${string}` ? null : Condition extends '' ? never : null)
  : P extends `boolean ${string}`
    ? boolean
    : number;

type LastWord<S> = S extends `${string} ${infer Rest}` ? LastWord<Rest> : S;
