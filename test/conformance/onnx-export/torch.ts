// Imports the files that torch-export.py wrote and compares the results with PyTorch's: `node torch.js FOLDER`. A batch of another
// size runs through the files that leave it open; plans are bit-identical to the folded network.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchNorm2D, compile, fold, type Shape, Tensor } from 'batchnorm';
import { importOnnx } from 'batchnorm/onnx';

interface Case {
  readonly name: string;
  readonly input: Shape;
  readonly output: Shape;
}

const [, , folder] = process.argv;
const cases = JSON.parse(readFileSync(join(folder, 'torch.json'), 'utf8')) as readonly Case[];

function read(file: string, shape: Shape): Tensor<Shape> {
  const bytes = readFileSync(join(folder, file));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Tensor.from(values, shape);
}

/** The largest difference, relative to the largest value. */
function difference(y: Tensor<Shape>, expected: Tensor<Shape>): number {
  if (y.shape.join() !== expected.shape.join()) throw new Error(`the shape is [${y.shape.join(', ')}]`);
  const largest = expected.data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return y.data.reduce((max, value, i) => Math.max(max, Math.abs(value - expected.data[i])), 0) / largest;
}

let [failures, worst] = [0, 0];
for (const { name, input, output } of cases) {
  try {
    const net = await importOnnx(join(folder, `${name}.onnx`));
    const [x, expected] = [read(`${name}.x`, input), read(`${name}.y`, output)];
    const found = difference(net.forward(x), expected);
    worst = Math.max(worst, found);
    if (!(found <= 1e-5)) throw new Error(`the output differs by ${found} of its largest value`);
    if (name.endsWith('-dynamic')) {
      const one = net.forward(x.slice({ axis: 0, end: 1 }));
      const alone = difference(one, expected.slice({ axis: 0, end: 1 }));
      if (!(alone <= 1e-5)) throw new Error(`the output of one image differs by ${alone}`);
    }
    const hasNorm = net.layers.some((layer) => layer instanceof BatchNorm2D);
    const folded = hasNorm ? fold(net) : net;
    const planned = compile(net, input).runSync(x);
    if (String(planned.data) !== String(folded.forward(x).data)) throw new Error('the plan has other bits');
  } catch (error) {
    failures++;
    console.log(`FAILED ${name}: ${(error as Error).message}`);
  }
}
console.log(`PyTorch: ${cases.length - failures} of ${cases.length} files; largest difference ${worst}`);
if (failures > 0) process.exitCode = 1;
