import { runInNewContext } from 'node:vm';
import { inspect } from 'node:util';
import {
  BaseModule,
  BatchNorm2D,
  type CanUpdateWithGradients,
  Conv2D,
  Flatten2D,
  GeneralizedResidual,
  type GradientProvider,
  Linear,
  type NamedTensor,
  NpzReader,
  NpzWriter,
  type OwnedTape,
  parametersOf,
  recalibrate,
  ReLU,
  Residual,
  saveNpz,
  Sequential,
  Softmax,
  Tensor,
  type Tensor4D,
  UnusedTensors,
} from 'batchnorm';
import { expect } from 'chai';
import { expectRejection, type Untyped } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

interface Passes {
  forward: Untyped;
  forwardMut: Untyped;
}

/** A network as in plain JavaScript, where shapes are checked at run time. */
const untyped = (net: unknown) => net as Passes;
const compose = (...layers: unknown[]): Sequential<never[]> =>
  Reflect.construct(Sequential, layers) as Sequential<never[]>;

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown');
}

const rows = (columns: number) => Tensor.zeros([2, columns]);
const images = (channels: number) => Tensor.ones([2, channels, 2, 2]);

/** A user's module with a part called `head`. */
class Classifier implements CanUpdateWithGradients {
  constructor(
    readonly head: CanUpdateWithGradients & Pick<Passes, 'forward'> & Partial<Passes> = new Linear(
      4,
      2,
    ) as never,
  ) {}
  forward(x: unknown): unknown {
    return this.head.forward(x);
  }
  forwardMut(x: unknown): unknown {
    const { forwardMut = (y: unknown) => this.head.forward(y) } = this.head;
    return forwardMut.call(this.head, x);
  }
  parameters(): readonly NamedTensor[] {
    return parametersOf('head', this.head);
  }
  update(provider: GradientProvider, unused: UnusedTensors): void {
    this.head.update(provider, unused);
  }
}

/** A user's module that throws whatever it is given. */
const throwing = (value: unknown) => ({
  forward(): never {
    // Users may throw values that are not errors, which the lint rules forbid here.
    throw value as Error;
  },
});

