import { bytes, plural, short, table } from '#lib/cli/format';
import { expect } from 'chai';

describe('formatting for the command line', () => {
  it('bytes: uses units of 1024', () => {
    const cases = { 0: '0 B', 1023: '1023 B', 1024: '1 KiB', 1536: '1.5 KiB' };
    for (const [count, text] of Object.entries(cases)) expect(bytes(Number(count))).to.equal(text);
    expect(bytes(32 * 1024)).to.equal('32 KiB');
    expect(bytes(1024 ** 2)).to.equal('1 MiB');
    expect(bytes(2.5 * 1024 ** 3)).to.equal('2.5 GiB');
    expect(bytes(5000 * 1024 ** 4)).to.equal('5000 TiB');
  });

  it('short: keeps three digits', () => {
    expect([0.0012345, 12.34, 12345678, 1, 0].map(short)).to.deep.equal([
      '0.00123',
      '12.3',
      '12300000',
      '1',
      '0',
    ]);
  });

  it('plural: uses the singular only for one', () => {
    expect([0, 1, 2].map((count) => plural(count, 'thread'))).to.deep.equal([
      '0 threads',
      '1 thread',
      '2 threads',
    ]);
    expect(plural(2, 'entry', 'entries')).to.equal('2 entries');
  });

  it('table: makes columns as wide as their widest cell, without trailing blanks', () => {
    expect(
      table([
        ['a', 'bb', 'c'],
        ['dddd', 'e', ''],
      ]),
    ).to.equal('a     bb  c\ndddd  e\n');
  });
});
