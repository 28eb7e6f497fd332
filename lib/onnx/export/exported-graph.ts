import type { NodeProto } from '../proto/messages.js';
import type { Initializer } from './graph-builder.js';

/** The content of a file besides its versions. */
export interface ExportedGraph {
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly Initializer[];
  readonly input: readonly (number | string)[];
  readonly output: readonly (number | string)[];
  readonly outputName: string;
}
