import { CaptureMemory } from '#lib/plan/capture-memory';
import { capture } from '#lib/plan/capture';
import { BaseModule, compile, concat, Sequential, Tanh, Tensor, type Tensor2D } from 'batchnorm';
import { expect } from 'chai';

const mebibyte = 1024 * 1024;

describe('memory of a capture', () => {
  it('consists of arrays of the wanted lengths that share nothing', () => {
    const memory = new CaptureMemory();
    const lengths = [3, 0, 0, 16, 1, 300_000, 17, 20_000_000, 5, 0, 200_000];
    const arrays = lengths.map((length) => memory.allocate(length));
    expect(arrays.map(({ length }) => length)).to.deep.equal(lengths);
    for (const [i, a] of arrays.entries()) {
      expect(a.byteOffset % 64).to.equal(0);
      for (const b of arrays.slice(0, i)) {
        const isSame = a.buffer === b.buffer && a.byteOffset === b.byteOffset;
        expect(isSame, `${a.length} and ${b.length}`).to.equal(false);
      }
      a.subarray(0, 20_000).fill(i + 1);
    }
    for (const [i, a] of arrays.entries())
      expect(a.every((each, j) => j >= 20_000 || each === i + 1)).to.equal(true);
  });

  it('hardly becomes resident', () => {
    const net = new Sequential(...(Array.from({ length: 256 }, () => new Tanh()) as []));
    capture(net, [1, 16]);
    const before = process.memoryUsage.rss();
    // Twice 256 results of 2 MiB.
    expect(capture(net, [1, mebibyte / 2]).calls).to.have.length(256);
    expect(process.memoryUsage.rss() - before).to.be.below(128 * mebibyte);
  });

  it('keeps empty results and parts of results apart', () => {
    class Parts extends BaseModule {
      forward(x: Tensor2D<number, number>) {
        const empty = x.slice({ axis: 1, end: 0 });
        return concat([empty, x.exp(), empty.relu(), Tensor.zeros([2, 0])], { axis: 1 });
      }
    }
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    const y = compile(new Parts(), [2, 3]).runSync(x);
    expect(y.array()).to.deep.equal(new Parts().forward(x).array());
  });
});
