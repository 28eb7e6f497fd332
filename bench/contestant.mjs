import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process that measures on demand; native/server.h has the lines that it is sent. */
export class Contestant {
  #child;
  #lines;

  /** Whether it takes images without a batch, as `case 0 C H W`. */
  takesChw = false;

  constructor(name, command, args, environment = {}) {
    this.name = name;
    this.command = [command, args, environment];
  }

  start() {
    const [command, args, environment] = this.command;
    this.#child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.errors = '';
    this.#child.stderr.on('data', (text) => (this.errors += text));
    this.#child.stdin.on('error', () => undefined); // it shows as an end of its output
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Makes the buffers of a case; the names of what can be run. */
  async prepare(shape, threads) {
    const images = this.takesChw ? 0 : 1; // of an image without a batch
    const sizes = shape.length === 3 ? [images, ...shape] : shape;
    return JSON.parse(await this.#ask(`case ${sizes.join(' ')} ${threads}`));
  }

  /** Milliseconds of one call. */
  async run(name, repeats) {
    return Number(await this.#ask(`run ${repeats} ${name}`));
  }

  /** MiB that were resident at most so far. */
  peakMemory() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)[1]) / 1024;
  }

  async stop() {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  async #ask(line) {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.name} ended at "${line}":\n${this.errors}`);
    return value;
  }
}
