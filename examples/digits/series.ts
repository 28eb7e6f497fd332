import type { NpzReader, NpzWriter, Resumable } from 'batchnorm';

/** Rows of numbers that are recorded during a training run and saved in its checkpoint. */
export class Series implements Resumable {
  #rows: number[][] = [];

  /** @param width Numbers in a row. */
  constructor(readonly width: number) {}

  get rows(): readonly (readonly number[])[] {
    return this.#rows;
  }

  add(...row: readonly number[]): void {
    if (row.length !== this.width) {
      throw new RangeError(`Expected ${this.width} numbers for a row but received ${row.length}`);
    }
    this.#rows.push([...row]);
  }

  /** The numbers of one column. */
  column(index: number): readonly number[] {
    return this.#rows.map((row) => row[index]);
  }

  write(zip: NpzWriter, prefix: string): void {
    zip.number(`${prefix}length.npy`, this.#rows.length);
    zip.numbers(`${prefix}rows.npy`, this.#rows.flat());
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    const length = await zip.number(`${prefix}length.npy`, {
      expected: 'a number of rows',
      fits: (value) => Number.isSafeInteger(value) && value >= 0,
    });
    const numbers = await zip.numbers(`${prefix}rows.npy`, length * this.width);
    zip.change(() => {
      this.#rows = Array.from({ length }, (_, i) => numbers.slice(i * this.width, (i + 1) * this.width));
    });
  }
}
