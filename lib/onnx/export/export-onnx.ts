import { basename } from 'node:path';
import { readShape } from '../../core/values.js';
import { formatShape, type Shape } from '../../core/shape.js';
import { withFileMemory } from '../../io/files/file-memory.js';
import { type FilePath, readPath } from '../../io/files/path.js';
import { replaceFile } from '../../io/files/replace-file.js';
import { asPart } from '../../nn/compose/part.js';
import type { InferringLayer } from '../../nn/shape-rule.js';
import { capture } from '../../plan/capture.js';
import { orDefault, requireBoolean, requireOptions, wrongShape, wrongType } from '../../validation/errors.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { elementTypes } from '../proto/element-types.js';
import type { ModelProto, TensorProto, ValueProto } from '../proto/messages.js';
import { writeModel } from '../proto/write-model.js';
import { emitCalls } from './emit.js';
import type { ExportedGraph } from './exported-graph.js';
import { GraphBuilder, type Initializer } from './graph-builder.js';
import { withOpenBatch } from './open-batch.js';
import { toLittleEndian } from './little-endian.js';

/** Settings of `exportOnnx`. */
export interface ExportOnnxOptions {
  /** Shape of the input, such as [1, 3, 224, 224]. */
  readonly input: Shape;
  /**
   * Whether the first axis of the input, the batch, may have any size when the file is used. Default false: the size that `input`
   * has.
   */
  readonly dynamicBatch?: boolean;
  /**
   * Whether the values of the parameters are in a second file, `<path>.data`. Default: if they take more than 2 GB, which is more
   * than one ONNX file holds.
   */
  readonly externalData?: boolean;
}

/** Version 17 is the first with LayerNormalization. */
const opset = 17;
/** The version of the format that belongs to it. */
const irVersion = 8;

/** Protocol buffers hold less than 2 GiB, names and shapes included. */
const maxInlineBytes = 2_000_000_000;

/**
 * Writes a network for inference to an ONNX file: the operators of version 17 that compute what `model.forward` computes.
 *
 * Parameters keep their names. Batch norms remain separate nodes: to join them with the convolutions before them, export
 * `fold(model)`. The save is atomic.
 *
 * @param model A module whose `forward` maps one tensor to one tensor by operations of this package.
 * @param path Path of the `.onnx` file.
 * @throws Error with the code ERR_BATCHNORM_CAPTURE, naming the module, for a `forward` that does more than call operations, or that
 * depends on the size of the batch with `dynamicBatch`; errors of the model for an input of this shape; errors of the operating
 * system.
 *
 * @example
 * await exportOnnx(net, 'net.onnx', { input: [1, 3, 32, 32], dynamicBatch: true });
 */
export async function exportOnnx(
  model: InferringLayer,
  path: FilePath,
  options: ExportOnnxOptions,
): Promise<void> {
  if (arguments.length > 3) requireNoSurplus('exportOnnx', 3, arguments);
  asPart('model', model);
  const file = readPath('path', path);
  if ((options as unknown) === undefined)
    throw wrongType('options', 'an object with the shape of the input', options);
  const given = requireOptions('options', options, ['input', 'dynamicBatch', 'externalData']);
  const input = readShape('input', given.input as Shape);
  const isOpen = requireBoolean('dynamicBatch', orDefault(given.dynamicBatch, false));
  const graph = isOpen ? openGraph(model, input) : graphOf(model, input);
  const bytes = graph.initializers.reduce((sum, { values }) => sum + 4 * values.length, 0);
  const isExternal = requireBoolean('externalData', orDefault(given.externalData, bytes > maxInlineBytes));
  await withFileMemory(`writing ${file}`, () => write(file, graph, isExternal));
}

const inputName = 'input';

function graphOf(model: object, input: Shape): ExportedGraph {
  const captured = capture(model, input);
  const graph = new GraphBuilder(captured.input, inputName);
  emitCalls(captured, graph);
  const output = captured.outputShape;
  const name = graph.inShape(graph.find(captured.output), output);
  const outputName = graph.unique('output');
  // The last name, so that a network without nodes has one, too.
  graph.nodes.push({
    ...{ name: graph.unique('Identity'), operator: 'Identity', domain: '' },
    ...{ inputs: [name], outputs: [outputName], attributes: [] },
  });
  const { nodes, initializers } = graph;
  return { nodes: withoutLastIdentity(nodes, name, outputName), initializers, input, output, outputName };
}

/** Gives the output's name to the node that computes it, if no other node reads it. */
function withoutLastIdentity(
  nodes: ExportedGraph['nodes'],
  name: string,
  output: string,
): ExportedGraph['nodes'] {
  const others = nodes.slice(0, -1);
  if (!others.some((node) => node.outputs.includes(name))) return nodes;
  const rename = (each: string) => (each === name ? output : each);
  return others.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
}

/** The graph for a batch of any size: what batches of two sizes have in common. */
function openGraph(model: object, input: Shape): ExportedGraph {
  if (input.length === 0 || input[0] === 0) {
    throw wrongShape('input', 'a batch of at least 1 with dynamicBatch', `shape ${formatShape(input)}`);
  }
  // Not 1, which broadcasts. Two sizes without a common factor change every product with the batch as a factor.
  const [first, second] = [3, 5].map((batch) => graphOf(model, [batch, ...input.slice(1)]));
  return withOpenBatch(first, second);
}

async function write(file: string, graph: ExportedGraph, isExternal: boolean): Promise<void> {
  const dataFile = `${file}.data`;
  let offset = 0;
  const tensors = graph.initializers.map((initializer): TensorProto => {
    if (!isExternal || initializer.isShape === true) return tensorOf(initializer);
    const length = 4 * initializer.values.length;
    const place = new Map([
      ['location', basename(dataFile)],
      ['offset', String(offset)],
      ['length', String(length)],
    ]);
    offset += length;
    return { ...headerOf(initializer), values: { kind: 'external', place } };
  });
  if (isExternal) {
    await replaceFile(dataFile, async (handle) => {
      for (const { values, isShape } of graph.initializers) {
        if (isShape !== true) await handle.writeFile(toLittleEndian(values, isShape));
      }
    });
  }
  const bytes = writeModel(modelOf(graph, tensors));
  await replaceFile(file, async (handle) => {
    await handle.writeFile(bytes);
  });
}

function modelOf(graph: ExportedGraph, initializers: readonly TensorProto[]): ModelProto {
  const value = (name: string, shape: ValueProto['shape']): ValueProto => ({
    ...{ name, elementType: elementTypes.float32, shape },
  });
  return {
    ...{ irVersion, producer: 'batchnorm', opsets: [{ domain: '', version: opset }] },
    graph: {
      ...{ name: 'model', nodes: graph.nodes, initializers, values: [] },
      inputs: [value(inputName, graph.input)],
      outputs: [value(graph.outputName, graph.output)],
    },
  };
}

function headerOf({ name, shape, isShape }: Initializer) {
  return { name, elementType: isShape === true ? elementTypes.int64 : elementTypes.float32, shape };
}

function tensorOf(initializer: Initializer): TensorProto {
  const bytes = toLittleEndian(initializer.values, initializer.isShape);
  return { ...headerOf(initializer), values: { kind: 'raw', bytes } };
}
