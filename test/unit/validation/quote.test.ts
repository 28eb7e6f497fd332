import { escapeInvisible, memberName, quote } from '#lib/validation/quote';
import { Adam, FileFormatError, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';

/** Characters that control terminals or hide or reorder text: escape, CSI, overrides, zero width, a tag. */
const invisible = '\u001b\u007f\u009b\u202e\u200b\u2028\ufeff\u{e0041}';

describe('untrusted text in messages', () => {
  it('is quoted with escapes for control characters', () => {
    expect(quote('a "b"\n')).to.equal(String.raw`"a \"b\"\n"`);
    expect(quote(invisible)).to.equal(String.raw`"\u001b\u007f\u009b\u202e\u200b\u2028\ufeff\u{e0041}"`);
    expect(escapeInvisible('é 😀')).to.equal('é 😀');
  });

  it('is shortened', () => {
    expect(quote('x'.repeat(1e6))).to.equal(`"${'x'.repeat(197)}..."`);
    expect(quote('x'.repeat(200))).to.equal(`"${'x'.repeat(200)}"`);
  });

  it('follows a dot if it is an identifier', () => {
    expect(memberName('progress', 'epoch')).to.equal('progress.epoch');
    expect(memberName('progress', '0')).to.equal('progress.0');
    expect(memberName('progress', 'my epoch')).to.equal('progress["my epoch"]');
    expect(memberName('progress', 'x'.repeat(1e6)).length).to.be.below(220);
  });

  it('is shortened in every description of a value', () => {
    const named = (name: string) => Object.setPrototypeOf({}, { constructor: { name } }) as object;
    const { from } = Tensor as unknown as Record<string, Untyped>;
    const cases: readonly (readonly [act: () => unknown, part: string])[] = [
      [() => Reflect.construct(Adam, [{ lr: 2n ** 100_000n }]) as object, 'for lr'],
      [() => Reflect.construct(Adam, [{ lr: 'x'.repeat(1e6) }]) as object, 'for lr'],
      [() => Reflect.construct(Adam, [{ ['x'.repeat(1e6)]: 1 }]), 'in options'],
      [() => from(named('x'.repeat(1e6)), [0]), 'an object of type xxx'],
      [() => from(named(`T${invisible}`), [0]), String.raw`an object of type T\u001b`],
    ];
    for (const [act, part] of cases) {
      let message = '';
      try {
        act();
      } catch (error) {
        ({ message } = error as Error);
      }
      expect(message).to.include(part);
      expect(message.length).to.be.below(300);
      expect(message).to.not.match(/[\p{Cc}\p{Cf}]/u);
    }
    expectError(() => from(named('Point'), [0]), TypeError, 'an object of type Point');
  });

  it('is shortened in descriptions of file contents and entries', () => {
    const { message, entry } = new FileFormatError(
      'net.npz',
      'one value',
      `type ${invisible}${'1, '.repeat(1e5)}`,
      `${invisible}${'x'.repeat(1e6)}`,
    );
    expect(message.length).to.be.below(1000);
    expect(message).to.not.match(/[\p{Cc}\p{Cf}]/u);
    expect(message).to.include(String.raw`type \u001b\u007f\u009b`);
    expect(entry).to.have.length(1e6 + invisible.length);
  });
});
