/** Makes names of members different, none of which is the beginning of another with a dot. */
export class Names {
  readonly #used = new Set<string>();

  /** The name itself, or with a number: `conv_2`. */
  unique(name: string): string {
    const base = name === '' ? 'value' : name;
    let result = base;
    for (let i = 2; this.#used.has(result); i++) result = `${base}_${i}`;
    this.#used.add(result);
    return result;
  }
}
