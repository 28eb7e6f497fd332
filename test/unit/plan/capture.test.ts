import {
  BaseModule,
  BatchNorm2D,
  compile,
  concat,
  Conv2D,
  Flatten2D,
  GroupNorm,
  Linear,
  ReLU,
  Sequential,
  Tensor,
  type Tensor2D,
} from 'batchnorm';
import { backend } from '#lib/backend/index';
import { capture } from '#lib/plan/capture';
import { type CapturedGraph, isArray } from '#lib/plan/captured-graph';
import { expect } from 'chai';
import { seeded } from '../../support/random.js';

type Rows = Tensor2D<number, number>;

/** A module with this `forward`. */
function moduleOf(forward: (x: Rows) => unknown): BaseModule & { forward(x: Rows): Rows } {
  class Peek extends BaseModule {
    forward(x: Rows): Rows {
      return forward(x) as Rows;
    }
  }
  return new Peek();
}

const operationsOf = ({ calls }: CapturedGraph) => calls.map(({ operation }) => operation);

const net = () =>
  new Sequential(
    new Conv2D(3, 4, 3, { padding: 1, rng: seeded(1) }),
    new BatchNorm2D(4),
    new ReLU(),
    new Flatten2D(),
    new Linear(4 * 5 * 5, 6, { rng: seeded(2) }),
  );

