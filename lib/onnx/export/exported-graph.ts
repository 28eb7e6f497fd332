import type { NodeProto } from '../proto/messages.js';
import type { Initializer } from './graph-builder.js';

/** What a file contains besides its versions. */
export interface ExportedGraph {
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly Initializer[];
  readonly input: readonly (number | string)[];
  readonly output: readonly (number | string)[];
  readonly outputName: string;
}
