/** Makes names of members different, none of which is the beginning of another with a dot. */
export class Names {
  readonly #used = new Set<string>();
  /** The last number of each name, so that a graph that repeats one name takes no quadratic time. */
  readonly #numbers = new Map<string, number>();

  /** The name itself, or with a number: `conv_2`. */
  unique(name: string): string {
    const base = name === '' ? 'value' : name;
    let [result, number] = [base, this.#numbers.get(base) ?? 1];
    while (this.#used.has(result)) result = `${base}_${++number}`;
    this.#numbers.set(base, number);
    this.#used.add(result);
    return result;
  }
}
