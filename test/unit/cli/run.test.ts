import { readFileSync } from 'node:fs';
import { run } from '#lib/cli/run';
import { expect } from 'chai';
import { packagePath } from '../../support/package-path.js';
import { batchnorm, type Outcome } from './run-cli.js';

/** Runs the program in this process. */
async function runHere(...args: string[]): Promise<Outcome> {
  let output = '';
  let errors = '';
  const code = await run(args, {
    print: (text) => (output += text),
    printError: (text) => (errors += text),
  });
  return { code, output, errors };
}

describe('batchnorm', () => {
  it('is the program that package.json declares by this name', () => {
    const manifest = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
      bin: Record<string, string>;
      version: string;
    };
    expect(manifest.bin).to.deep.equal({ batchnorm: './dist/cli/main.js' });
    const main = readFileSync(packagePath(manifest.bin.batchnorm), 'utf8');
    expect(main).to.match(/^#!\/usr\/bin\/env node\n/);
    const { code, output, errors } = batchnorm(['--version']);
    expect({ code, output, errors }).to.deep.equal({
      code: 0,
      output: `${manifest.version}\n`,
      errors: '',
    });
  });

  for (const args of [['--help'], ['-h'], ['help']]) {
    it(`prints help for ${args.join(' ')}`, async () => {
      const { code, output, errors } = await runHere(...args);
      expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
      for (const part of ['info', 'bench', 'inspect', 'convert', 'Examples:', 'Exit codes:']) {
        expect(output).to.include(part);
      }
    });
  }

  for (const command of ['info', 'bench', 'inspect', 'convert']) {
    it(`prints help for ${command} with examples`, async () => {
      const { code, output } = await runHere(command, '--help');
      expect(code).to.equal(0);
      expect(output)
        .to.match(new RegExp(`^Usage: npx batchnorm ${command}`))
        .and.to.include(`Examples:\n  npx batchnorm ${command}`);
      expect((await runHere('help', command)).output).to.equal(output);
    });
  }

  it('without a command prints the help to stderr and fails', async () => {
    const { code, output, errors } = await runHere();
    expect({ code, output }).to.deep.equal({ code: 2, output: '' });
    expect(errors).to.include('Usage: npx batchnorm <command>');
  });

  const wrong: readonly (readonly [args: readonly string[], ...parts: readonly string[]])[] = [
    [['benhc'], 'Expected one of info, bench, inspect, convert for the command but received "benhc"'],
    [['help', 'all'], 'for the command but received "all"'],
    [['info', '--jsn'], 'Expected --json, --help but received "--jsn"', 'npx batchnorm info --help'],
    [['info', 'x'], 'Expected options only for info but received "x"'],
    [['bench', 'x'], 'Expected options only for bench but received "x"'],
    [['bench', '--seconds', '0'], 'a number from 0.1 to 600 for --seconds but received "0"'],
    [['bench', '--seconds', '1e1'], '--seconds but received "1e1"'],
    [['bench', '--seconds'], "'--seconds <value>'"],
    [['bench', '--shape', '1,2,3'], 'Expected N,C,H,W', '--shape but received "1,2,3"'],
    [['bench', '--shape', '1,2,1,1'], 'at least two values per channel', '"1,2,1,1"'],
    [['bench', '--shape', '1,1,65536,65536'], 'at most 536870912'],
    [['inspect'], 'Expected one FILE for inspect but received none'],
    [['inspect', 'a.npz', 'b.npz'], 'but received "a.npz", "b.npz"'],
    [['convert', 'a.npz'], 'Expected INPUT and OUTPUT for convert but received "a.npz"'],
    [['convert', 'a.npz', 'b.txt'], 'ends in .npz, .safetensors or .onnx'],
    [['convert', 'a.npz', 'b.onnx', '--shape', '1,x'], 'sizes such as 1,3,224,224 for --shape'],
  ];
  for (const [args, ...parts] of wrong) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, output, errors } = await runHere(...args);
      expect({ code, output }).to.deep.equal({ code: 2, output: '' });
      for (const part of parts) expect(errors).to.include(part);
      expect(errors).to.match(/^batchnorm: .*\nTry: npx batchnorm .*--help\n$/);
    });
  }
});
