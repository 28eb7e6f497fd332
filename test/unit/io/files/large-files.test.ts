import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import {
  BaseModule,
  type CanUpdateWithGradients,
  loadNpz,
  loadSafetensors,
  type NpzReader,
  type NpzWriter,
  saveNpz,
  saveSafetensors,
  type Shape,
  Tensor,
} from 'batchnorm';
import { exportOnnx, importOnnx } from 'batchnorm/onnx';
import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

// Just over 2^31 bytes, where a single read or write fails. Takes 5 GB of memory and of disk.
const count = 2 ** 29 + 6;
const marks = [0, 1, 2 ** 18 - 1, 2 ** 18, 2 ** 29 - 1, 2 ** 29, count - 1];

/** A module with one tensor that has marker values at chunk borders and beyond 2 GiB. */
function moduleOf(tensor: Tensor<readonly [number]>): Pick<CanUpdateWithGradients, 'parameters'> {
  return { parameters: () => [['w', tensor]] };
}

function expectMarks(tensor: Tensor<readonly [number]>): void {
  const found = marks.map((at) => tensor.data[at]);
  expect(found).to.deep.equal(marks.map((_, i) => i + 1));
  // The values around them are zero: nothing was written twice or elsewhere.
  expect(tensor.data[2]).to.equal(0);
  expect(tensor.data[count - 2]).to.equal(0);
  expect(tensor.data.reduce((sum, value) => sum + value, 0)).to.equal(28);
}

describe('tensors of more than 2 GiB', function () {
  this.timeout(600_000);
  const path = temporaryDirectory();

  before(function () {
    if (process.env.BATCHNORM_TEST_LONG !== '1') this.skip();
  });

  it('are loaded from safetensors', async () => {
    const file = path('sparse.safetensors');
    const entry = { dtype: 'F32', shape: [count], data_offsets: [0, 4 * count] };
    const header = Buffer.from(JSON.stringify({ w: entry }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const handle = openSync(file, 'w');
    writeSync(handle, Buffer.concat([length, header]));
    for (const [i, at] of marks.entries()) {
      writeSync(handle, Buffer.from(Float32Array.of(i + 1).buffer), 0, 4, 8 + header.length + 4 * at);
    }
    closeSync(handle);
    truncateSync(file, 8 + header.length + 4 * count);
    const tensor = Tensor.zeros([count]);
    await loadSafetensors(file, moduleOf(tensor));
    expectMarks(tensor);
    rmSync(file);
  });

  it('are saved and loaded as safetensors and as .npz', async () => {
    const tensor = Tensor.zeros([count]);
    for (const [i, at] of marks.entries()) tensor.data[at] = i + 1;
    const back = Tensor.zeros([count]);

    await saveSafetensors(path('large.safetensors'), moduleOf(tensor));
    await loadSafetensors(path('large.safetensors'), moduleOf(back));
    expectMarks(back);
    rmSync(path('large.safetensors'));

    back.data.fill(0);
    await saveNpz(path('large.npz'), { write: (zip: NpzWriter) => zip.tensor('w.npy', tensor) });
    await loadNpz(path('large.npz'), { read: (zip: NpzReader) => zip.tensor('w.npy', back) });
    expectMarks(back);
  });

  class Large extends BaseModule {
    readonly w = Tensor.zeros([count]);

    forward(x: Tensor<Shape>): Tensor<Shape> {
      return x.add(this.w.sum());
    }
  }

  it('are written to ONNX files as external data, and read back', async () => {
    const model = new Large();
    marks.forEach((at, i) => (model.w.data[at] = i + 1));
    const file = path('large.onnx');
    await exportOnnx(model, file, { input: [2] });
    expect(statSync(file).size).to.be.lessThan(10_000);
    expect(statSync(`${file}.data`).size).to.equal(4 * count);
    const read = await importOnnx(file);
    const [w] = read.tensors;
    expectMarks(w as Tensor<readonly [number]>);
    expect(Array.from(read.forward(Tensor.from([0, 1], [2])).data)).to.deep.equal([28, 29]);
  });
});
