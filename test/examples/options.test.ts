import { expect } from 'chai';
import { parseOptions, UsageError } from '../../examples/digits/options.js';
import { expectError } from '../support/errors.js';

describe('parseOptions', () => {
  const rejects = (args: string[], ...parts: string[]) =>
    expectError(() => parseOptions(args), UsageError, ...parts);

  it('has a default for everything', () => {
    expect(parseOptions([])).to.deep.equal({
      data: undefined,
      epochs: 2,
      images: 24_000,
      seed: 1,
      help: false,
    });
  });

  it('takes all images of a directory by default', () => {
    expect(parseOptions(['--data', 'mnist'])).to.include({ data: 'mnist', images: Infinity });
  });

  it('reads every option', () => {
    const args = '--data=mnist --epochs 3 --images 500 --seed 4294967295 --help'.split(' ');
    expect(parseOptions(args)).to.deep.equal({
      data: 'mnist',
      epochs: 3,
      images: 500,
      seed: 2 ** 32 - 1,
      help: true,
    });
  });

  it('rejects what is no number in range', () => {
    rejects(['--epochs', '0'], 'an integer from 1 to 1000 for --epochs', 'received "0"');
    rejects(['--epochs', '1.5'], '--epochs', 'received "1.5"');
    rejects(['--epochs', ''], '--epochs', 'received ""');
    rejects(['--images', '9'], 'an integer from 10 to 1000000 for --images', 'received "9"');
    rejects(['--seed=-1'], 'an integer from 0 to 4294967295 for --seed', 'received "-1"');
    rejects(['--seed', '0x10'], '--seed', 'received "0x10"');
    rejects(['--seed', '4294967296'], '--seed', 'received "4294967296"');
  });

  it('rejects an empty directory name', () => {
    rejects(['--data', ''], '--data', 'received ""');
  });

  it('rejects unknown options, stray arguments and missing values', () => {
    rejects(['--learning-rate', '1'], "'--learning-rate'");
    rejects(['mnist'], "'mnist'");
    rejects(['--seed'], "'--seed <value>'");
  });
});
