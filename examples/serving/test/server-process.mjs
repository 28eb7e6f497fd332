import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.mjs', import.meta.url));

/** The server in a separate process. */
export class Server {
  #child;
  #output = '';
  #waiting = [];

  constructor(...args) {
    this.#child = spawn(process.execPath, [main, '--port', '0', ...args]);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
        for (const check of this.#waiting) check();
      });
    }
    this.ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** Resolves with the first match in its past or future output. */
  printed(pattern) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(this.#output);
        if (match !== null) resolve(match);
      };
      this.#waiting.push(check);
      check();
      void this.ended.then(() => reject(new Error(`ended before ${pattern}: ${this.#output}`)));
    });
  }

  async url() {
    return (await this.printed(/listening at (\S+),/))[1];
  }

  kill(signal) {
    this.#child.kill(signal);
  }
}