describe('capture', () => {
  it('lists the calls with their sizes, settings and values', () => {
    const graph = capture(net(), [2, 3, 5, 5]);
    expect(operationsOf(graph)).to.deep.equal(['conv2d', 'batchNormInference', 'matmul', 'add']);
    const [conv, norm, product, sum] = graph.calls;
    expect(conv.args).to.include({ images: 2, inChannels: 3, outChannels: 4, paddingTop: 1, kernelWidth: 3 });
    expect(conv.args.x).to.deep.equal({ value: graph.input, offset: 0 });
    expect(norm.args).to.include({ images: 2, channels: 4, plane: 25, epsilon: 1e-5, relu: true });
    expect(norm.args.residual).to.equal(null);
    expect(norm.reads[0]).to.equal(conv.writes[0]);
    expect(product.args).to.include({ rows: 2, depth: 100, columns: 6, transposeB: true });
    expect(sum.reads[0]).to.equal(product.writes[0]);
    expect(graph.output).to.equal(sum.writes[0]);
    expect(graph.outputShape).to.deep.equal([2, 6]);
  });

  it('names the parameters and refers to their values', () => {
    const model = net();
    const { values } = capture(model, [2, 3, 5, 5]);
    const parameters = values.filter(({ kind }) => kind === 'parameter');
    expect(parameters.map(({ name }) => name)).to.deep.equal([
      '0.weight',
      '0.bias',
      ...['1.scale', '1.bias', '1.runningMean', '1.runningVar'],
      ...['4.weight', '4.bias'],
    ]);
    const [weight] = parameters;
    expect(weight.shape).to.deep.equal([4, 3, 3, 3]);
    expect([...(weight.numbers ?? [])]).to.deep.equal([...model.layers[0].weight.data]);
  });

  it('shows a reshape as the use of a value in another shape', () => {
    const graph = capture(
      moduleOf((x) => x.exp().reshape([3, 2]).relu()),
      [2, 3],
    );
    const [exp, relu] = graph.calls;
    expect(exp.writes[0].shape).to.deep.equal([2, 3]);
    expect(relu.reads[0]).to.equal(exp.writes[0]);
    expect(relu.writes[0].shape).to.deep.equal([3, 2]);
  });

  it('shows views and parts as strided copies', () => {
    const graph = capture(
      moduleOf((x) => concat([x.transpose(), x.transpose().exp()], { axis: 0 })),
      [2, 3],
    );
    expect(operationsOf(graph)).to.deep.equal([
      ...['stridedCopy', 'stridedCopy', 'exp', 'stridedCopy', 'stridedCopy'],
    ]);
    const [{ args }, , , first, second] = graph.calls;
    expect(args).to.include({ size3: 3, size4: 2, xStride3: 1, xStride4: 3, yStride3: 2, yStride4: 1 });
    expect(first.args.y).to.deep.equal({ value: graph.output, offset: 0 });
    expect(second.args.y).to.deep.equal({ value: graph.output, offset: 6 });
  });

  it('copies constants, which parameters() does not list', () => {
    const graph = capture(
      moduleOf((x) => x.mul(2).add(Tensor.from([1, 2, 3], [3]))),
      [2, 3],
    );
    const constants = graph.values.filter(({ kind }) => kind === 'constant');
    expect(constants.map(({ numbers }) => [...(numbers ?? [])])).to.deep.equal([[2], [1, 2, 3]]);
  });

  it('leaves out calls whose results nothing uses', () => {
    const graph = capture(
      moduleOf((x) => {
        x.exp().add(1);
        return x.relu();
      }),
      [2, 3],
    );
    expect(operationsOf(graph)).to.deep.equal(['relu']);
  });

  it('keeps results that are computed on the side', () => {
    const graph = capture(new Sequential(new GroupNorm(2, 4)), [2, 4, 3, 3]);
    const [{ args }] = graph.calls;
    expect(isArray(args.mean) && args.mean.value.shape).to.equal(undefined);
    expect(isArray(args.mean) && args.mean.value.length).to.equal(4);
  });

  it('names operations that are computed in JavaScript', () => {
    const graph = capture(
      moduleOf((x) => x.sin().cos().pow(3)),
      [2, 3],
    );
    expect(operationsOf(graph)).to.deep.equal(['sin', 'cos', 'pow']);
    expect(graph.calls[2].args.exponent).to.equal(3);
  });

  it('returns the input of a model without operations', () => {
    const graph = capture(new Sequential(new Flatten2D()), [2, 3, 1, 1]);
    expect(graph.calls).to.deep.equal([]);
    expect(graph.output).to.equal(graph.input);
    expect(graph.outputShape).to.deep.equal([2, 3]);
  });

  it('changes neither the model nor the backend', () => {
    const model = net();
    const x = Tensor.randn([2, 3, 5, 5], { rng: seeded(3) });
    const before = model.forward(x).array();
    const { conv2d } = backend;
    capture(model, [2, 3, 5, 5]);
    expect(backend.conv2d).to.equal(conv2d);
    expect(model.forward(x).array()).to.deep.equal(before);
  });

  const refused: readonly (readonly [string, (x: Rows) => unknown, string])[] = [
    ['reads .data', (x) => x.add(x.exp().data[0]), 'it reads values by .data'],
    ['calls array()', (x) => x.add(x.array()[0][0]), 'it reads values by array()'],
    ['calls item()', (x) => x.mul(x.sum().item()), 'it reads values by item()'],
    ['prints', (x) => (String(x), x), 'it reads values by toString()'],
    [
      'draws random numbers',
      (x) => x.add(Math.random()),
      'its calls depend on values or on a random generator',
    ],
    [
      'calls other operations at random',
      (x) => (seeds++ % 2 === 0 ? x.exp() : x.log()),
      'its calls depend on values or on a random generator',
    ],
    ['returns values of its own', () => Tensor.ones([2, 3]), 'JavaScript computes its result'],
    [
      'trains',
      (x) => new BatchNorm2D(3).forwardMut(x.reshape([2, 3, 1, 1]).trace() as never),
      'its result has a tape',
    ],
  ];
  let seeds = 0;

  for (const [what, forward, message] of refused) {
    it(`refuses a module that ${what} and names it`, () => {
      const model = new Sequential(new ReLU(), moduleOf(forward));
      const run = () => capture(model, [2, 3]);
      const place = message.includes('its result') ? 'Sequential' : '1 (Peek)';
      expect(run).to.throw(Error, `${message}, in ${place}`).with.property('code', 'ERR_BATCHNORM_CAPTURE');
    });
  }

  it('names a model that is a single module', () => {
    expect(() =>
      capture(
        moduleOf((x) => x.data),
        [2, 3],
      ),
    ).to.throw(/by \.data, in Peek$/);
  });

  it('refuses a model whose copy lacks what forward() uses, and names it', () => {
    class Layer extends BaseModule {
      readonly #linear = new Linear(3, 2);
      forward(x: Rows): Rows {
        return this.#linear.forward(x as Tensor2D<number, 3>);
      }
    }
    class Method extends BaseModule {
      forward(x: Rows): Rows {
        return this.#compute(x);
      }
      #compute(x: Rows): Rows {
        return x.relu();
      }
    }
    const factors = new WeakMap<object, number>();
    class Outside extends BaseModule {
      constructor() {
        super();
        factors.set(this, 2);
      }
      forward(x: Rows): Rows {
        const factor = factors.get(this);
        if (factor === undefined) throw new Error('no factor');
        return x.mul(factor);
      }
    }
    for (const Model of [Layer, Method, Outside]) {
      for (const [model, place] of [
        [new Model(), Model.name],
        [new Sequential(new ReLU(), new Model()), `1 (${Model.name})`],
      ] as const) {
        expect(() => compile(model, [2, 3]))
          .to.throw(Error, 'without what forward() uses, such as private fields: ')
          .that.has.property('code', 'ERR_BATCHNORM_CAPTURE');
        expect(() => compile(model, [2, 3])).to.throw(Error, `, in ${place}`);
      }
    }
  });

  it('captures private fields that clone() copies', () => {
    class Scaled extends BaseModule {
      readonly #factor: number;
      constructor(factor: number) {
        super();
        this.#factor = factor;
      }
      override clone(): this {
        return new Scaled(this.#factor) as this;
      }
      forward(x: Rows): Rows {
        return x.mul(this.#factor);
      }
    }
    expect(
      compile(new Scaled(3), [1, 2])
        .runSync(Tensor.ones([1, 2]))
        .array(),
    ).to.deep.equal([[3, 3]]);
  });

  it('passes on an error of forward() that the model itself has, too', () => {
    const own = new TypeError('my bug');
    const broken = moduleOf(() => {
      throw own;
    });
    expect(() => compile(broken, [2, 3])).to.throw(own);
  });

  it('reports what a model throws, and works again afterwards', () => {
    const model = net();
    expect(() => capture(model, [2, 5, 5, 5])).to.throw(RangeError, 'in 0 (Conv2D)');
    expect(capture(model, [2, 3, 5, 5]).calls).to.have.length(4);
  });
});
