import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process that computes cases on demand, with the protocol of test/conformance/numerics/serve.ts. */
export class Implementation {
  #child;
  #lines;
  #errors = '';

  constructor(name, [program, ...args], { environment = {}, cwd, ours = false, emulated = false }) {
    this.name = name;
    this.ours = ours;
    this.emulated = emulated;
    this.#child = spawn(program, args, { cwd, env: { ...process.env, ...environment } });
    this.#child.stderr.on('data', (text) => (this.#errors += text));
    this.#child.stdin.on('error', () => undefined); // reported when its output ends
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.version = this.#next();
  }

  async ask(request, read) {
    await this.version;
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    await this.#next();
    return read(request);
  }

  stop() {
    this.#child.stdin.end();
  }

  async #next() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.name} ended:\n${this.#errors}`);
    return value;
  }
}
