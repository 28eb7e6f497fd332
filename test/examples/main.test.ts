import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { node } from '../support/node-process.js';
import { TemporaryDirectory } from './idx-files.js';

const program = fileURLToPath(new URL('../../examples/digits/main.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the program without a terminal. */
function start(args: string[], watch?: (child: ChildProcess, output: string) => void) {
  return new Promise<Outcome>((resolve, reject) => {
    const child = spawn(node.file, node.args(program, ...args), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      watch?.(child, output);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output, errors }));
  });
}

describe('npm start', () => {
  let directory: TemporaryDirectory;
  before(() => {
    directory = new TemporaryDirectory();
    directory.writeDigits(120, 20);
  });
  after(() => directory.remove());

  it('trains both networks on IDX files and prints plain lines where there is no terminal', async () => {
    const { code, output, errors } = await start(['--data', directory.path, '--epochs', '3']);
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    expect(output).to.include('100 to train with, 20 to validate, 20 to test');
    expect(output.match(/lr 0\.\d\d {2}epoch \d\/3 {2}loss/g)).to.have.length(2 * 4 * 3);
    expect(output).to.match(
      /Test accuracy[^]*\n {2}with batch norm .* %[^]*\n {2}without batch norm .* %/,
    );
    expect(output).not.to.include('\x1b');
  });

  it('explains itself', async () => {
    const { code, output } = await start(['--help']);
    expect(code).to.equal(0);
    for (const option of ['--data', '--epochs', '--images', '--seed'])
      expect(output).to.include(option);
  });

  it('rejects bad options with the usage', async () => {
    const { code, output, errors } = await start(['--epochs', 'many']);
    expect(code).to.equal(2);
    expect(output).to.equal('');
    expect(errors).to.include('--epochs but received "many"').and.to.include('Usage:');
  });

  it('says which file is missing, without a stack', async () => {
    const { code, errors } = await start(['--data', program]);
    expect(code).to.equal(1);
    expect(errors)
      .to.include('train-images-idx3-ubyte')
      .and.not.to.match(/\n\s+at /);
  });

  it('ends at Ctrl-C', async () => {
    const { code, output, errors } = await start(
      ['--data', directory.path, '--epochs', '1000'],
      // Once: a second one ends the program at once, as Node does by default.
      (child, text) => text.includes('epoch 1/1000') && !child.killed && child.kill('SIGINT'),
    );
    expect(code).to.equal(130);
    expect(errors).to.equal('Interrupted.\n');
    expect(output).not.to.include('Test accuracy');
  });
});
