import { resolve } from 'node:path';
import { expect } from 'chai';
import { parseOptions, resumeCommand, serveCommands, UsageError } from '../../../examples/digits/options.js';
import { expectError } from '../../support/errors.js';

describe('parseOptions', () => {
  const rejects = (args: string[], ...parts: string[]) =>
    expectError(() => parseOptions(args), UsageError, ...parts);

  it('has a default for everything', () => {
    expect(parseOptions([])).to.deep.equal({
      data: undefined,
      epochs: 3,
      images: 24_000,
      seed: 1,
      workers: 1,
      checkpoint: 'digits.npz',
      resume: undefined,
      report: 'digits.html',
      help: false,
    });
  });

  it('uses all images of a directory by default', () => {
    expect(parseOptions(['--data', 'mnist'])).to.include({ data: 'mnist', images: Infinity });
  });

  it('reads every option', () => {
    const args =
      '--data=mnist --epochs 5 --images 500 --seed 4294967295 --workers 8 --checkpoint a.npz --resume b.npz --report c.html --help';
    expect(parseOptions(args.split(' '))).to.deep.equal({
      data: 'mnist',
      epochs: 5,
      images: 500,
      seed: 2 ** 32 - 1,
      workers: 8,
      checkpoint: 'a.npz',
      resume: 'b.npz',
      report: 'c.html',
      help: true,
    });
  });

  it('saves to the file that it resumes from', () => {
    expect(parseOptions(['--resume', 'b.npz']).checkpoint).to.equal('b.npz');
  });

  it('rejects values that are not numbers in range', () => {
    rejects(['--epochs', '0'], 'an integer from 1 to 1000 for --epochs', 'received "0"');
    rejects(['--epochs', '1.5'], '--epochs', 'received "1.5"');
    rejects(['--epochs', ''], '--epochs', 'received ""');
    rejects(['--images', '9'], 'an integer from 10 to 1000000 for --images', 'received "9"');
    rejects(['--seed=-1'], 'an integer from 0 to 4294967295 for --seed', 'received "-1"');
    rejects(['--workers', '0'], 'an integer from 1 to 64 for --workers', 'received "0"');
    rejects(['--seed', '0x10'], '--seed', 'received "0x10"');
    rejects(['--seed', '4294967296'], '--seed', 'received "4294967296"');
  });

  it('rejects empty names', () => {
    rejects(['--data', ''], 'a directory for --data', 'received ""');
    for (const option of ['--checkpoint', '--resume', '--report']) {
      rejects([option, ''], `a file for ${option}`, 'received ""');
    }
  });

  it('rejects unknown options, stray arguments and missing values', () => {
    rejects(['--learning-rate', '1'], "'--learning-rate'");
    rejects(['mnist'], "'mnist'");
    rejects(['--seed'], "'--seed <value>'");
  });
});

describe('resumeCommand', () => {
  const words = (args: string[]) => resumeCommand(parseOptions(args)).split(' ').slice(3);

  it('contains the options of the training and the file that it was saved to', () => {
    const args = '--data mnist --epochs 5 --images 500 --seed 7 --report c.html';
    const command = words([...args.split(' '), '--checkpoint', 'a.npz']);
    expect(command).to.deep.equal([...args.split(' '), '--resume', 'a.npz']);
  });

  it('is parsed to the same options', () => {
    const { checkpoint, resume, ...rest } = parseOptions(words([]));
    expect([checkpoint, resume]).to.deep.equal(['digits.npz', 'digits.npz']);
    expect(parseOptions([])).to.deep.include(rest);
  });

  it('quotes names for the shell', () => {
    expect(resumeCommand(parseOptions(['--checkpoint', "my file's.npz"]))).to.match(
      / --resume 'my file'\\''s.npz'$/,
    );
  });
});

describe('serveCommands', () => {
  const lastOf = (args: string[]) => serveCommands(parseOptions(args)).split('\n').at(-1);

  it("names the checkpoint if it is not the server's default", () => {
    expect(lastOf([])).to.equal('  npm start --prefix examples/serving');
    expect(lastOf(['--checkpoint', 'a.npz'])).to.include(`--checkpoint ${resolve('a.npz')}`);
    expect(lastOf(['--resume', "it's.npz"])).to.include("it'\\''s.npz'");
  });
});
