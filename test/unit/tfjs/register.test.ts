import { expect } from 'chai';
import { register, type TensorFlowModule } from '#lib/tfjs/register';
import type { KernelConfig } from '#lib/tfjs/tensorflow';

/** The members of TensorFlow.js that `register` needs; test/tfjs/ has the tests with the real one. */
function fakeTensorFlow(cpu: object | null) {
  const engine = {};
  const registered: KernelConfig[] = [];
  const backends = new Map<string, number>();
  const tf = {
    version_core: '4.22.0',
    engine: () => engine,
    backend: () => ({}),
    findBackend: () => cpu,
    getKernelsForBackend: (): KernelConfig[] => [
      {
        kernelName: 'Erf',
        backendName: 'cpu',
        kernelFunc: () => [],
      },
      { kernelName: 'Relu', backendName: 'cpu', kernelFunc: () => [] },
    ],
    registerBackend: (name: string, _factory: unknown, priority: number) => {
      backends.set(name, priority);
      return true;
    },
    getBackend: () => 'cpu',
    io: {
      getSaveHandlers: () => [1],
      getLoadHandlers: () => [1],
    },
    getGradient: () => undefined,
    registerGradient: () => undefined,
    unregisterGradient: () => undefined,
    tidy: () => undefined,
    variable: () => undefined,
    zerosLike: () => undefined,
    backend_util: {},
    slice_util: {},
    registerKernel: (config: KernelConfig) => void registered.push(config),
  };
  return { tf, registered, backends };
}

const call = register as unknown as (...args: unknown[]) => unknown;

describe('register', () => {
  it('copies every kernel of the cpu backend', () => {
    const { tf, registered, backends } = fakeTensorFlow({});
    const { name, kernels } = register(tf);
    expect(name).to.equal('batchnorm');
    expect(kernels).to.include('Conv2D');
    expect([...backends]).to.deep.equal([['batchnorm', 3]]);
    expect(registered.map((config) => config.kernelName).slice(0, 2)).to.deep.equal(['Erf', 'Relu']);
    for (const { backendName } of registered) expect(backendName).to.equal('batchnorm');
  });

  it('counts the calls of each kernel', () => {
    const { tf, registered } = fakeTensorFlow({});
    const registration = register(tf, { priority: 1 });
    const x = { dataId: {}, shape: [1], dtype: 'int32' };
    for (const { kernelFunc } of registered.slice(0, 2)) kernelFunc({ inputs: { x }, backend: {} });
    registered[0].kernelFunc({ inputs: { x }, backend: {} });
    expect(registration.calls()).to.deep.equal({
      Erf: { native: 0, javascript: 2 },
      Relu: { native: 0, javascript: 1 },
    });
    registration.resetCalls();
    expect(registration.calls()).to.deep.equal({});
  });

  it('registers only once with an engine', () => {
    const { tf, registered } = fakeTensorFlow({});
    const registration = register(tf);
    const { length } = registered;
    expect(register({ ...tf })).to.equal(registration);
    expect(registered).to.have.length(length);
  });

  it('names what is wrong with its arguments', () => {
    const { tf, backends } = fakeTensorFlow({});
    expect(() => call()).to.throw(TypeError, 'for tf but received undefined');
    expect(() => call({})).to.throw(TypeError, 'with backend() for tf but received an object of type Object');
    expect(() => call(tf, { priority: '1' })).to.throw(
      TypeError,
      'Expected a finite number for options.priority',
    );
    expect(() => call(tf, { fuse: true })).to.throw(TypeError, 'in options but received "fuse"');
    expect(() => call(tf, {}, 1)).to.throw(TypeError, 'at most 2 arguments');
    const without: TensorFlowModule = fakeTensorFlow(null).tf;
    expect(() => register(without)).to.throw(TypeError, 'its cpu backend');
    expect([...backends]).to.deep.equal([]);
  });
});
