import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { loadTrained } from '../../../examples/digits/checkpoint.js';
import { expectClose } from '../../support/expect-within.js';
import { emulated, node } from '../../support/node-process.js';
import { TemporaryDirectory } from './idx-files.js';

const program = fileURLToPath(new URL('../../../examples/digits/main.js', import.meta.url));

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

describe('npm start', function () {
  // Several complete training runs, each in a separate process.
  this.timeout(emulated ? 600_000 : 300_000);
  let directory: TemporaryDirectory;
  before(() => {
    directory = new TemporaryDirectory();
    directory.writeDigits(120, 20);
  });
  after(() => directory.remove());

  const inDirectory = (name: string) => join(directory.path, name);
  const train = (epochs: number, name: string, more: string[] = []) => [
    ...['--data', directory.path, '--epochs', String(epochs)],
    ...['--checkpoint', inDirectory(`${name}.npz`), '--report', inDirectory(`${name}.html`)],
    ...more,
  ];
  const resultsIn = (output: string) =>
    /Test accuracy[^]*?\n {2}with batch norm +([\d.]+ %) +(lr [\d.]+)[^]*?\n {2}without batch norm +([\d.]+ %) +(lr [\d.]+)/
      .exec(output)
      ?.slice(1);

  it('trains both networks on IDX files and prints plain lines without a terminal', async () => {
    const { code, output, errors } = await start(train(3, 'whole'));
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    expect(output).to.include('100 to train with, 20 to validate, 20 to test');
    expect(output.match(/lr 0\.\d\d tried/g)).to.have.length(2 * 4);
    expect(output.match(/epoch \d\/3 {2}loss/g)).to.have.length(2 * 3);
    expect(resultsIn(output)).to.have.length(4);
    expect(output).not.to.include('\x1b');
    expect(output)
      .to.include('Serve it:')
      .and.to.include(`--checkpoint ${inDirectory('whole.npz')}`);
    expect(readFileSync(inDirectory('whole.html'), 'utf8')).to.match(/^<!doctype html>[^]*<\/html>\n$/);
  });

  it('writes the report after each epoch', async () => {
    const epochs = 3;
    const seen: string[] = [];
    const outcome = await start(train(epochs, 'epochs'), (_, text) => {
      // Each line appears after the report of the epoch before it.
      const lines = text.match(/validation: loss|best: lr/g) ?? [];
      if (lines.length > 2 && existsSync(inDirectory('epochs.html'))) {
        seen.push(readFileSync(inDirectory('epochs.html'), 'utf8'));
      }
    });
    expect(outcome.code).to.equal(0);
    const messages = seen.map((text) => /Training (\w+ batch norm): (\d) of 3 epochs/.exec(text)?.slice(1));
    expect(messages).to.deep.include(['with batch norm', '3']);
    expect(readFileSync(inDirectory('epochs.html'), 'utf8')).to.include('test accuracy');
  });

  it('prints its options with --help', async () => {
    const { code, output } = await start(['--help']);
    expect(code).to.equal(0);
    for (const option of [
      '--data',
      '--epochs',
      '--images',
      '--seed',
      '--workers',
      '--checkpoint',
      '--resume',
      '--report',
    ]) {
      expect(output).to.include(option);
    }
  });

  it('rejects bad options with the usage', async () => {
    const { code, output, errors } = await start(['--epochs', 'many']);
    expect(code).to.equal(2);
    expect(output).to.equal('');
    expect(errors).to.include('--epochs but received "many"').and.to.include('Usage:');
  });

  it('names a missing file, without a stack trace', async () => {
    const { code, errors } = await start(['--data', program]);
    expect(code).to.equal(1);
    expect(errors)
      .to.include('train-images-idx3-ubyte')
      .and.not.to.match(/\n\s+at /);
  });

  it('saves and reports at Ctrl-C, prints the command that resumes, and reaches the same result', async () => {
    // The signal comes after the first epoch of two networks, and training goes on for more than one afterwards.
    const epochs = 6;
    const whole = await start(train(epochs, 'uninterrupted'));
    const first = await start(
      train(epochs, 'interrupted'),
      // Only once: a second signal ends the program immediately, as Node does by default.
      (child, text) => text.includes(`epoch 1/${epochs}`) && !child.killed && child.kill('SIGINT'),
    );
    expect(first.code).to.equal(130);
    expect(first.output).not.to.include('Test accuracy');
    const report = readFileSync(inDirectory('interrupted.html'), 'utf8');
    expect(report)
      .to.match(/^<!doctype html>[^]*<\/html>\n$/)
      .and.to.include('Interrupted. Resume with npm start -- ')
      .and.not.to.match(/http-equiv="refresh"|test accuracy/);
    expect(first.errors)
      .to.include('Interrupted. Saved')
      .and.not.to.match(/\n\s+at /);
    const [, command] = /npm start -- (.*)\n/.exec(first.errors) ?? [];

    const second = await start(command.split(' '));
    expect(second.errors).to.equal('');
    const [withBatchNorm] = second.output.split('Training without');
    expect(withBatchNorm).to.include(`epoch 3/${epochs}`).and.not.to.include(`epoch 1/${epochs}`);
    expect(resultsIn(second.output)).to.have.length(4);
    expect(resultsIn(second.output)).to.deep.equal(resultsIn(whole.output));
    const weights = (name: string) => readFileSync(inDirectory(`${name}.npz`)).length;
    expect(weights('interrupted')).to.equal(weights('uninterrupted'));
  });

  it('saves a completed training, which can be served and reported again', async () => {
    const whole = inDirectory('whole.npz');
    const { input } = await loadTrained(whole);
    expect([input.rows, input.columns]).to.deep.equal([4, 3]);
    const again = await start(train(3, 'again', ['--resume', whole]));
    expect(again.code).to.equal(0);
    expect(again.output).not.to.include('epoch 1/3');
    expect(readFileSync(inDirectory('again.npz')).length).to.equal(readFileSync(whole).length);
  });

  it('refuses to resume with other settings or from a file that is not a checkpoint', async () => {
    const resume = (file: string, epochs: number) => start(train(epochs, 'refused', ['--resume', file]));
    const other = await resume(inDirectory('whole.npz'), 4);
    expect(other.code).to.equal(1);
    expect(other.errors).to.include('Expected 4, which is --epochs').and.to.include('found 3');
    const missing = await resume(inDirectory('missing.npz'), 3);
    expect(missing.code).to.equal(1);
    expect(missing.errors)
      .to.include('missing.npz')
      .and.not.to.match(/\n\s+at /);
  });

  const weightsOf = async (name: string) =>
    (await loadTrained(inDirectory(`${name}.npz`))).network
      .parameters()
      .map(([key, tensor]) => [key, [...tensor.data]] as const);

  it('trains with worker threads as one process does', async () => {
    const { code, output, errors } = await start(train(3, 'workers', ['--workers', '2']));
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    expect(output).to.match(/^batchnorm: .* on each of 2 ranks\n/);
    expect(output.match(/epoch \d\/3 {2}loss/g)).to.have.length(2 * 3);
    expect(resultsIn(output)).to.have.length(4);
    const alone = await weightsOf('whole');
    for (const [i, [name, values]] of (await weightsOf('workers')).entries()) {
      expectClose(values, alone[i][1], 1e-4, name);
    }
    expect(readFileSync(inDirectory('workers.html'), 'utf8')).to.match(/^<!doctype html>[^]*<\/html>\n$/);
  });

  it('interrupts all worker threads at Ctrl-C, and resumes bit for bit', async () => {
    const epochs = 4;
    const workers = ['--workers', '2'];
    const whole = await start(train(epochs, 'whole-workers', workers));
    const first = await start(
      train(epochs, 'parts-workers', workers),
      (child, text) => text.includes(`epoch 1/${epochs}`) && !child.killed && child.kill('SIGINT'),
    );
    expect(first.code).to.equal(130);
    expect(first.errors).to.include('Interrupted. Saved').and.to.include('--workers 2');
    const [, command] = /npm start -- (.*)\n/.exec(first.errors) ?? [];
    const second = await start(command.split(' '));
    expect(second.errors).to.equal('');
    expect(resultsIn(second.output)).to.deep.equal(resultsIn(whole.output));
    expect(await weightsOf('parts-workers')).to.deep.equal(await weightsOf('whole-workers'));
  });
});
