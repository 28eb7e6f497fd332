declare const tapeKind: unique symbol;

/** A tensor that records nothing: the input of inference. */
export interface NoneTape {
  /** Only the compiler sees it. */
  readonly [tapeKind]: 'none';
}

/** A tensor whose operations are recorded, so that `backward` can follow them: the input of training. */
export interface OwnedTape {
  /** Only the compiler sees it. */
  readonly [tapeKind]: 'owned';
}

/** Either kind of tape. */
export type Tape = NoneTape | OwnedTape;

/** The tape of a result of two operands: owned as soon as one of them is. */
export type MergedTape<T extends Tape, U extends Tape> = OwnedTape extends T
  ? OwnedTape
  : OwnedTape extends U
    ? OwnedTape
    : NoneTape;
