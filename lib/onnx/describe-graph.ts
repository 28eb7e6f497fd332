import { FileFormatError } from '../io/files/file-format-error.js';
import { buildModel } from './import/build-model.js';
import { defaultComputedBytes, readModelFile, readTensor } from './import/import-onnx.js';
import { elementTypeName } from './proto/element-types.js';
import type { ValueProto } from './proto/messages.js';
import { formatSizes, type Sizes, type Value } from './values.js';

/** A value of a graph. */
export interface DescribedValue {
  readonly name: string;
  readonly type: string;
  /** As text: sizes that are not known are names or `?`. */
  readonly shape: string;
}

export interface DescribedNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Shape of the first output. */
  readonly shape: string;
}

/** A description of an ONNX file's content. */
export interface DescribedGraph {
  readonly producer: string;
  /** Version of ONNX's operators. */
  readonly opset: number;
  readonly inputs: readonly DescribedValue[];
  readonly outputs: readonly DescribedValue[];
  readonly nodes: readonly DescribedNode[];
  /** Why `importOnnx` refuses the file; undefined if it does not. */
  readonly problem: string | undefined;
}

/** An initializer with its values; undefined if they cannot be read. */
export interface DescribedTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly value: Value | undefined;
  /** Why its values cannot be read. */
  readonly problem?: string;
}

/**
 * Reads the graph of a file and its tensors. A file that `importOnnx` refuses is described, too, unless it is damaged.
 * @throws FileFormatError for another kind of file, and damage.
 */
export async function describeGraph(
  file: string,
): Promise<{ readonly graph: DescribedGraph; readonly tensors: readonly DescribedTensor[] }> {
  const model = await readModelFile(file);
  const { graph, producer, opsets } = model;
  const tensors: DescribedTensor[] = [];
  for (const tensor of graph.initializers) {
    const described = { name: tensor.name, type: elementTypeName(tensor.elementType), shape: tensor.shape };
    try {
      tensors.push({ ...described, value: await readTensor(file, tensor) });
    } catch (error) {
      tensors.push({ ...described, value: undefined, problem: messageOf(error) });
    }
  }
  const stated = [...graph.inputs, ...graph.values, ...graph.outputs];
  const sizes = new Map<string, Sizes | undefined>(stated.map(({ name, shape }) => [name, shape]));
  let problem = tensors.find((tensor) => tensor.problem !== undefined)?.problem;
  try {
    const values = tensors.flatMap(({ name, value }) =>
      value === undefined ? [] : [[name, value] as const],
    );
    if (problem === undefined) {
      const built = buildModel(file, model, new Map(values), defaultComputedBytes);
      for (const [name, each] of built.sizes) if (each !== undefined) sizes.set(name, each);
    }
  } catch (error) {
    problem = messageOf(error);
  }
  const describe = ({ name, elementType }: ValueProto): DescribedValue => ({
    ...{ name, type: elementTypeName(elementType), shape: formatSizes(sizes.get(name)) },
  });
  const constants = new Set(graph.initializers.map(({ name }) => name));
  return {
    tensors,
    graph: {
      ...{ producer, opset: opsets.find(({ domain }) => domain === '')?.version ?? 0, problem },
      inputs: graph.inputs.filter(({ name }) => !constants.has(name)).map(describe),
      outputs: graph.outputs.map(describe),
      nodes: graph.nodes.map(({ name, operator, inputs, outputs }) => ({
        ...{ name, operator, inputs, outputs, shape: formatSizes(sizes.get(outputs[0] ?? '')) },
      })),
    },
  };
}

function messageOf(error: unknown): string {
  if (error instanceof FileFormatError || (error as NodeJS.ErrnoException).code !== undefined) {
    return (error as Error).message;
  }
  throw error;
}
