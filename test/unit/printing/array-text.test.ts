import { arrayText } from '#lib/core/array-text';
import { expect } from 'chai';
import { type PrintingCase, readCases } from '../../conformance/reference/read.js';

function valuesOf({ shape, values, recipe }: PrintingCase): Float32Array {
  if (recipe === undefined) return Float32Array.from(values ?? [], Number);
  const [a, m, d, s] = recipe;
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, (_, i) => ((a * i) % m) / d - s);
}

describe('arrayText', () => {
  it("formats like numpy's array2string", () => {
    const cases = readCases<PrintingCase>('numpy/printing.jsonl');
    expect(cases.length).to.be.greaterThan(300);
    for (const each of cases) {
      const text = arrayText(valuesOf(each), each.shape);
      expect(text, JSON.stringify(each)).to.equal(each.text);
    }
  });

  it('uses one line if the width is infinite', () => {
    const values = Float32Array.from({ length: 60 }, (_, i) => i);
    const text = arrayText(values, [2, 30], { width: Infinity });
    expect(text).to.not.include('\n');
    expect(text).to.match(/^\[\[ 0\., {2}1\., .*, 29\.\], \[30\., 31\., .*, 59\.\]\]$/);
  });

  it('stays short for any shape', () => {
    // NumPy would print these two completely.
    expect(arrayText(new Float32Array(2 ** 20), Array<number>(20).fill(2)).length).to.be.lessThan(200_000);
    expect(arrayText(new Float32Array(6 ** 8), Array<number>(8).fill(6)).length).to.be.lessThan(200_000);
    expect(arrayText(new Float32Array(1), Array<number>(64).fill(1)).length).to.equal(64 + 2 + 64);
    expect(arrayText(new Float32Array(1001), [...Array<number>(63).fill(1), 1001])).to.include('...');
  });
});
