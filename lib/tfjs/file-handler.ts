import { mkdir, readFile, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeChunks } from '../io/files/chunks.js';
import { FileFormatError } from '../io/files/file-format-error.js';
import { replaceFile } from '../io/files/replace-file.js';
import { quote } from '../validation/quote.js';
import type {
  IOHandler,
  ModelArtifacts,
  SaveResult,
  TensorFlow,
  WeightsGroup,
  WeightSpec,
} from './tensorflow.js';

// TensorFlow.js for Node without tfjs-node has no handler for file:// URLs. A saved model is a folder with model.json, as
// tfjs-node and the converter write it, and a file of weights. That file's name contains a hash of the weights, so that the
// weights of the previous model stay until model.json, which replaces the previous one atomically, names the new ones.

const scheme = 'file://';
const manifestName = 'model.json';

/** Registers `file://` for `model.save`, `tf.loadLayersModel` and `tf.loadGraphModel`, unless something else handles it. */
export function registerFileHandler(tf: TensorFlow): void {
  const { io } = tf;
  const route = (url: unknown): IOHandler | null => {
    const path = typeof url === 'string' && url.startsWith(scheme) ? url.slice(scheme.length) : '';
    return path === '' ? null : fileHandler(path);
  };
  if (io.getSaveHandlers(`${scheme}/model`).length === 0) io.registerSaveRouter(route);
  if (io.getLoadHandlers(`${scheme}/model/${manifestName}`).length === 0) io.registerLoadRouter(route);
}

/** Saves to a folder, and loads from its model.json. */
export function fileHandler(path: string): IOHandler {
  return { save: (artifacts) => save(path, artifacts), load: () => load(path) };
}

async function save(folder: string, artifacts: ModelArtifacts): Promise<SaveResult> {
  const { weightData, weightSpecs, ...rest } = artifacts;
  const parts = [weightData ?? []].flat().map((part) => new Uint8Array(part));
  await mkdir(folder, { recursive: true });
  const manifestPath = join(folder, manifestName);
  const previous = await weightPathsOf(manifestPath);
  // Imported here because node:crypto alone takes half as long to load as this package.
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const weightsName = `weights-${hash.digest('hex').slice(0, 16)}.bin`;
  await replaceFile(join(folder, weightsName), async (file) => {
    for (const part of parts) await writeChunks(file, part);
  });
  const { modelTopology, format, generatedBy, convertedBy, ...further } = rest;
  const manifest = {
    ...{ modelTopology, format, generatedBy, convertedBy, ...further },
    weightsManifest: [{ paths: [weightsName], weights: weightSpecs ?? [] }],
  };
  await replaceFile(manifestPath, (file) => file.writeFile(JSON.stringify(manifest)));
  // Files of our names only: others may belong to the user.
  const obsolete = previous.filter(
    (name) => /^weights-[0-9a-f]{16}\.bin$/.test(name) && name !== weightsName,
  );
  await Promise.all(obsolete.map((name) => unlink(join(folder, name)).catch(() => undefined)));
  const weightDataBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return {
    modelArtifactsInfo: {
      dateSaved: new Date(),
      modelTopologyType: 'JSON',
      modelTopologyBytes: bytesOf(modelTopology),
      weightSpecsBytes: bytesOf(weightSpecs),
      weightDataBytes,
    },
  };
}

function bytesOf(value: unknown): number {
  return value === undefined || value === null ? 0 : Buffer.byteLength(JSON.stringify(value));
}

/** The files of weights of the model that is replaced; none if there is none that can be read. */
async function weightPathsOf(manifestPath: string): Promise<string[]> {
  try {
    const { weightsManifest } = JSON.parse(await readFile(manifestPath, 'utf8')) as ModelJson;
    return (weightsManifest ?? []).flatMap(({ paths }) => paths);
  } catch {
    return [];
  }
}

interface ModelJson {
  readonly modelTopology?: unknown;
  readonly weightsManifest?: readonly WeightsGroup[];
}

async function load(path: string): Promise<ModelArtifacts> {
  const text = await readFile(path, 'utf8');
  let json: ModelJson;
  try {
    json = JSON.parse(text) as ModelJson;
  } catch (cause) {
    throw new FileFormatError(path, 'the JSON of a model', 'something else', undefined, { cause });
  }
  if (typeof json !== 'object' || json === null || typeof json.modelTopology !== 'object') {
    throw new FileFormatError(path, 'an object with modelTopology', 'none');
  }
  const { weightsManifest, ...rest } = json;
  if (weightsManifest === undefined) return rest;
  if (!Array.isArray(weightsManifest) || !weightsManifest.every(isGroup)) {
    throw new FileFormatError(path, 'groups of paths and weights', 'something else', 'weightsManifest');
  }
  const groups = weightsManifest as readonly WeightsGroup[];
  const weightSpecs = groups.flatMap(({ weights }) => weights);
  const paths = groups.flatMap((group) => group.paths);
  const parts: Buffer[] = [];
  for (const name of paths) parts.push(await readFile(join(dirname(path), insideFolder(path, name))));
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  const expected = weightBytes(weightSpecs);
  if (expected !== undefined && expected !== bytes) {
    throw new FileFormatError(path, `weights of ${expected} bytes`, `${bytes} in ${paths.join(', ')}`);
  }
  const weightData = new ArrayBuffer(bytes);
  const all = new Uint8Array(weightData);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return { ...rest, weightSpecs, weightData };
}

function isGroup(group: unknown): group is WeightsGroup {
  const { paths, weights } = (group ?? {}) as Partial<WeightsGroup>;
  return Array.isArray(paths) && paths.every((name) => typeof name === 'string') && Array.isArray(weights);
}

/** Models come from other people, who must not name files outside the model's folder. */
function insideFolder(path: string, name: string): string {
  const parts = name.split(/[/\\]/);
  if (basename(name) !== '' && !parts.includes('..') && !/^([/\\]|[a-z]:)/i.test(name)) return name;
  throw new FileFormatError(path, 'a path inside the folder of the model', quote(name), 'weightsManifest');
}

const bytesOfType: Readonly<Record<string, number>> = {
  ...{ float32: 4, int32: 4, bool: 1, complex64: 8 },
  ...{ float16: 2, uint16: 2, uint8: 1 },
};

/** Bytes that the weights occupy; undefined if the specifications do not tell, as for strings. */
function weightBytes(specs: readonly WeightSpec[]): number | undefined {
  let bytes = 0;
  for (const { shape, dtype, quantization } of specs) {
    const each = bytesOfType[quantization?.dtype ?? dtype];
    if (each === undefined || !Array.isArray(shape)) return undefined;
    bytes += each * shape.reduce((product: number, size: number) => product * size, 1);
  }
  return bytes;
}
