import { inspect } from 'node:util';
import { backend, setNumThreads } from 'batchnorm';
import { expect } from 'chai';

describe('backend in util.inspect', () => {
  const { threads } = backend;
  afterEach(() => {
    setNumThreads(threads);
  });

  it('shows the number of threads', () => {
    expect(inspect(backend)).to.match(
      new RegExp(`^\\{\\s+name: '${backend.name}',\\s+isa: '${backend.isa}',\\s+threads: ${threads}\\b`),
    );
    expect(inspect({ backend }, { depth: 0 })).to.equal('{ backend: [Object] }');
    expect(JSON.parse(JSON.stringify(backend))).to.deep.equal({ ...backend });
  });

  it('shows the number of threads that was set', () => {
    setNumThreads(3);
    // 1 where there are no threads.
    const expected = backend.threads;
    expect(inspect(backend)).to.include(`threads: ${expected}`);
    expect(JSON.parse(JSON.stringify(backend))).to.include({ threads: expected });
  });
});
