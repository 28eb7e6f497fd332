import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { encode, type Header } from '../io/safetensors/encode.js';
import { batchnorm } from './run-cli.js';

/** Escape, delete, CSI, a bidirectional override, zero width, a tag. */
const invisible = '\u001b[31m\u007f\u009b\u202e\u200b\u{e0041}';

/** Control characters other than line ends. */
const obeyed = /(?!\n)[\p{Cc}\p{Cf}]/u;

describe('batchnorm inspect of a hostile file', () => {
  const path = temporaryDirectory();

  /** Writes a file with a float32 of each name. */
  function write(name: string, names: readonly string[], change: (header: Header) => void = () => undefined) {
    const entries = names.map((each, i) => [
      each,
      { dtype: 'F32', shape: [1], data_offsets: [4 * i, 4 * i + 4] },
    ]);
    const header = Object.fromEntries(entries) as Header;
    change(header);
    writeFileSync(path(name), encode(header, Buffer.alloc(4 * names.length)));
    return path(name);
  }

  it('prints no control characters of the file', () => {
    const type = `${invisible}EVIL`;
    const file = write('control.safetensors', [`a${invisible}.weight`, 'a.running_var'], (header) => {
      header['a.running_var'].dtype = type;
    });
    for (const args of [[], ['--json'], ['--strict']]) {
      const { output, errors } = batchnorm(['inspect', file, ...args]);
      expect(output)
        .to.include('EVIL')
        .and.to.include(String.raw`\u001b[31m\u007f\u009b\u202e\u200b`);
      expect(output + errors).to.not.match(obeyed);
    }
    const { output } = batchnorm(['inspect', file, '--json']);
    const { arrays } = JSON.parse(output) as { arrays: { name: string; type: string }[] };
    expect(arrays.map(({ name }) => name)).to.include(`a${invisible}.weight`);
    expect(arrays.map((array) => array.type)).to.include(type);
  });

  it('escapes names in errors, and paths', () => {
    const file = write(`x${invisible}.safetensors`, [`a${invisible}`], (header) => {
      header[`a${invisible}`].shape = [-1];
    });
    for (const args of [[file], [path(`missing${invisible}`)], [file, `--${invisible}`], [file, invisible]]) {
      const { code, errors, output } = batchnorm(['inspect', ...args]);
      expect(code).to.be.oneOf([1, 2]);
      expect(errors).to.include(String.raw`\u001b[31m`);
      expect(errors + output).to.not.match(obeyed);
    }
  });

  it('limits the length of lines for any names, types and shapes', () => {
    const names = ['x'.repeat(1e6), ...Array.from({ length: 1000 }, (_, i) => `n${i}`), 'rank', 'type'];
    const file = write('wide.safetensors', names, (header) => {
      header.rank.shape = new Array<number>(100_000).fill(1);
      header.type.dtype = 'T'.repeat(100_000);
    });
    const { output, errors, code } = batchnorm(['inspect', file]);
    expect([code, errors]).to.deep.equal([0, '']);
    const lines = output.split('\n');
    expect(lines.length).to.be.above(1000);
    for (const line of lines) expect(line.length).to.be.below(400);
    expect(output).to.match(/^x{77}\.\.\. /m);
  });

  it('reports an output that cannot be written in one line', function () {
    if (!existsSync('/dev/full')) this.skip();
    const file = write('plain.safetensors', ['a.weight']);
    const program = packagePath('dist/cli/main.js');
    const command = ['sh', '-c', '"$@" > /dev/full', 'sh', node.file, ...node.args(program, 'inspect', file)];
    const { status, stderr } = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
    expect(stderr).to.equal('batchnorm: ENOSPC: no space left on device, write\n');
    expect(status).to.equal(1);
  });
});
