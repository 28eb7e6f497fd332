import type { DescribedGraph } from '../onnx/describe-graph.js';
import type { InspectedArray } from './inspected-array.js';

/** The content of a file. */
export interface Contents {
  readonly format: 'npz' | 'npy' | 'safetensors' | 'onnx';
  readonly arrays: readonly InspectedArray[];
  /** Entries that are not arrays, judging by their names. */
  readonly others: readonly string[];
  readonly unreadable: readonly { readonly name: string; readonly message: string }[];
  /** The graph of an ONNX file. */
  readonly graph?: DescribedGraph;
}
