import {
  BaseModule,
  BatchNorm2D,
  FrozenBatchNorm2D,
  Linear,
  moduleFromJSON,
  type NamedTensor,
  ReLU,
  Residual,
  Sequential,
  Tensor,
  type Tensor2D,
} from 'batchnorm';
import * as batchnorm from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const chainOf = (...layers: unknown[]) => Reflect.construct(Sequential, layers) as Sequential<[]>;

describe('a class derived from a layer of the package', () => {
  const path = temporaryDirectory();

  class Twice extends Linear<1, 1> {
    readonly extra = Tensor.ones([1]);
    override forward(y: never): never {
      return super.forward(y as Tensor2D<1, 1>).mul(2) as never;
    }
  }
  class Long extends Sequential<readonly [Linear<1, 1>]> {
    readonly extra = Tensor.ones([1]);
  }

  it('may have its own tensors, which a clone copies together with its methods', () => {
    const net = new Sequential(new Twice(1, 1));
    expect(net.parameters().map(([name]) => name)).to.deep.equal(['0.weight', '0.bias', '0.extra']);
    const y = Tensor.ones([1, 1]);
    expect(net.clone().forward(y).array()).to.deep.equal(net.forward(y).array());
    const long = new Long(new Linear(1, 1));
    long.extra.data.fill(7);
    expect(long.clone().extra.array()).to.deep.equal([7]);
    expect(long.clone()).to.be.instanceOf(Long);
  });

  it('is saved with its tensors, and refused if they are in no field', async () => {
    class Listed extends Long {
      override parameters(): readonly NamedTensor[] {
        return [...super.parameters(), ['again', this.extra]];
      }
    }
    class Hidden extends Sequential<readonly [Linear<1, 1>]> {
      readonly #extra = Tensor.ones([1]);
      override parameters(): readonly NamedTensor[] {
        return [...super.parameters(), ['extra', this.#extra]];
      }
    }
    for (const make of [() => new Long(new Linear(1, 1)), () => new Listed(new Linear(1, 1))]) {
      const [saved, loaded] = [make(), make()];
      saved.extra.data.fill(3);
      await saved.save(path('long.npz'));
      await loaded.load(path('long.npz'));
      expect(loaded.extra.array()).to.deep.equal([3]);
    }
    const hidden = new Hidden(new Linear(1, 1));
    await expectRejection(hidden.save(path('hidden.npz')), TypeError, 'write() in Hidden', 'extra');
    await expectRejection(hidden.load(path('long.npz')), TypeError, 'read() in Hidden', 'extra');
    expectError(() => hidden.clone(), TypeError, 'clone() in Hidden', 'extra');
  });

  it('cannot be frozen if it overrides forward', () => {
    class Own extends BatchNorm2D<2> {
      override forward(): never {
        throw new Error('never called');
      }
    }
    expectError(() => FrozenBatchNorm2D.from(new Own(2)), TypeError, 'forward() in Own');
  });
});

describe('a user-defined module with unusual properties', () => {
  it('is printed, and refused by name elsewhere', () => {
    for (const parameters of [() => 'ab', () => [null]]) {
      const net = chainOf({ forward: () => 1, parameters });
      expect(String(net)).to.include('0: Object()').and.to.include('0 parameters');
      expectError(() => JSON.stringify(net), TypeError, 'parameters() of');
      expectError(() => net.parameters(), TypeError, 'parameters() of Object');
    }
  });

  it('is not lost in JSON, nor taken for a layer of the package', () => {
    const json = (module: object) => () => JSON.stringify(chainOf(module));
    const nothing = { forward: () => 1, toJSON: () => undefined };
    expectError(json(nothing), TypeError, 'toJSON() of layers[0]', 'undefined');
    class Sigmoid {
      readonly forward = () => 1;
    }
    class Shared extends BaseModule {
      readonly part = new ReLU();
      forward(): number {
        return 1;
      }
    }
    for (const Class of [Sigmoid, Shared]) {
      let code: unknown;
      try {
        json(new Class())();
      } catch (error) {
        ({ code } = error as { code?: unknown });
      }
      expect(code, Class.name).to.equal('ERR_BATCHNORM_NOT_SERIALIZABLE');
    }
  });
});

describe('a class of a user with the name of a layer', () => {
  const names = Object.entries(batchnorm)
    .filter(([, value]) => typeof value === 'function' && Object.hasOwn(value, 'type'))
    .map(([name]) => name);

  it('has no JSON, whichever layer it is', () => {
    expect(names).to.include.members(['BatchNorm2D', 'Flatten', 'Residual', 'SiLU']);
    for (const name of names) {
      const classes = {
        [name]: class {
          readonly own = 1;
        },
      };
      const module = Object.assign(new classes[name](), { forward: () => 1 });
      expectError(() => JSON.stringify(Reflect.construct(Sequential, [module])), TypeError, name);
    }
  });
});

describe('deeply nested modules', () => {
  const path = temporaryDirectory();
  const nested = (depth: number) => {
    let module: object = new ReLU();
    for (let i = 1; i < depth; i++) module = Reflect.construct(Residual, [module]) as object;
    return module as Residual<ReLU>;
  };

  it('are visited once each, not once per path', () => {
    let module: object = new Linear(1, 1);
    for (let i = 0; i < 40; i++) module = new Residual(chainOf(module, module));
    const net = module as Residual<Sequential<[]>>;
    expect(JSON.stringify(net).length).to.be.lessThan(20_000);
    expect(String(net)).to.include('2 parameters, all trainable');
    expect(net.clone()).to.be.instanceOf(Residual);
  });

  it('have the same depth limit for writing and reading JSON', () => {
    const deepest = JSON.parse(JSON.stringify(nested(500))) as object;
    expect(moduleFromJSON(deepest)).to.be.instanceOf(Residual);
    expectError(() => JSON.stringify(nested(501)), RangeError, 'at most 500');
    expectError(() => moduleFromJSON({ type: 'Residual', f: deepest }), RangeError, 'at most 500');
  });

  it('give an error with a code and a short message if they are cyclic or too deep', async () => {
    const endless = nested(2);
    (endless as { f: unknown }).f = endless;
    const y = Tensor.ones([1]);
    for (const module of [endless, nested(20_000)]) {
      const calls = [
        () => module.forward(y),
        () => module.forwardMut(y.trace()),
        () => module.parameters(),
        () => module.save(path('endless.npz')),
        () => module.load(path('endless.npz')),
      ];
      for (const call of calls) {
        let caught: unknown;
        try {
          await call();
        } catch (error) {
          caught = error;
        }
        expect(caught, String(call)).to.be.instanceOf(RangeError);
        expect(caught, String(call)).to.include({ code: 'ERR_BATCHNORM_VALUE' });
        expect((caught as Error).message.length, String(call)).to.be.lessThan(300);
      }
      expect(String(module).length).to.be.lessThan(20_000);
    }
  });
});

describe('the layer that is fused with the next ReLU', () => {
  const image = Tensor.from(values(seeded(5), 36), [2, 2, 3, 3]);

  it('is the current value of the field', () => {
    const residual = new Residual(new BatchNorm2D(2));
    const net = new Sequential(residual, new ReLU());
    net.forward(image);
    const other = new BatchNorm2D(2);
    other.scale.data.fill(3);
    (residual as { f: unknown }).f = other;
    const expected = other.forward(image).add(image).relu().array();
    expect(net.forward(image).array()).to.deep.equal(expected);
    (residual as { f: unknown }).f = new ReLU();
    expect(net.forward(image).array()).to.deep.equal(image.relu().add(image).relu().array());
  });

  it('is not fused if a method of the class was replaced afterwards', () => {
    const net = new Sequential(new BatchNorm2D(2), new ReLU());
    const property = Object.getOwnPropertyDescriptor(ReLU.prototype, 'forward') ?? {};
    try {
      Object.defineProperty(ReLU.prototype, 'forward', { ...property, value: (y: unknown) => y });
      expect(net.forward(image).array()).to.deep.equal(net.layers[0].forward(image).array());
    } finally {
      Object.defineProperty(ReLU.prototype, 'forward', property);
    }
  });
});
