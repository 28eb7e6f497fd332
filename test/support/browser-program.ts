import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipContent } from '#lib/io/npz/zip-content';
import * as batchnorm from 'batchnorm';
import * as onnx from 'batchnorm/onnx';
import * as raw from 'batchnorm/raw';
import { ZipFile } from 'yazl';

/** The modules of the package that the program gets. */
interface Library {
  readonly batchnorm: typeof batchnorm;
  readonly onnx: typeof onnx;
  readonly raw: typeof raw;
}

/** Results, which differ between backends by rounding only. */
export interface Outcome {
  readonly backend: { readonly name: string; readonly reason?: string };
  readonly losses: readonly number[];
  /** The scores of the trained network, of loaded ones and of a compiled plan. */
  readonly scores: Readonly<Record<string, readonly number[]>>;
  readonly normalized: readonly number[];
  /** Messages of the functions that cannot work in browsers. */
  readonly refused: readonly string[];
}

/**
 * Trains, infers and loads files of every format from every kind of content. Its text also becomes part of a page, so it
 * refers to nothing but its arguments and what browsers have.
 */
async function exercise(library: Library, download: (name: string) => Promise<Response>): Promise<Outcome> {
  const {
    backend,
    backward,
    BatchNorm2D,
    compile,
    Conv2D,
    Flatten2D,
    Linear,
    ReLU,
    Sequential,
    Sgd,
    Tensor,
  } = library.batchnorm;
  const { crossEntropyWithLogitsLoss, loadSafetensors } = library.batchnorm;
  const make = () => {
    let state = 1;
    const rng = () => (state = (state * 16807) % 2147483647) / 2147483647;
    const net = new Sequential(
      new Conv2D(1, 4, 3, { padding: 1 }),
      new BatchNorm2D(4),
      new ReLU(),
      new Flatten2D(),
      new Linear(4 * 6 * 6, 2),
    );
    net.resetParams(rng);
    return net;
  };
  // Bright on the left or on the right.
  const pixels = Float32Array.from({ length: 16 * 36 }, (_, i) => {
    const image = Math.floor(i / 36);
    const isLeft = i % 6 < 3;
    return (isLeft === (image % 2 === 0) ? 1 : 0) + ((i * 7919) % 97) / 97;
  });
  const classes = Int32Array.from({ length: 16 }, (_, i) => i % 2);
  const x = Tensor.from(pixels, [16, 1, 6, 6]);
  const scoresOf = (net: ReturnType<typeof make>) => Array.from(net.forward(x).data);

  const net = make();
  const sgd = new Sgd({ lr: 0.05, momentum: 0.9 });
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const loss = crossEntropyWithLogitsLoss(net.forwardMut(x.trace()), classes);
    losses.push(loss.item());
    sgd.update(net, backward(loss));
  }

  const scores: Record<string, number[]> = { trained: scoresOf(net) };
  const bytes = await (await download('net.npz')).arrayBuffer();
  const contents: Record<string, Response | File | ArrayBuffer | Uint8Array> = {
    response: await download('net.npz'),
    file: new File([new Uint8Array(bytes)], 'net.npz'),
    buffer: bytes,
    bytes: new Uint8Array(bytes),
    compressed: await download('compressed.npz'),
  };
  for (const [name, content] of Object.entries(contents)) {
    const loaded = make();
    await loaded.load(content);
    scores[name] = scoresOf(loaded);
  }
  const fromSafetensors = make();
  await loadSafetensors(await download('net.safetensors'), fromSafetensors);
  scores.safetensors = scoresOf(fromSafetensors);
  const fromOnnx = await library.onnx.importOnnx(await download('net.onnx'));
  scores.onnx = Array.from(fromOnnx.forward(x).data);
  const plan = compile(fromSafetensors, [16, 1, 6, 6]);
  scores.planSync = Array.from(plan.runSync(x).data);
  scores.plan = Array.from((await plan.run(x)).data);

  const { y } = library.raw.batchNormTraining({
    x: Float32Array.from([1, 2, 3, 4]),
    shape: [2, 1, 1, 2],
    ...{ scale: Float32Array.of(1), bias: Float32Array.of(0) },
  });

  const refused: string[] = [];
  const damaged = new Uint8Array(bytes.slice(0));
  damaged[damaged.length >> 1] ^= 1;
  for (const act of [() => net.load(damaged), () => download('missing.npz').then((file) => net.load(file))]) {
    await act().then(
      () => refused.push('accepted'),
      (error: unknown) => refused.push((error as Error).message),
    );
  }
  return { backend, losses, scores, normalized: Array.from(y), refused };
}

/** Runs the program in this process. */
export function exerciseHere(download: (name: string) => Promise<Response>): Promise<Outcome> {
  return exercise({ batchnorm, onnx, raw }, download);
}

/**
 * A module that runs the program in a page and leaves its result in `document.body.dataset.outcome`.
 * @param urls Where the package's entries are, as import specifiers.
 */
export function browserModule({
  index,
  onnx,
  raw,
}: Readonly<Record<'index' | 'onnx' | 'raw', string>>): string {
  return `import * as batchnorm from '${index}';
import * as onnx from '${onnx}';
import * as raw from '${raw}';
const exercise = ${exercise.toString()};
exercise({ batchnorm, onnx, raw }, (name) => fetch('/files/' + name)).then(
  (outcome) => { document.body.dataset.outcome = JSON.stringify(outcome); },
  (error) => { document.body.dataset.outcome = JSON.stringify({ error: String(error.stack) }); },
);
`;
}

/** The page of a module. */
export const browserPage = (script: string) =>
  `<!doctype html><link rel="icon" href="data:,"><title>batchnorm</title><body><script type="module" src="${script}"></script></body>`;

/** Writes the files that the program downloads into `folder`/files. */
export async function writeProgramFiles(folder: string): Promise<void> {
  const { Conv2D, BatchNorm2D, ReLU, Flatten2D, Linear, Sequential } = batchnorm;
  const net = new Sequential(
    new Conv2D(1, 4, 3, { padding: 1 }),
    new BatchNorm2D(4),
    new ReLU(),
    new Flatten2D(),
    new Linear(4 * 6 * 6, 2),
  );
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  await net.save(join(files, 'net.npz'));
  await net.saveSafetensors(join(files, 'net.safetensors'));
  await onnx.exportOnnx(net, join(files, 'net.onnx'), { input: [16, 1, 6, 6] });
  await compress(join(files, 'net.npz'), join(files, 'compressed.npz'));
}

/** Writes an archive with the same entries, deflated as by `numpy.savez_compressed`. */
async function compress(from: string, to: string): Promise<void> {
  const zip = new ZipFile();
  for (const entry of new ZipContent(readFileSync(from)).eachEntry()) {
    const parts: Buffer[] = [];
    for await (const part of await entry.open()) parts.push(part as Buffer);
    zip.addBuffer(Buffer.concat(parts), entry.fileNameRaw.toString(), { compress: true });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(to));
}
