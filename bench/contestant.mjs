import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process that measures on demand; native/server.h documents its protocol. */
export class Contestant {
  #child;
  #lines;

  /** Whether it accepts single images without a batch axis, as `case 0 C H W`. */
  takesChw = false;

  constructor(name, command, args, environment = {}, folder = '.') {
    this.name = name;
    this.command = [command, args, environment, folder];
  }

  start() {
    const [command, args, environment, cwd] = this.command;
    this.#child = spawn(command, args, {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.errors = '';
    this.#child.stderr.on('data', (text) => (this.errors += text));
    this.#child.stdin.on('error', () => undefined); // reported when its output ends
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Allocates the buffers of a case; returns the names of its runs. */
  async prepare(shape, threads) {
    const images = this.takesChw ? 0 : 1; // 0 for an image without a batch axis
    const sizes = shape.length === 3 ? [images, ...shape] : shape;
    return JSON.parse(await this.#ask(`case ${sizes.join(' ')} ${threads}`));
  }

  /** Milliseconds of one call. */
  async run(name, repeats) {
    return Number(await this.#ask(`run ${repeats} ${name}`));
  }

  /** Peak of resident memory so far, in MiB. */
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
