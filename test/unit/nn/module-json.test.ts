import { inspect } from 'node:util';
import {
  AvgPoolGlobal,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  FrozenBatchNorm2D,
  Linear,
  type ModuleJson,
  moduleFromJSON,
  parametersOf,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  Tensor,
} from 'batchnorm';
import * as api from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { layerCases } from '../../support/layers.js';
import { seeded, values } from '../../support/random.js';

/** The object that is read back from a file. */
function parsed(module: unknown): unknown {
  return JSON.parse(JSON.stringify(module));
}

const rng = seeded(7);

const cases = layerCases(rng);
const modules = cases.map(([layer]) => layer);

describe('a module as JSON', () => {
  for (const [module, shape] of cases) {
    it(`${module.constructor.name} is restored exactly`, () => {
      for (const [i, [, tensor]] of module.parameters().entries()) {
        tensor.data.set(values(seeded(i + 1), tensor.data.length));
        tensor.data.set([0.1], 0);
      }
      const copy = moduleFromJSON(parsed(module));
      expect(copy.constructor).to.equal(module.constructor);
      expect(copy).to.not.equal(module);
      expect(inspect(copy)).to.equal(inspect(module));
      expect(parsed(copy)).to.deep.equal(parsed(module));
      const tensors = module.parameters();
      expect(copy.parameters()).to.have.length(tensors.length);
      for (const [i, [name, tensor]] of copy.parameters().entries()) {
        expect(name).to.equal(tensors[i][0]);
        expect(tensor.shape).to.deep.equal(tensors[i][1].shape);
        expect(tensor.data).to.deep.equal(tensors[i][1].data);
      }
      // What JSON leaves out, it leaves out of both.
      const x = Tensor.from(
        values(
          seeded(9),
          shape.reduce((a, b) => a * b),
        ),
        shape,
      );
      const [y, ofCopy] = [module, copy].map((layer) =>
        (layer as unknown as { forward(x: unknown): Tensor<Shape> }).forward(x),
      );
      expect(ofCopy.shape).to.deep.equal(y.shape);
      expect(ofCopy.data).to.deep.equal(y.data);
    });
  }

  it('exists for every class of the package', () => {
    const classes = Object.entries(api).filter(
      ([, value]) => typeof value === 'function' && 'forward' in (value.prototype ?? {}),
    );
    const tried = new Set(modules.map(({ constructor }) => constructor.name));
    expect([...tried].sort()).to.deep.equal(classes.map(([name]) => name).sort());
  });

  it('preserves float32 values that JSON cannot express', () => {
    const linear = new Linear(2, 2);
    linear.weight.data.set([NaN, -0, Infinity, -Infinity]);
    const copy = Linear.fromJSON(parsed(linear));
    expect([...copy.weight.data].map((x) => Object.is(x, -0))).to.deep.equal([
      ...[false, true, false, false],
    ]);
    expect(copy.weight.array()).to.deep.equal([
      [NaN, -0],
      [Infinity, -Infinity],
    ]);
  });

  it('restores a module with the same results', () => {
    const bn = new BatchNorm2D(4);
    const net = new Sequential(
      new Conv2D(2, 4, 3, { padding: 1, rng }),
      bn,
      new ReLU(),
      new Residual(new Sequential(new Conv2D(4, 4, 1, { rng }), new BatchNorm2D(4))),
      new AvgPoolGlobal(),
      new Linear(4, 3, { rng }),
    );
    const x = Tensor.randn([5, 2, 6, 6], { rng });
    net.forwardMut(x.trace());
    const copy = moduleFromJSON(parsed(net)) as typeof net;
    expect(copy.forward(x).data).to.deep.equal(net.forward(x).data);
    expect(copy.forwardMut(x.trace()).data).to.deep.equal(net.forwardMut(x.trace()).data);
  });

  it('preserves shared layers', () => {
    const bn = new BatchNorm2D(2);
    const inner = new Residual(bn);
    const net = new Sequential(bn, inner, new ReLU(), inner);
    expect(parsed(net)).to.have.nested.property('layers[1].f.path', 'layers[0]');
    const { layers } = moduleFromJSON(parsed(net)) as typeof net;
    expect(layers[1].f).to.equal(layers[0]);
    expect(layers[3]).to.equal(layers[1]);
  });

  it('preserves ties between tensors', () => {
    class Inner extends BaseModule {
      readonly list: Tensor<Shape>[] = [Tensor.from([1, NaN, -0, 4], [2, 2]), Tensor.ones([2, 2])];
      forward(y: Tensor<Shape>): Tensor<Shape> {
        return y;
      }
    }
    class Tied extends BaseModule {
      readonly encode = new Linear(3, 2, { bias: false });
      readonly decode: Tensor<Shape> = this.encode.weight;
      readonly inner = new Inner();
      readonly heads = [new Linear(2, 2), new Linear(2, 2)];
      forward(y: Tensor<Shape>): Tensor<Shape> {
        return y;
      }
    }
    const make = () => {
      const tied = new Tied();
      const [first, second] = tied.heads as { weight: object; bias: object }[];
      [first.weight] = tied.inner.list;
      tied.inner.list.fill(tied.inner.list[0]);
      second.bias = first.bias;
      return new Sequential(tied as never, new Linear(2, 2)) as unknown as { layers: [Tied, Linear<2, 2>] };
    };
    const net = make();
    const json = parsed(net) as { layers: Record<string, unknown>[] };
    expect(json.layers[0].decode).to.deep.equal({ type: 'Shared', path: 'layers[0].encode.weight' });
    const types = { Tied: () => new Tied() as never, Inner: () => new Inner() as never };
    const copy = moduleFromJSON(json, { types }) as unknown as ReturnType<typeof make>;
    const [{ encode, decode, inner, heads }] = copy.layers;
    expect(decode).to.equal(encode.weight);
    expect(heads[0].weight).to.equal(inner.list[0]);
    expect(inner.list[1]).to.equal(inner.list[0]);
    expect(heads[1].bias).to.equal(heads[0].bias);
    expect(heads[1].weight).to.not.equal(heads[0].weight);
    const dataOf = (module: unknown) =>
      (module as BaseModule).parameters().map(([name, t]) => [name, ...t.data]);
    expect(dataOf(copy)).to.deep.equal(dataOf(net));

    // JSON from before ties were written repeats the numbers.
    const old = parsed(net) as typeof json;
    old.layers[0].decode = [...net.layers[0].decode.data];
    const untied = (moduleFromJSON(old, { types }) as unknown as typeof net).layers[0];
    expect(untied.decode.array()).to.deep.equal(net.layers[0].encode.weight.array());

    const read = (decoded: object) => () =>
      moduleFromJSON({ ...json, layers: [{ ...json.layers[0], decode: decoded }] }, { types });
    expectError(read({ type: 'Shared' }), TypeError, 'json.layers[0].decode.path', 'undefined');
    expectError(
      read({ type: 'Shared', path: 'layers[0].encode' }),
      RangeError,
      'the path of a tensor before',
    );
    expectError(
      read({ type: 'Shared', path: 'layers[0].encode.constructor' }),
      RangeError,
      'the path of a tensor before',
    );
    const wrongShape = parsed(net) as typeof json;
    wrongShape.layers[1].bias = { type: 'Shared', path: 'layers[0].inner.list[0]' };
    expectError(() => moduleFromJSON(wrongShape, { types }), RangeError, 'json.layers[1].bias');
  });

  it('is refused for ties that it cannot express', () => {
    const own = new Linear(2, 2);
    const opaque = Object.assign(new ReLU(), {
      parameters: () => own.parameters(),
      toJSON: () => ({ type: 'Opaque', weight: [...own.weight.data] }),
    });
    class Opaque extends BaseModule {
      readonly inner = own;
      forward(y: Tensor<Shape>): Tensor<Shape> {
        return y;
      }
      override toJSON(): ModuleJson {
        return { type: 'Opaque' };
      }
    }
    const tied = Object.assign(new Linear(2, 2), { weight: own.weight });
    expectError(
      () => parsed(new Sequential(new Opaque() as never, tied)),
      TypeError,
      'layers[0]',
      'layers[1].weight',
    );
    expectError(
      () => parsed(new Sequential(tied, new Opaque() as never)),
      TypeError,
      'layers[1]',
      'layers[0].weight',
    );
    expect(opaque.toJSON().type).to.equal('Opaque');
    const norm = new BatchNorm2D(2);
    Object.assign(norm, { bias: norm.scale });
    expectError(() => parsed(norm), TypeError, 'BatchNorm2D', 'two are the same');
  });

  it('is refused for fields with names that JSON uses otherwise', () => {
    class Named extends BaseModule {
      forward(y: Tensor<Shape>): Tensor<Shape> {
        return y;
      }
    }
    for (const name of ['type', '__proto__', 'constructor', 'toJSON']) {
      for (const value of [new Linear(2, 2), Tensor.ones([2]), [new ReLU()]]) {
        const named = new Named();
        Object.defineProperty(named, name, { value, enumerable: true, writable: true });
        const nested = new Sequential(named as never);
        if (name !== 'toJSON') expectError(() => parsed(named), TypeError, `.${name},`);
        expect(() => BaseModule.prototype.toJSON.call(named))
          .to.throw(TypeError, `.${name},`)
          .with.property('code', 'ERR_BATCHNORM_NOT_SERIALIZABLE');
        expect(() => parsed(nested), name).to.throw(TypeError);
      }
    }
    // A setting of Linear in JSON.
    class Wide extends Linear<2, 2> {
      readonly inputs = Tensor.ones([3]);
    }
    expectError(() => parsed(new Wide(2, 2)), TypeError, 'Wide.inputs');
    const plain = Object.assign(new Named(), { type: 'encoder', weight: Tensor.ones([1]) });
    expect(parsed(plain)).to.deep.equal({ type: 'Named', weight: [1] });
  });

  it("includes everything in a user's module", () => {
    class Net {
      readonly norm = new BatchNorm2D(1);
      readonly head = new Sequential(new Linear(1, 2));
    }
    const json = parsed(new Net()) as { norm: unknown; head: unknown };
    expect(BatchNorm2D.fromJSON(json.norm).scale?.array()).to.deep.equal([1]);
    expect((moduleFromJSON(json.head) as Sequential<[Linear<1, 2>]>).layers[0].weight.shape).to.deep.equal([
      2, 1,
    ]);
  });

  it("keeps the parameters of a user's layer, or throws", () => {
    class Scaled {
      readonly factor = Tensor.from([3], []);
      forward(x: Tensor<readonly [number]>) {
        return x.mul(this.factor);
      }
      parameters() {
        return [['factor', this.factor]] as const;
      }
    }
    class Kept extends Scaled {
      toJSON() {
        return { type: 'Kept', factor: this.factor };
      }
    }
    const lossy = new Residual(new Sequential(new Scaled()));
    expectError(() => JSON.stringify(lossy), TypeError, 'toJSON()', 'f.layers[0]');
    try {
      JSON.stringify(lossy);
    } catch (error) {
      expect(error).to.include({ code: 'ERR_BATCHNORM_MISSING_METHOD' });
    }

    const json = parsed(new Sequential(new Kept()));
    const types = {
      Kept: (each: unknown) => {
        const kept = new Kept();
        kept.factor.data.set(Tensor.fromJSON((each as { factor: unknown }).factor).data);
        return kept;
      },
    };
    const copy = moduleFromJSON(json, { types }) as Sequential<readonly [Kept]>;
    expect(copy.layers[0].factor.item()).to.equal(3);
    expectError(() => moduleFromJSON(json), RangeError, 'json.layers[0].type', '"Kept"');
    expectError(
      () => moduleFromJSON(json, { types: { Kept: () => 1 as never } }),
      TypeError,
      'options.types.Kept for json.layers[0]',
      '1',
    );
  });

  it('includes the class names and own tensors of derived classes', () => {
    class Shifted extends BatchNorm2D<2> {
      readonly shift = Tensor.ones([2]);
      override parameters() {
        return [...super.parameters(), ['shift', this.shift] as const];
      }
    }
    expect(parsed(new Sequential(new Shifted(2)))).to.deep.nested.include({
      ...{ 'layers[0].type': 'Shifted', 'layers[0].shift': [1, 1] },
    });
    class Gated extends Sequential<[ReLU]> {
      readonly gate = new Linear(1, 1);
    }
    const gated = parsed(new Gated(new ReLU()));
    expect(gated).to.deep.nested.include({ type: 'Gated', 'layers[0].type': 'ReLU', 'gate.type': 'Linear' });
    class Hidden extends Sequential<[ReLU]> {
      readonly #gate = new Linear(1, 1);
      override parameters() {
        return [...super.parameters(), ...parametersOf('gate', this.#gate)];
      }
    }
    const inField = 'whose tensor gate.weight is in no field';
    expectError(() => JSON.stringify(new Hidden(new ReLU())), TypeError, 'toJSON() in Hidden', inField);
  });

  it('is refused if it is invalid', () => {
    const read = (json: unknown) => () => moduleFromJSON(json);
    const linear = parsed(new Linear(2, 1)) as ModuleJson;
    const conv = parsed(new Conv2D(1, 1, 1)) as ModuleJson;
    const frozen = parsed(new FrozenBatchNorm2D(1)) as ModuleJson;
    expectError(read(null), TypeError, 'for json', 'null');
    expectError(read([]), TypeError, 'for json.type', 'undefined');
    expectError(read({ type: 'toString' }), RangeError, 'for json.type', '"toString"');
    expectError(read({ type: 'Sequential' }), TypeError, 'json.layers', 'undefined');
    expectError(read({ type: 'Residual', f: 3 }), TypeError, 'json.f', '3');
    expectError(read({ type: 'Residual', f: { type: 'Shared', path: '' } }), RangeError, 'json.f.path');
    expectError(read({ type: 'Shared' }), TypeError, 'json.path', 'undefined');
    expectError(read({ type: 'LeakyReLU', slope: NaN }), RangeError, 'json.slope', 'NaN');
    expectError(read({ type: 'Dropout', p: 2 }), RangeError, 'json.p', '2');
    expectError(
      read({ type: 'MaxPool2D', kernelSize: 1, stride: 1, padding: 1 }),
      RangeError,
      'json.padding',
      '1',
    );
    expectError(read({ ...linear, inputs: 2 ** 40 }), RangeError, 'numbers for json.weight', 'length 2');
    expectError(read({ ...linear, weight: [1, 'x'] }), TypeError, 'json.weight[1]', '"x"');
    expectError(read({ ...linear, bias: [] }), RangeError, 'json.bias', 'length 0');
    expectError(read({ ...conv, stride: 0 }), RangeError, 'json.stride', '0');
    expectError(read({ ...conv, kernelSize: 2 }), RangeError, '4 numbers for json.weight', 'length 1');
    expectError(read({ ...frozen, trainable: 1 }), TypeError, 'json.trainable', '1');
    expectError(read({ ...frozen, epsilon: 0 }), RangeError, 'json.epsilon', '0');
    expectError(
      read({ type: 'Sequential', layers: [linear, conv, { type: 'Abs' }, { type: 'x' }] }),
      RangeError,
      'json.layers[3].type',
    );
    expectError(() => Linear.fromJSON(conv), TypeError, '"Linear" for json.type', '"Conv2D"');
    let deep: object = { type: 'Abs' };
    for (let i = 0; i < 100_000; i++) deep = { type: 'Residual', f: deep };
    expectError(read(deep), RangeError, 'json.f.f', 'at most 500');
  });
});
