import { Tensor } from '../tensor.js';
import type { Shape } from '../core/shape.js';
import { FileFormatError } from '../io/files/file-format-error.js';
import { numberTypes } from '../io/files/number-type.js';
import { BaseModule } from '../nn/base-module.js';
import { type Member, membersOf } from '../nn/members.js';
import { exportOnnx } from '../onnx/export/export-onnx.js';
import { importOnnx, readModelFile } from '../onnx/import/import-onnx.js';
import type { OnnxModel } from '../onnx/import/onnx-model.js';
import { groupOf } from './array-groups.js';
import { UsageError } from './arguments.js';
import type { InspectedArray } from './inspected-array.js';
import type { Contents } from './contents.js';
import { readArrays } from './read-arrays.js';

/** The formats of files that can be written. */
export type OutputFormat = 'npz' | 'safetensors' | 'onnx';

interface Conversion {
  readonly input: string;
  readonly output: string;
  readonly format: OutputFormat;
  /** ONNX file of the network, if the input is none. */
  readonly model: string | undefined;
  /** Shape of the network's input. */
  readonly shape: Shape | undefined;
}

/**
 * Converts a file.
 * @returns The number of arrays.
 */
export async function convertFile({ input, output, format, model, shape }: Conversion): Promise<number> {
  const contents = await readArrays(input);
  if (format === 'onnx') {
    const network = contents.format === 'onnx' ? input : model;
    if (network === undefined) {
      throw new UsageError(
        'Expected --model, the ONNX file of a network with these parameters, for an ONNX file',
      );
    }
    const net = await importOnnx(network);
    if (network !== input) await load(net, input, contents);
    await exportOnnx(net, output, await inputOf(network, net, shape));
    return net.parameters().length;
  }
  const module = contents.format === 'onnx' ? await importOnnx(input) : await readModule(input, contents);
  if (format === 'npz') await module.save(output);
  else await module.saveSafetensors(output);
  return module.parameters().length;
}

/** The arrays of a file as the parameters of a module. */
class Arrays extends BaseModule {
  constructor(private readonly arrays: ReadonlyMap<string, Tensor<Shape>>) {
    super();
  }

  override [membersOf](): readonly Member[] {
    return [...this.arrays].map(([name, tensor]) => ({
      ...{ field: 'arrays', place: name, key: name, tensor, learned: true, value: tensor },
    }));
  }
}

async function readModule(file: string, contents: Contents): Promise<BaseModule> {
  const { format, arrays, unreadable } = contents;
  if (format === 'npy') throw new FileFormatError(file, 'arrays with names', 'a single array (.npy)');
  const [failed] = unreadable;
  if (failed !== undefined) throw new FileFormatError(file, 'readable arrays', failed.message);
  const wanted = arrays.filter((array) => ['weights', 'statistics', 'settings'].includes(groupOf(array)));
  const module = new Arrays(new Map(wanted.map((array) => [plainName(array), emptyTensor(file, array)])));
  await load(module, file, contents);
  return module;
}

async function load(module: BaseModule, file: string, { format }: Contents): Promise<void> {
  if (format === 'npz') await module.load(file, { strict: false });
  else await module.loadSafetensors(file, { strict: false });
}

const plainName = ({ name }: InspectedArray) => name.replace(/\.npy$/, '');

function emptyTensor(file: string, { name, type, shape, loadable }: InspectedArray): Tensor<Shape> {
  if (!loadable) throw new FileFormatError(file, numberTypes, type, name);
  return Tensor.zeros(shape);
}

/** The shape of the network's input: the given one, or that of the file. */
async function inputOf(file: string, net: OnnxModel, shape: Shape | undefined) {
  if (shape !== undefined) return { input: shape };
  const { inputs } = (await readModelFile(file)).graph;
  const sizes = inputs.find(({ name }) => name === net.inputNames[0])?.shape;
  const isOpen = typeof sizes?.[0] === 'string';
  const input = sizes?.map((size, axis) => (axis === 0 && isOpen ? 1 : size));
  if (input?.every((size) => typeof size === 'number') !== true) {
    throw new UsageError(`Expected --shape, because ${file} leaves the shape of its input open`);
  }
  return { input: input as Shape, dynamicBatch: isOpen };
}
