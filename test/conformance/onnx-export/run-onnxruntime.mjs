// Runs the files that write.ts wrote in onnxruntime-node: `node run-onnxruntime.mjs FOLDER PACKAGE`, where PACKAGE is the folder of
// onnxruntime-node. Fails if an output differs by more than 1e-5 of its largest value.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , folder, packageFolder] = process.argv;
const { InferenceSession, Tensor } = createRequire(import.meta.url)(packageFolder);

let failures = 0;
let worst = 0;
const cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
for (const { name, base, input, output } of cases) {
  try {
    const session = await InferenceSession.create(join(folder, `${base}.onnx`), {
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    const results = await session.run({ input: new Tensor('float32', read(`${base}.x`), input) });
    const difference = compare(results.output, read(`${base}.y`), output);
    worst = Math.max(worst, difference);
    if (!(difference <= 1e-5)) throw new Error(`the output differs by ${difference} of its largest value`);
    await session.release();
  } catch (error) {
    failures++;
    console.log(`FAILED ${name} (${base}): ${error.message}`);
  }
}
console.log(`onnxruntime: ${cases.length - failures} of ${cases.length} files; largest difference ${worst}`);
if (failures > 0) process.exitCode = 1;

function read(file) {
  const bytes = readFileSync(join(folder, file));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** The largest difference, relative to the largest value. */
function compare({ data, dims }, expected, shape) {
  if (dims.join() !== shape.join()) throw new Error(`the shape is [${dims}] instead of [${shape}]`);
  let [difference, largest] = [0, 0];
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - data[i]));
    largest = Math.max(largest, Math.abs(value));
  });
  return largest === 0 ? difference : difference / largest;
}
