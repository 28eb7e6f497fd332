// Exports the networks of cases.ts: `node write.js FOLDER`. For each, FOLDER gets an ONNX file, an input and the output of
// `forward`, as float32 in this machine's order; cases.json lists them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Shape, Tensor } from 'batchnorm';
import { exportOnnx } from 'batchnorm/onnx';
import { seeded } from '../../support/random.js';
import { exportCases } from './cases.js';

const [, , folder] = process.argv;
const rng = seeded(5);
const written: object[] = [];
for (const [i, { name, model, input, dynamic = true }] of (await exportCases()).entries()) {
  const forward = (x: Tensor<Shape>) => (model as { forward(x: Tensor<Shape>): Tensor<Shape> }).forward(x);
  for (const dynamicBatch of dynamic ? [false, true] : [false]) {
    const base = `${i}${dynamicBatch ? '-dynamic' : ''}`;
    const shape = dynamicBatch ? [input[0] + 2, ...input.slice(1)] : input;
    const x = Tensor.randn(shape, { rng });
    const y = forward(x);
    await exportOnnx(model, join(folder, `${base}.onnx`), { input, dynamicBatch, externalData: i % 7 === 0 });
    writeFileSync(join(folder, `${base}.x`), x.data);
    writeFileSync(join(folder, `${base}.y`), y.data);
    written.push({
      name: `${name}${dynamicBatch ? ', any batch' : ''}`,
      base,
      input: shape,
      output: y.shape,
    });
  }
}
writeFileSync(join(folder, 'cases.json'), JSON.stringify(written));
console.log(`${written.length} files`);
