// Runs the `light` models of ONNX's test data through importOnnx: `node light.js FOLDER`. They are well-known networks whose weights
// are computed from their shapes, so that the files are small.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor } from 'batchnorm';
import { importOnnx } from 'batchnorm/onnx';
import { readTensorFile } from '#lib/onnx/proto/read-model';
import { readValue } from '#lib/onnx/read-values';
import { numbersOf } from '#lib/onnx/values';

/** ONNX's own tolerance. */
const [relative, absolute] = [1e-3, 1e-7];

/** As many as version 1.13 of ONNX and later have. */
const least = 9;

const [, , folder] = process.argv;
const fail = (expected: string, found: string): never => {
  throw new Error(`Expected ${expected} but found ${found}`);
};

let passed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.onnx'))) {
  const output = readTensorFile(readFileSync(join(folder, file.replace('.onnx', '_output_0.pb'))), fail);
  const expected = numbersOf(readValue(output, fail));
  const net = await importOnnx(join(folder, file));
  const shape = [1, 3, 224, 224];
  const count = 3 * 224 * 224;
  // The input that ONNX's runner makes for these models.
  const x = Tensor.from(
    Float32Array.from({ length: count }, (_, i) => i / count),
    shape,
  );
  const y = net.forward(x);
  const differs = y.data.some(
    (value, i) => !(Math.abs(value - expected[i]) <= absolute + relative * Math.abs(expected[i])),
  );
  if (y.shape.join() !== output.shape.join() || differs) console.log(`FAILED ${file}`);
  else passed++;
}
console.log(`light models: ${passed} pass`);
if (passed < least) process.exitCode = 1;
