// The parts of ONNX's messages that the package uses (https://onnx.ai/onnx/repo-docs/IR.html). Field numbers are in
// read-model.ts and write-model.ts.

/** A model: a graph and the versions of the operator sets that it uses. */
export interface ModelProto {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: readonly OpsetProto[];
  readonly graph: GraphProto;
  /** Whether the model defines its own functions. */
  readonly hasFunctions?: boolean;
}

export interface OpsetProto {
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly version: number;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  /** Inputs, which in old files include the initializers. */
  readonly inputs: readonly ValueProto[];
  readonly outputs: readonly ValueProto[];
  /** Types of intermediate values. */
  readonly values: readonly ValueProto[];
  /** Whether there are sparse initializers, which the package does not read. */
  readonly hasSparse?: boolean;
}

export interface NodeProto {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  /** Names of values; an empty name is an optional input that is missing. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

/** An attribute with one of its values. */
export interface AttributeProto {
  readonly name: string;
  readonly value: AttributeValue;
}

export type AttributeValue =
  | { readonly kind: 'float' | 'int'; readonly number: number }
  | { readonly kind: 'floats' | 'ints'; readonly numbers: readonly number[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'tensor'; readonly tensor: TensorProto }
  /** Subgraphs, lists of strings and others, which no supported operator has. */
  | { readonly kind: 'other' };

/** The name, type and shape of a value. */
export interface ValueProto {
  readonly name: string;
  /** A number of `elementTypes`; 0 if it is not a tensor. */
  readonly elementType: number;
  /** Undefined if even the number of axes is unknown. A string is the name of an unknown size. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface TensorProto {
  readonly name: string;
  /** A number of `elementTypes`. */
  readonly elementType: number;
  readonly shape: readonly number[];
  readonly values: TensorValues;
}

/** Where the values of a tensor are. */
export type TensorValues =
  /** Little-endian bytes. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** Numbers, among them the bits of 16-bit floats. */
  | { readonly kind: 'numbers'; readonly numbers: readonly number[] }
  | { readonly kind: 'strings' }
  /** In another file. */
  | { readonly kind: 'external'; readonly place: ReadonlyMap<string, string> };
