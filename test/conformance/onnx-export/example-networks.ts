// The networks of the programs in examples/, which run here.
import { readdirSync } from 'node:fs';
import {
  Adam,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  Flatten2D,
  fold,
  type InferringLayer,
  Linear,
  MaxPool2D,
  type RandomSource,
  ReLU,
  Sequential,
  Sgd,
  type Shape,
  Softmax,
} from 'batchnorm';
import { makeClassifier, makeNormalized } from '../../../examples/digits/model.js';
import { SIZE } from '../../../examples/digits/render.js';
import { MobileNetV2 } from '../../../examples/models/mobilenet-v2.js';
import { ResNet18 } from '../../../examples/models/resnet-18.js';
import { packagePath } from '../../support/package-path.js';
import { idxBytes, TemporaryDirectory } from '../../unit/examples/idx-files.js';

/** A network, where it comes from, and a shape of its input. */
export type ExampleNetwork = readonly [name: string, model: InferringLayer, input: Shape];

/** Shapes of the inputs of the programs' networks; undefined for programs that have none or are listed below. */
const programs: Readonly<Record<string, Shape | undefined>> = {
  '01-tensor': undefined,
  '02-gradients': undefined,
  '03-batch-norm': undefined,
  '04-training': [3, 2, 1, 1],
  '05-your-own-module': [3, 2, 3, 3],
  '06-save-and-load': [2, 3, 2, 2],
  '07-fine-tuning': [2, 3, 2, 2],
  '08-recalibration': undefined,
  '09-raw': undefined,
  '10-seeds': [2, 3],
  '11-resume': [3, 3],
  '12-table': [3, 3],
  '13-signals': [2, 1, 64],
  mnist: [1, 1, 28, 28],
};

/**
 * Single batch norms, and the examples that are folders. Serving has the network of the digits, folded. The
 * model of the TensorFlow.js example is built from layers of this package.
 */
function others(rng: RandomSource): readonly ExampleNetwork[] {
  const digits: Shape = [2, 1, SIZE, SIZE];
  const images: Shape = [1, 3, 64, 64];
  // The layers of the TensorFlow.js model in the layout of this package.
  const tensorflow = new Sequential(
    new Conv2D(1, 8, 5, { rng }),
    new ReLU(),
    new MaxPool2D(2, { stride: 2 }),
    new Conv2D(8, 16, 5, { rng }),
    new ReLU(),
    new MaxPool2D(2, { stride: 2 }),
    new Flatten2D(),
    new Linear(256, 10, { rng }),
    new Softmax(),
  );
  return [
    ['03-batch-norm', new BatchNorm2D(2), [2, 2, 4, 4]],
    ['08-recalibration', new BatchNorm2D(1), [2, 1, 3, 1]],
    ['digits', makeClassifier(true, rng), digits],
    ['digits without batch norm', makeClassifier(false, rng), digits],
    ['serving', fold(makeNormalized(rng)), digits],
    ['models/resnet-18', new ResNet18(), images],
    ['models/mobilenet-v2', new MobileNetV2(), images],
    ['models/fine-tune', new ResNet18(2), [1, 3, 32, 32]],
    ['tensorflow-js', tensorflow, [1, 1, 28, 28]],
  ];
}

/**
 * Runs the programs and takes the largest network that each of them trains, saves or draws new weights for.
 * @throws Error for a program that is not listed above.
 */
export async function exampleNetworks(rng: RandomSource): Promise<readonly ExampleNetwork[]> {
  const found = readdirSync(packagePath('examples'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -'.ts'.length));
  const unknown = found.find((name) => !Object.hasOwn(programs, name));
  if (unknown !== undefined) throw new Error(`no shape of an input is listed for examples/${unknown}.ts`);
  const networks: ExampleNetwork[] = [];
  for (const name of found) {
    const input = programs[name];
    if (input === undefined) continue;
    const module = await run(name);
    networks.push([`examples/${name}`, module as unknown as InferringLayer, input]);
  }
  return [...networks, ...others(rng).map(([name, ...rest]) => [`examples/${name}`, ...rest] as const)];
}

async function run(name: string): Promise<BaseModule> {
  const seen = new Set<BaseModule>();
  const restore = [
    watch(Sgd.prototype, 'update', (_self, [module]) => seen.add(module as BaseModule)),
    watch(Adam.prototype, 'update', (_self, [module]) => seen.add(module as BaseModule)),
    watch(BaseModule.prototype, 'save', (self) => seen.add(self as BaseModule)),
    watch(BaseModule.prototype, 'resetParams', (self) => seen.add(self as BaseModule)),
  ];
  const { argv } = process;
  const directory = new TemporaryDirectory();
  try {
    if (name === 'mnist') writeImages(directory);
    process.argv = [...argv.slice(0, 2), directory.path, '1'];
    await import(`../../../examples/${name}.js`);
  } finally {
    process.argv = argv;
    directory.remove();
    for (const each of restore) each();
  }
  const size = (module: BaseModule) =>
    module.parameters().reduce((sum, [, { data }]) => sum + data.length, 0);
  const [largest] = [...seen].sort((a, b) => size(b) - size(a));
  if ((largest as BaseModule | undefined) === undefined)
    throw new Error(`examples/${name}.ts has no network`);
  return largest;
}

/** Calls `note` before each call of a method; returns a function that ends this. */
function watch(
  prototype: object,
  method: string,
  note: (self: unknown, args: readonly unknown[]) => void,
): () => void {
  const own = Object.getOwnPropertyDescriptor(prototype, method);
  const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
  Object.defineProperty(prototype, method, {
    configurable: true,
    writable: true,
    value(this: unknown, ...args: unknown[]) {
      note(this, args);
      return Reflect.apply(original, this, args);
    },
  });
  return () => {
    if (own === undefined) Reflect.deleteProperty(prototype, method);
    else Object.defineProperty(prototype, method, own);
  };
}

/** Few images, because only the network is of interest. */
function writeImages(directory: TemporaryDirectory): void {
  for (const [set, count] of [
    ['train', 64],
    ['t10k', 10],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    directory.write(`${set}-images-idx3-ubyte`, idxBytes([count, 28, 28], new Uint8Array(count * 784)));
    directory.write(`${set}-labels-idx1-ubyte`, idxBytes([count], labels));
  }
}