describe('errors inside compositions', () => {
  describe('name the path of the layer, as parameters() does, and its class', () => {
    const relu = () => new ReLU();
    const cases: readonly (readonly [name: string, net: unknown, columns: number, path: string])[] = [
      ['a layer', compose(relu(), new Linear(4, 2)), 3, '1 (Linear)'],
      ['a nested layer', compose(relu(), compose(relu(), relu(), new Linear(4, 2))), 3, '1.2 (Linear)'],
      ['the part of a residual', compose(relu(), new Residual(new Linear(4, 4))), 3, '1.0 (Linear)'],
      [
        'the branch r of a residual',
        compose(new GeneralizedResidual(relu(), new Linear(4, 4))),
        3,
        '0.r (Linear)',
      ],
      [
        'the branch f of a residual',
        compose(new GeneralizedResidual(new Linear(4, 4), relu())),
        3,
        '0.f (Linear)',
      ],
      [
        'a residual that changes the shape',
        compose(relu(), new Residual(new Linear(3, 4))),
        3,
        '1 (Residual)',
      ],
      [
        'branches of different shapes',
        compose(new GeneralizedResidual(new Linear(3, 4), relu())),
        3,
        '0 (GeneralizedResidual)',
      ],
      ["a part of a user's module", compose(relu(), relu(), relu(), new Classifier()), 3, '3.head (Linear)'],
      [
        "a composition in a user's module",
        compose(relu(), new Classifier(compose(relu(), new Linear(4, 4)) as never)),
        3,
        '1.head.1 (Linear)',
      ],
      [
        "an unnamed part of a user's module",
        compose(relu(), { forward: (x: unknown) => untyped(new Linear(4, 4)).forward(x) }),
        3,
        '1 (Object)',
      ],
    ];
    for (const [name, net, columns, path] of cases) {
      for (const pass of ['forward', 'forwardMut'] as const) {
        it(`${pass}: ${name}`, () => {
          const x = pass === 'forward' ? rows(columns) : rows(columns).trace();
          const error = thrownBy(() => untyped(net)[pass](x)) as Error;
          expect(error).to.be.instanceOf(RangeError).with.property('code', 'ERR_BATCHNORM_SHAPE');
          expect(error.message).to.match(/^Expected .* but received shape \[2, \d\], in /);
          expect(error.message.endsWith(`, in ${path}`), error.message).to.equal(true);
          expect(error.message.split(', in ')).to.have.length(2);
          expect(error.stack).to.match(/^RangeError: /);
          expect(error.stack?.split('\n')[0]).to.equal(`RangeError: ${error.message}`);
          expect(inspect(error)).to.include(`, in ${path}`);
        });
      }
    }
  });

  it('name the same path if layers are fused with the next ReLU', () => {
    const block = (channels: number, inside: unknown[]) =>
      compose(
        new Conv2D(3, 3, 1),
        Reflect.construct(Residual, [compose(...inside, new BatchNorm2D(channels))]),
        new ReLU(),
      );
    const pathOf = (net: unknown, x: unknown) =>
      (thrownBy(() => untyped(net).forward(x)) as Error).message.split(', in ').slice(1);
    expect(pathOf(block(4, []), images(3))).to.deep.equal(['1.0.0 (BatchNorm2D)']);
    expect(pathOf(block(3, [new Conv2D(5, 3, 1)]), images(3))).to.deep.equal(['1.0.0 (Conv2D)']);
    // The residual's own check fails while the batch norm inside it runs.
    expect(pathOf(block(4, [new Conv2D(3, 4, 1)]), images(3))).to.deep.equal(['1 (Residual)']);
    const ways = (r: unknown) =>
      compose(
        Reflect.construct(GeneralizedResidual, [compose(new BatchNorm2D(3)), r]) as unknown,
        new ReLU(),
      );
    expect(pathOf(ways(compose(new ReLU(), new Conv2D(5, 3, 1))), images(3))).to.deep.equal([
      '0.r.1 (Conv2D)',
    ]);
    expect(pathOf(ways(new Conv2D(3, 5, 1)), images(3))).to.deep.equal(['0 (GeneralizedResidual)']);
    expect(pathOf(compose(new BatchNorm2D(3), new ReLU()), images(4))).to.deep.equal(['0 (BatchNorm2D)']);
  });

  it('have no path if the network itself refuses its input', () => {
    const error = thrownBy(() => untyped(compose(new ReLU())).forward('x')) as Error;
    expect(error.message).to.equal('Expected a Tensor for x but received "x" of type string');
  });

  it('name the path in forwardMut, for the wrong mode and for a missing method', () => {
    const taped = thrownBy(() =>
      untyped(compose(new ReLU(), compose({ forwardMut: (x: unknown) => x }))).forward(rows(2)),
    ) as Error;
    expect(taped.message).to.equal(
      'Expected forward() in Object for inference, but it has only forwardMut(), in 1.0 (Object)',
    );
  });

  describe('stay the same errors:', () => {
    class OwnError extends Error {}

    it("a user's error keeps its identity and class, with its message first", () => {
      const error = new OwnError('no luck');
      expect(thrownBy(() => compose(new ReLU(), throwing(error)).forward(rows(2)))).to.equal(error);
      expect(error).to.be.instanceOf(OwnError);
      expect(error.message).to.equal('no luck, in 1 (Object)');
      expect(error.stack?.split('\n')[0]).to.equal('Error: no luck, in 1 (Object)');
    });

    it('an error that is thrown repeatedly names only the latest path', () => {
      const error = new OwnError('no luck');
      const net = compose(compose(throwing(error)));
      for (let i = 0; i < 3; i++) {
        expect(thrownBy(() => net.forward(rows(2)))).to.equal(error);
        expect(error.message).to.equal('no luck, in 0.0 (Object)');
      }
      thrownBy(() => compose(new ReLU(), throwing(error)).forward(rows(2)));
      expect(error.message).to.equal('no luck, in 1 (Object)');
    });

    it('an error without a message', () => {
      const error = new OwnError();
      thrownBy(() => compose(throwing(error)).forward(rows(2)));
      expect(error.message).to.equal('in 0 (Object)');
      expect(error.stack?.split('\n')[0]).to.equal('Error: in 0 (Object)');
    });

    it('an error from another realm', () => {
      const error = runInNewContext('new TypeError("elsewhere")') as Error;
      expect(thrownBy(() => compose(throwing(error)).forward(rows(2)))).to.equal(error);
      expect(error.message).to.equal('elsewhere, in 0 (Object)');
    });

    it('values that cannot take a path are thrown unchanged', () => {
      const frozen = Object.freeze(new OwnError('frozen'));
      const readOnly = Object.defineProperty(new OwnError(), 'message', { get: () => 'read-only' });
      const broken = Object.defineProperty(new OwnError(), 'message', {
        get() {
          throw new OwnError('inside');
        },
      });
      const others = ['text', 7, null, undefined, Symbol('s'), { message: 'no error' }];
      for (const value of [frozen, readOnly, broken, ...others]) {
        const thrown = thrownBy(() => compose(compose(throwing(value))).forward(rows(2)));
        // chai would read the message.
        expect(thrown === value).to.equal(true);
      }
      expect(frozen.message).to.equal('frozen');
      expect(others.at(-1)).to.deep.equal({ message: 'no error' });
    });

    it("a user's parameters() that throws does not hide the error", () => {
      const module = {
        linear: new Linear(4, 2),
        forward(x: unknown): unknown {
          return untyped(this.linear).forward(x);
        },
        parameters(): never {
          throw new OwnError('parameters');
        },
      };
      const error = thrownBy(() => compose(module).forward(rows(3))) as Error;
      expect(error.message).to.match(/^Expected shape \[N, 4\] for x .*, in 0 \(Object\)$/);
    });
  });

  describe('name the path also in', () => {
    const path = temporaryDirectory();
    const failing = (method: string) => ({
      forward: (x: unknown) => x,
      weight: Tensor.ones([2]),
      parameters(): readonly NamedTensor[] {
        return [['weight', this.weight]];
      },
      update: () => undefined,
      [method]() {
        throw new Error('own');
      },
    });
    const nested = (part: unknown) =>
      compose(new Softmax(), Reflect.construct(Residual, [compose(new Flatten2D(), part)]));
    const place = /^own, in 1\.0\.1 \(Object\)$/;

    it('clone, write, read, update and resetParams', async () => {
      expect(() => nested(failing('clone')).clone()).to.throw(Error, place);
      expect(() => {
        nested(failing('write')).write(new NpzWriter(), '');
      }).to.throw(Error, place);
      const provider = { gradient: (parameter: Tensor<readonly number[]>) => parameter };
      expect(() => {
        nested(failing('update')).update(provider as GradientProvider, new UnusedTensors());
      }).to.throw(Error, place);
      expect(() => {
        nested(failing('resetParams')).resetParams(Math.random);
      }).to.throw(Error, place);
      const file = path('empty.npz');
      await saveNpz(file, { write: () => undefined });
      const zip = await NpzReader.open(file);
      try {
        await expectRejection(nested(failing('read')).read(zip, ''), Error, 'own, in 1.0.1 (Object)');
      } finally {
        zip.close();
      }
    });

    it('calls of methods that a module lacks', () => {
      const module = failing('other');
      expect(() => nested(module).clone()).to.throw(
        TypeError,
        'Expected clone() in Object, but it has none, in 1.0.1 (Object)',
      );
      expect(() => {
        nested(module).write(new NpzWriter(), '');
      }).to.throw(TypeError, 'write() in Object, which has parameters, but it has none, in 1.0.1 (Object)');
    });
  });

  describe('tensors without memory', () => {
    /** A network whose batch norm at 1.norm has lost this tensor's array to another thread. */
    function losing(field: 'scale' | 'runningMean' | 'runningVar') {
      class Block extends BaseModule {
        readonly norm = new BatchNorm2D(2);
        forward(x: Tensor4D<number, 2, number, number>) {
          return this.norm.forward(x);
        }
        forwardMut(x: Tensor4D<number, 2, number, number, OwnedTape>) {
          return this.norm.forwardMut(x);
        }
      }
      const block = new Block();
      const net = new Sequential(new ReLU(), block);
      structuredClone(block.norm[field].data.buffer, {
        transfer: [block.norm[field].data.buffer as ArrayBuffer],
      });
      return net;
    }

    for (const field of ['runningMean', 'runningVar'] as const) {
      it(`are named with their layer by recalibrate: ${field}`, async () => {
        const net = losing(field);
        const path = 'in 1.norm (BatchNorm2D)';
        await expectRejection(recalibrate(net, [images(2)]), TypeError, `${field} of BatchNorm2D`, path);
      });
    }

    for (const field of ['scale', 'runningMean'] as const) {
      it(`are named with their layer by resetParams: ${field}`, () => {
        const error = thrownBy(() => {
          losing(field).resetParams();
        });
        expect(String(error)).to.include(`${field} of BatchNorm2D`).and.to.include('in 1.norm (BatchNorm2D)');
      });
    }

    it('have no path if the layer itself is reset', () => {
      const bn = new BatchNorm2D(2);
      structuredClone(bn.scale.data.buffer, { transfer: [bn.scale.data.buffer as ArrayBuffer] });
      const error = thrownBy(() => {
        bn.resetParams();
      });
      expect(String(error)).to.not.include(', in ');
    });
  });
});
