import { Stage } from '#lib/io/files/stage';
import { expect } from 'chai';

/** A change that records when it is applied and undone. */
function changes() {
  const log: string[] = [];
  const change = (name: string) => ({
    apply: () => log.push(name),
    undo: () => log.push(`undo ${name}`),
  });
  const failing = {
    apply() {
      throw new Error('on purpose');
    },
  };
  return { log, change, failing };
}

const rejected = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(Error);
};

describe('Stage', () => {
  it('applies changes in order at the end, and immediately outside a transaction', async () => {
    const { log, change } = changes();
    const stage = new Stage();
    stage.note(change('a'));
    expect(log).to.deep.equal(['a']);
    await stage.transaction(async () => {
      stage.note(change('b'));
      await stage.transaction(async () => {
        await Promise.resolve();
        stage.note(change('c'));
      });
      expect(log).to.deep.equal(['a']);
      stage.note(change('d'));
    });
    expect(log).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('drops only the changes of a failed inner call if the outer one continues', async () => {
    const { log, change } = changes();
    const stage = new Stage();
    await stage.transaction(async () => {
      stage.note(change('before'));
      await rejected(
        stage.transaction(async () => {
          stage.note(change('inside'));
          await Promise.reject(new Error('on purpose'));
        }),
      );
      stage.note(change('after'));
    });
    expect(log).to.deep.equal(['before', 'after']);
  });

  it('undoes the changes before one that fails', async () => {
    const { log, change, failing } = changes();
    const stage = new Stage();
    await rejected(
      stage.transaction(async () => {
        await Promise.resolve();
        for (const each of [change('a'), change('b'), { ...failing, undo: () => undefined }, change('c')])
          stage.note(each);
      }),
    );
    expect(log).to.deep.equal(['a', 'b', 'undo b', 'undo a']);
  });
});
