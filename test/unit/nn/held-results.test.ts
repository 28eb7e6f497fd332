import {
  BaseModule,
  BatchNorm2D,
  GeneralizedResidual,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  storagePool,
  summary,
  Tanh,
  Tensor,
  evaluate,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

type AnyTensor = Tensor<Shape>;

const shape = [2, 3, 4, 4] as const;
const bytes = 4 * 2 * 3 * 4 * 4;
const image = () => Tensor.from(values(seeded(1), 96), shape);

/** Returns its parameter, whatever its input. */
class Learned extends BaseModule {
  readonly w: AnyTensor = image();
  forward(_x: AnyTensor): AnyTensor {
    return this.w;
  }
}

/** A module with this `forward`. */
function moduleOf(forward: (x: AnyTensor) => AnyTensor) {
  return { forward };
}

/** Compositions around a module, each of which uses its result as an intermediate one. */
const compositions: Record<string, (part: { forward(x: AnyTensor): AnyTensor }) => object> = {
  Sequential: (part) => new Sequential(part, new Tanh()),
  'Sequential after another layer': (part) => new Sequential(new Tanh(), part, new Tanh()),
  'nested Sequentials': (part) => new Sequential(new Sequential(new Sequential(part)), new Tanh()),
  Residual: (part) => new Residual(part),
  'Residual in Sequential': (part) => new Sequential(new Tanh(), new Residual(part), new Tanh()),
  'GeneralizedResidual as f': (part) => new GeneralizedResidual(part, new Tanh()),
  'GeneralizedResidual as r': (part) => new GeneralizedResidual(new Tanh(), part),
  'GeneralizedResidual as both': (part) => new GeneralizedResidual(part, part),
  'a fused GeneralizedResidual as r': (part) =>
    new Sequential(new GeneralizedResidual(new BatchNorm2D(3), part), new ReLU()),
  "a user's container": (part) => {
    const inner = new Sequential(part);
    const container = {
      forward: (x: AnyTensor): AnyTensor => inner.forward(x),
      forwardMut: (x: unknown): unknown => inner.forwardMut(x as never),
    };
    return new Sequential(container as never, new Tanh());
  },
  'a frozen network': (part) => new Sequential(new BatchNorm2D(3).freeze(), part, new Tanh()),
};

const infer = (net: object, x: AnyTensor) => (net as { forward(x: AnyTensor): AnyTensor }).forward(x);

describe('a composition keeps tensors that outlive the call:', () => {
  for (const [name, around] of Object.entries(compositions)) {
    const twice = (part: { forward(x: AnyTensor): AnyTensor }, held: () => AnyTensor | undefined) => {
      const net = around(part);
      const x = image();
      const first = infer(net, x).array();
      const before = held()?.array();
      expect(infer(net, x).array()).to.deep.equal(first);
      expect(before).to.not.equal(undefined);
      expect(held()?.array()).to.deep.equal(before);
      expect(x.array()).to.deep.equal(image().array());
    };

    it(`parameters that a module returns, in ${name}`, () => {
      const learned = new Learned();
      twice(learned, () => learned.w);
    });

    it(`results that a module caches, in ${name}`, () => {
      class Caching extends BaseModule {
        cached: AnyTensor | undefined;
        forward(x: AnyTensor): AnyTensor {
          this.cached ??= x.exp();
          return this.cached;
        }
      }
      const caching = new Caching();
      twice(caching, () => caching.cached);
    });

    it(`tensors of the caller, in ${name}`, () => {
      const own = image();
      twice(
        moduleOf(() => own),
        () => own,
      );
    });

    it(`results whose data was read, in ${name}`, () => {
      let read: AnyTensor | undefined;
      const part = moduleOf((x) => {
        read = x.exp();
        expect(read.data).to.have.length(96);
        return read;
      });
      twice(part, () => read);
    });

    it(`intermediate results that a module holds, in ${name}`, () => {
      class Tap extends BaseModule {
        last: AnyTensor | undefined;
        forward(x: AnyTensor): AnyTensor {
          this.last = x;
          return x.exp();
        }
      }
      const tap = new Tap();
      twice(tap, () => tap.last);
    });
  }

  it('results in arrays, maps, sets, objects and nested modules', () => {
    class Memory extends BaseModule {
      readonly list: AnyTensor[] = [];
      readonly map = new Map<string, AnyTensor>();
      readonly set = new Set<AnyTensor>();
      readonly object: { kept?: AnyTensor } = {};
      readonly nested = new Learned();
      readonly self = this;
      way: 'list' | 'map' | 'set' | 'object' | 'nested' = 'list';
      forward(x: AnyTensor): AnyTensor {
        const y = x.exp();
        if (this.way === 'list') this.list.push(y);
        else if (this.way === 'map') this.map.set('y', y);
        else if (this.way === 'set') this.set.add(y);
        else if (this.way === 'object') this.object.kept = y;
        else Object.assign(this.nested, { w: y });
        return y;
      }
    }
    const memory = new Memory();
    const net = new Sequential(memory, new Tanh());
    for (const way of ['list', 'map', 'set', 'object', 'nested'] as const) {
      memory.way = way;
      net.forward(image());
    }
    const { list, map, set, object, nested } = memory;
    const expected = image().exp().array();
    for (const held of [...list, ...map.values(), ...set, object.kept, nested.w]) {
      expect(held?.array()).to.deep.equal(expected);
    }
  });

  it('what a view shares its memory with', () => {
    const w = Tensor.from(values(seeded(2), 96), [96]);
    const net = new Sequential(
      moduleOf(() => w.reshape(shape)),
      new Tanh(),
    );
    const first = net.forward(image());
    expect(net.forward(image()).array()).to.deep.equal(first.array());
    expect(w.array()).to.deep.equal(Tensor.from(values(seeded(2), 96), [96]).array());
  });

  it('in summary, too', () => {
    const learned = new Learned();
    summary(learned, shape);
    summary(new Sequential(learned), shape);
    expect(learned.w.array()).to.deep.equal(image().array());
  });

  it('in evaluate, too', async () => {
    const learned = new Learned();
    const read = new Learned();
    const data = [1, 2].map(() => ({ x: image(), labels: undefined }));
    for (const model of [learned, new Sequential(read)]) {
      const { mean } = await evaluate(model as never, {
        data,
        metrics: { mean: (y: Tensor<Shape>) => y.mean().item() },
      });
      expect(mean).to.be.closeTo(image().mean().item(), 1e-6);
    }
    expect(learned.w.array()).to.deep.equal(image().array());
    expect(read.w.array()).to.deep.equal(image().array());
  });

  it('in training', () => {
    const learned = new Learned();
    const x = image();
    for (const around of Object.values(compositions)) {
      const net = around(learned) as { forwardMut(x: unknown): AnyTensor };
      net.forwardMut(x.trace());
      expect(learned.w.array()).to.deep.equal(x.array());
    }
  });
});

describe("a composition releases the result of a user's module", () => {
  it('that nothing holds', () => {
    class Exp extends BaseModule {
      readonly settings = { depth: 1, names: ['a'] };
      forward(x: AnyTensor): AnyTensor {
        return x.exp();
      }
    }
    const net = new Sequential(new Exp(), new Exp(), new Exp());
    const x = image();
    storagePool.clear();
    net.forward(x).dispose();
    expect(storagePool.bytes).to.equal(2 * bytes);
  });

  it('that a private field holds, says so, and accepts its detach()', () => {
    class Private extends BaseModule {
      #cached: AnyTensor | undefined;
      constructor(private readonly detaches: boolean) {
        super();
      }
      forward(x: AnyTensor): AnyTensor {
        this.#cached ??= x.exp();
        return this.detaches ? this.#cached.detach() : this.#cached;
      }
    }
    const wrong = new Sequential(new Private(false), new Tanh());
    wrong.forward(image());
    expectError(() => wrong.forward(image()), TypeError, 'released this intermediate result', 'detach()');

    const right = new Sequential(new Private(true), new Tanh());
    const first = right.forward(image());
    expect(right.forward(image()).array()).to.deep.equal(first.array());
  });
});
