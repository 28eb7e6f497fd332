declare const tapeKind: unique symbol;

/** The tape of a tensor that records nothing: the input of inference. */
export interface NoneTape {
  /** Exists only for the compiler. */
  readonly [tapeKind]: 'none';
}

/** The tape of a tensor whose operations are recorded for `backward`: the input of training. */
export interface OwnedTape {
  /** Exists only for the compiler. */
  readonly [tapeKind]: 'owned';
}

/** Either kind of tape. */
export type Tape = NoneTape | OwnedTape;

/** The tape of a result of two operands: owned if either operand's is. */
export type MergedTape<T extends Tape, U extends Tape> = OwnedTape extends T
  ? OwnedTape
  : OwnedTape extends U
    ? OwnedTape
    : NoneTape;
