import { backend as info } from 'batchnorm';
import { loadAddon } from '#lib/backend/load-addon';
import { signatures } from '#lib/backend/signatures';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

type Call = (...values: unknown[]) => unknown;

// Checks that guard memory accesses are repeated here, although TypeScript checks the arguments first.
describe('native functions, called directly', () => {
  let addon: Record<
    | 'exp'
    | 'add'
    | 'sum'
    | 'batchNormTraining'
    | 'batchNormInference'
    | 'batchNormBackward'
    | 'sgdStep'
    | 'maxPool'
    | 'maxPoolBackward'
    | 'dropout'
    | 'conv2d'
    | 'conv2dInference'
    | 'conv2dPack'
    | 'conv2dPackedLength'
    | 'conv2dInputGradient'
    | 'conv2dWeightGradient'
    | 'stridedCopy'
    | 'groupNorm'
    | 'groupNormBackward'
    | 'sumAxis'
    | 'extremumAxis'
    | 'extremumAxisBackward'
    | 'extremumIndexAxis',
    Call
  >;

  before(function () {
    const loaded = info.name === 'native' ? loadAddon() : { missing: '' };
    if (!('addon' in loaded)) return this.skip();
    addon = loaded.addon as unknown as typeof addon;
  });

  const floats = (length: number) => new Float32Array(length).fill(0.5);

  it('are those of lib/backend/signatures.js, and a few without arguments', () => {
    const others = [
      'isa',
      'selectIsa',
      'threads',
      'collectGarbage',
      'cacheSizes',
      'mpi',
      'plans',
      'ownThreads',
    ];
    const known = [...others, ...Object.keys(signatures)];
    const hooks = ['attempts', 'failAttempt', 'hangAtAttempt', 'setCacheSizes', 'setElementsPerThread'];
    const names = Object.keys(addon).filter((name) => !hooks.includes(name));
    expect(names).to.have.members(known);
  });

  it('refuse calls on a group over MPI that was not started, and arrays of other types', () => {
    const { mpi } = addon as unknown as { mpi: Record<'load' | 'run' | 'begin' | 'start', Call> };
    const report = new Float64Array(14);
    for (const call of [mpi.run, mpi.begin]) {
      expectError(() => call(0, 0, 0, 1, floats(4), floats(4), 100, report), RangeError, 'fit the group');
      expectError(() => call(0, 0, 0, 1, [1], floats(4), 100, report), TypeError, 'values', 'an object');
      expectError(() => call(0, 0, -1, 1, floats(4), floats(4), 100, report), TypeError, 'root');
    }
    expectError(() => mpi.start(), RangeError, 'There is no MPI library');
    expect(mpi.load('/no/such/library.so')).to.be.a('string').and.not.equal('');
  });

  it('refuse plans of unknown operations, and run none beyond its memory', () => {
    const { plans } = addon as unknown as { plans: Record<'create' | 'run' | 'openLanes' | 'start', Call> };
    const create = (
      names: unknown,
      numbers: readonly number[],
      constants: unknown = [floats(4)],
      division: unknown = Float64Array.of(1, 0, 4, 4),
      rest?: unknown,
    ) => plans.create(names, Float64Array.from(numbers), constants, division, rest);
    const lanes = plans.openLanes([floats(1)], () => undefined);
    for (const call of [
      () => create(['sgd'], [0]),
      () => create(['sum'], [0]),
      () => create(['setThreads'], [1, 1]),
      () => create(['exp'], []),
      () => create(['exp'], [6, 1, 0, 0]),
      () => create(['exp'], [-1]),
      () => create(['exp'], [0], [[1]]),
      () => create('exp', [0]),
      ...[
        [1, 0, 4],
        [0, 0, 4, 4],
        [NaN, 0, 4, 4],
        [1, -1, 4, 4],
        [1, 0, Infinity, 4],
      ].map((division) => () => create([], [], [], Float64Array.from(division))),
      () => create([], [], [], floats(4)),
      ...[null, {}, 1, lanes].map((rest) => () => create([], [], [], Float64Array.of(1, 0, 4, 4), rest)),
    ]) {
      expectError(call, Error, 'the arguments of a plan');
    }
    const [done, invalid] = [0, 3];
    const run = (...args: number[]) => {
      const y = floats(4);
      const outcome = plans.run(create(['exp'], [args.length, ...args]), floats(8), floats(4), y);
      return [outcome, y.every((each) => each === 0.5)];
    };
    // n, then memory and offset of x and of y: the input is 1, the output 2, the constant 3.
    expect(run(4, 1, 0, 2, 0)).to.deep.equal([done, false]);
    expect(run(4, 3, 0, 2, 0)).to.deep.equal([done, false]);
    for (const args of [
      [5, 1, 0, 2, 0],
      [4, 1, 1, 2, 0],
      [4, 1, 0, 2, 1],
      [4, 1, -1, 2, 0],
      [4, 1, 2 ** 60, 2, 0],
      [4, 1, NaN, 2, 0],
      [4, 4, 0, 2, 0],
      [4, -1, 0, 2, 0],
      [-1, 1, 0, 2, 0],
      [0.5, 1, 0, 2, 0],
      [2 ** 47, 1, 0, 2, 0],
      [4, 1, 0, 2],
    ]) {
      expect(run(...args)).to.deep.equal([invalid, true]);
    }
    for (const division of [
      [2, 0, 4, 4],
      [4, 0, 1, 2],
      [4, 9, 1, 1],
      [2 ** 52, 0, 4, 4],
    ]) {
      const plan = create([], [], [], Float64Array.from(division));
      expect(plans.run(plan, floats(8), floats(4), floats(4))).to.equal(invalid);
    }
    expectError(() => plans.run(lanes, floats(1), floats(1), floats(1)), Error, 'the arguments of a plan');
    expectError(() => plans.run({}, floats(1), floats(1), floats(1)), Error, 'the arguments of a plan');
    expectError(() => plans.start({}, {}, floats(1), floats(1), 1), Error, 'the arguments of a plan');
    expectError(() => plans.openLanes([1], () => undefined), Error, 'the arguments of a plan');
  });

  it('refuse sizes and strides that leave an array, and write nothing', () => {
    const sizes = [1, 1, 1, 2, 3];
    const dense = [0, 0, 0, 3, 1];
    const y = floats(6);
    const refuse = (xStrides: number[], yStrides: number[], xLength: number, yLength: number) => {
      expectError(
        () => addon.stridedCopy(...sizes, ...xStrides, ...yStrides, xLength, yLength, floats(xLength), y),
        RangeError,
        'sizes and strides that stay within x and y',
      );
      expect(y).to.deep.equal(floats(6));
    };
    refuse(dense, dense, 5, 6);
    refuse(dense, dense, 6, 5);
    refuse([0, 0, 0, 4, 1], dense, 6, 6);
    refuse(dense, [0, 0, 0, 1, 3], 6, 6);
    // The product of size and stride exceeds 64 bits.
    const huge = 2 ** 47;
    expectError(
      () => addon.stridedCopy(huge, 1, 1, 1, 1, huge, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 6, floats(6), y),
      RangeError,
      'sizes and strides that stay within x and y',
    );
    addon.stridedCopy(...sizes, ...dense, ...[0, 0, 0, 1, 2], 6, 6, Float32Array.of(1, 2, 3, 4, 5, 6), y);
    expect(y).to.deep.equal(Float32Array.of(1, 4, 2, 5, 3, 6));
    addon.stridedCopy(0, huge, 1, 1, 1, ...[huge, huge, 0, 0, 0], ...dense, 6, 6, floats(6), y);
    expect(y).to.deep.equal(Float32Array.of(1, 4, 2, 5, 3, 6));
  });

  it('refuse reductions along an axis that leave an array, and write nothing', () => {
    const y = floats(4);
    const refuse = (sizes: readonly number[], xLength: number, yLength: number, part: string) => {
      const out = y.subarray(0, yLength);
      const x = floats(xLength);
      expectError(() => addon.sumAxis(...sizes, 1, x, out), TypeError, part);
      expectError(() => addon.extremumAxis(...sizes, true, x, out), TypeError, part);
      expectError(() => addon.extremumIndexAxis(...sizes, false, x, out), TypeError, part);
      expectError(() => addon.extremumAxisBackward(...sizes, x, out, y, floats(12)), TypeError, part);
      expect(y).to.deep.equal(floats(4));
    };
    refuse([2, 3, 2], 11, 4, 'at least 12 values for x');
    refuse([2, 3, 2], 12, 3, 'at least 4 values for y');
    refuse([4, 0, 2], 0, 4, 'at least 8 values for y');
    // Products of sizes that exceed 64 bits.
    const huge = 2 ** 47;
    refuse([huge, huge, 2], 12, 4, 'for x');
    refuse([huge, 0, huge], 0, 4, 'for y');
    for (const sizes of [
      [0, huge, huge],
      [huge, huge, 0],
    ]) {
      addon.sumAxis(...sizes, 1, floats(0), y);
      addon.extremumAxis(...sizes, true, floats(0), y);
      addon.extremumIndexAxis(...sizes, true, floats(0), y);
      addon.extremumAxisBackward(...sizes, floats(0), floats(0), floats(0), y);
    }
    expect(y).to.deep.equal(floats(4));
    addon.sumAxis(2, 3, 2, 2, floats(12), y);
    expect(y).to.deep.equal(new Float32Array(4).fill(0.75));
    const dx = floats(12);
    const short = () => addon.extremumAxisBackward(2, 3, 2, floats(12), floats(4), floats(3), dx);
    expectError(short, TypeError, 'at least 4 values for dy');
    const shortResult = () =>
      addon.extremumAxisBackward(2, 3, 2, floats(12), floats(4), floats(4), dx.subarray(1));
    expectError(shortResult, TypeError, 'at least 12 values for dx');
    expect(dx).to.deep.equal(floats(12));
  });

  it('refuse an array that is too short for the sizes, and write nothing', () => {
    const out = floats(8);
    expectError(
      () => addon.exp(8, floats(7), out),
      TypeError,
      'at least 8 values for x',
      'Float32Array of length 7',
    );
    expectError(() => addon.exp(8, floats(8), floats(7)), TypeError, 'for y');
    expect([...out]).to.deep.equal(Array.from({ length: 8 }, () => 0.5));
  });

  it('refuse arrays that are too short for the groups of a norm, and write nothing', () => {
    // Two images, three groups of two channels, planes of four.
    const sizes = [2, 3, 2, 4];
    const lengths = { x: 48, scale: 6, bias: 6, y: 48, mean: 6, meanLow: 6, invStd: 6 };
    const call = (lengthsOf: Record<string, number>, affine = true) => {
      const arrays = Object.fromEntries(Object.entries(lengthsOf).map(([name, n]) => [name, floats(n)]));
      const act = () => addon.groupNorm(...sizes, 1e-5, true, affine, ...Object.values(arrays));
      return { arrays, act };
    };
    expect(call(lengths).act()).to.equal(undefined);
    expect(call({ ...lengths, scale: 0, bias: 0 }, false).act()).to.equal(undefined);
    for (const [name, length] of Object.entries(lengths)) {
      const { arrays, act } = call({ ...lengths, [name]: length - 1 });
      expectError(act, TypeError, `at least ${length} values for ${name}`);
      expect([...arrays.y].every((value) => value === 0.5)).to.equal(true);
    }
    const gradients = {
      x: 48,
      dy: 48,
      scale: 6,
      mean: 6,
      meanLow: 6,
      invStd: 6,
      dx: 48,
      dscale: 6,
      dbias: 6,
    };
    for (const [name, length] of Object.entries(gradients)) {
      const arrays = Object.values({ ...gradients, [name]: length - 1 }).map(floats);
      const act = () => addon.groupNormBackward(...sizes, true, true, ...arrays);
      expectError(act, TypeError, `at least ${length} values for ${name}`);
    }
    const huge = 2 ** 47;
    const act = () =>
      addon.groupNorm(huge, huge, 1, 1, 1e-5, true, false, ...Object.values(lengths).map(floats));
    expectError(act, TypeError, 'a Float32Array', 'for x');
  });

  it('refuse other types in place of an array', () => {
    for (const other of [
      new Float64Array(8),
      new Int32Array(8),
      new Uint8Array(64),
      new DataView(new ArrayBuffer(64)),
      new ArrayBuffer(64),
      [1, 2, 3, 4, 5, 6, 7, 8],
      { length: 8 },
      'text',
      8,
      undefined,
    ]) {
      expectError(() => addon.exp(8, other, floats(8)), TypeError, 'a Float32Array', 'for x');
    }
  });

  it('refuse a detached array', () => {
    const gone = floats(8);
    structuredClone(gone, { transfer: [gone.buffer] });
    expectError(() => addon.exp(8, gone, floats(8)), TypeError, 'for x', 'Float32Array of length 0');
  });

  it('refuse sizes that are not integers or whose product overflows', () => {
    for (const size of [-1, 0.5, NaN, Infinity, 2 ** 48, '8', undefined]) {
      expectError(() => addon.exp(size, floats(8), floats(8)), TypeError, 'a whole number');
    }
    const huge = 2 ** 47;
    const act = () => addon.add(huge, huge, 1, floats(8), floats(1), floats(8));
    expectError(act, TypeError, 'a Float32Array', 'for a');
  });

  it('refuse windows that do not fit, and arrays that are too short for them', () => {
    const right = {
      ...{ planes: 1, height: 6, width: 6, outHeight: 3, outWidth: 3, kernelHeight: 2, kernelWidth: 2 },
      ...{ strideHeight: 2, strideWidth: 2, paddingTop: 0, paddingLeft: 0 },
      ...{ dilationHeight: 1, dilationWidth: 1 },
    };
    const sizes = (changed: Partial<typeof right> = {}) => Object.values({ ...right, ...changed });
    const pool = (changed?: Partial<typeof right>) =>
      addon.maxPool(...sizes(changed), floats(36), floats(36));
    expect(pool()).to.equal(undefined);
    const huge = 2 ** 47;
    for (const changed of [
      { height: 0 },
      { width: 0 },
      { outHeight: 0 },
      { kernelHeight: 0 },
      { kernelWidth: 0 },
      { strideHeight: 0 },
      { strideWidth: 0 },
      { dilationHeight: 0 },
      { dilationWidth: 0 },
      { paddingTop: 2 },
      { paddingLeft: 2 },
      { outHeight: 4 }, // begins after the plane
      { outWidth: 4 },
      { planes: 0, kernelHeight: huge, dilationHeight: huge },
      { planes: 0, kernelWidth: 2 ** 21 },
      { planes: 0, outWidth: huge, strideWidth: huge },
      { planes: 0, outHeight: huge, strideHeight: 2 ** 17 + 1 },
    ]) {
      expectError(() => pool(changed), RangeError, 'windows that fit');
    }
    // The last window begins in the plane, or in the padding before it, and reaches beyond the end.
    expect(pool({ outWidth: 4, kernelWidth: 3, paddingLeft: 1 })).to.equal(undefined);
    expectError(() => pool({ outWidth: 5, kernelWidth: 3, paddingLeft: 1 }), RangeError, 'windows that fit');
    // A distance beyond the plane leaves one value of each window.
    expect(pool({ dilationHeight: 9, dilationWidth: 9 })).to.equal(undefined);
    expectError(() => pool({ planes: 2 }), TypeError, 'at least 72 values for x');
    expectError(() => pool({ planes: 2 ** 40, height: 2 ** 40 }), TypeError, 'a Float32Array');
    // Far more results than values.
    const many = { height: 1, width: 1, outHeight: 1000, outWidth: 1000, strideHeight: 1, strideWidth: 1 };
    const kernels = { kernelHeight: 1000, kernelWidth: 1000, paddingTop: 999, paddingLeft: 999 };
    expectError(() => pool({ ...many, ...kernels }), TypeError, 'at least 1000000 values for y');
    const short = () => addon.maxPoolBackward(...sizes(), floats(36), floats(9), floats(8), floats(36));
    expectError(short, TypeError, 'at least 9 values for dy');
    // No planes, and windows too large for any memory.
    const none = { planes: 0, height: 2 ** 40, width: 2 ** 40, kernelHeight: 2 ** 20, kernelWidth: 2 ** 20 };
    expect(addon.maxPool(...sizes(none), floats(0), floats(0))).to.equal(undefined);
    expectError(() => addon.dropout(8, 0, 0, 0.5, 2, floats(8), floats(7)), TypeError, 'for y');
  });

  it('refuse a convolution without a kernel, with huge distances or with short arrays', () => {
    const [height, width, outHeight, outWidth] = [5, 5, 3, 3];
    const right = {
      ...{ images: 1, groups: 1, inChannels: 1, outChannels: 1, height, width, outHeight, outWidth },
      ...{ kernelHeight: 3, kernelWidth: 3, strideHeight: 1, strideWidth: 1 },
      ...{ dilationHeight: 1, dilationWidth: 1, paddingTop: 0, paddingLeft: 0 },
    };
    const sizes = (changed: Partial<typeof right> = {}) => Object.values({ ...right, ...changed });
    const call = (changed?: Partial<typeof right>) =>
      addon.conv2d(...sizes(changed), floats(25), floats(9), null, floats(9));
    call();
    const huge = 2 ** 47;
    for (const changed of [
      { outHeight: 5, outWidth: 5 },
      { images: 2 },
      { groups: 2 },
      { outChannels: 2 },
      { outWidth: huge, paddingLeft: huge },
      { kernelHeight: huge },
      { images: huge, groups: huge },
      { kernelHeight: huge, kernelWidth: huge },
    ]) {
      expectError(() => call(changed), TypeError, 'a Float32Array of at least');
    }
    for (const changed of [
      { kernelHeight: 0 },
      { kernelWidth: 0 },
      { strideHeight: 0 },
      { strideWidth: 0 },
      { dilationHeight: 0 },
      { dilationWidth: 0 },
      { images: 0, outHeight: huge, strideHeight: huge },
      { inChannels: 0, kernelWidth: huge, dilationWidth: huge },
    ]) {
      expectError(() => call(changed), RangeError, 'a positive kernel, stride and dilation');
    }
    const [x, dy, dweight] = [floats(25), floats(9), floats(9)];
    addon.conv2dWeightGradient(...sizes(), x, dy, dweight, null);
    expect(dweight[0]).to.equal(9 / 4);
    const length = addon.conv2dPackedLength(...sizes()) as number;
    const packed = floats(length);
    addon.conv2dPack(...sizes(), length, floats(9), packed);
    const planned = (count: number) => () =>
      addon.conv2dInference(...sizes(), false, count, floats(25), packed, null, null, floats(9));
    expect(planned(length)()).to.equal(undefined);
    expectError(planned(length + 1), TypeError, `at least ${length + 1} values for packed`);
    expectError(planned(length - 1), RangeError, 'packedLength to be the number of packed weights');
    const few = () => addon.conv2dPack(...sizes(), length - 1, floats(9), packed);
    expectError(few, RangeError, 'packedLength to be the number of packed weights');
    const short = () => addon.conv2dWeightGradient(...sizes(), x, dy, dweight, floats(0));
    expectError(short, TypeError, 'at least 1 values for dbias');
    const shortBias = () => addon.conv2dInputGradient(...sizes(), dy, floats(9), floats(0), x);
    expectError(shortBias, TypeError, 'at least 1 values for bias');
    // A distance beyond the image leaves one place, or one tap.
    const far = { outHeight: 1, outWidth: 1, strideHeight: huge, strideWidth: huge };
    addon.conv2d(...sizes(far), x, floats(9), null, dy);
    expect(dy[0]).to.equal(9 / 4);
    addon.conv2d(...sizes({ dilationHeight: huge, strideHeight: huge }), x, floats(9), null, dy);
    expect(dy[0]).to.equal(3 / 4);
    expect(dy[3]).to.equal(0);
  });

  it('refuse a call with too few arguments, and ignore further ones', () => {
    expectError(() => addon.sum(), TypeError, 'for n', 'undefined');
    expectError(() => addon.batchNormTraining(1, 1, 2, 1e-5, 0.1, floats(2)), TypeError);
    const many = Array.from({ length: 40 }, () => floats(1));
    expect(addon.sum(2, floats(2), ...many)).to.equal(1);
  });

  it('refuse each short array of batch norm, by lengths that are written here', () => {
    const n = 6;
    // 1 x 2 x 3: arrays of 6 and, per channel, of 2. signatures.test.ts takes its lengths from the table itself.
    const calls = [
      ['batchNormTraining', [1e-5, 0.1, true], [n, 2, 2, 2, 2, n, n, 2, 2, 2, 2, 2]],
      ['batchNormInference', [1e-5, true], [n, 2, 2, 2, 2, n, n]],
      ['batchNormBackward', [true], [n, n, 2, 2, 2, 2, n, 2, 2, n, n, 2, 2]],
    ] as const;
    for (const [name, others, lengths] of calls) {
      const given: unknown[] = [1, 2, 3, ...others, ...lengths.map(floats)];
      addon[name](...given);
      for (const [i, length] of lengths.entries()) {
        const short = given.with(3 + others.length + i, floats(length - 1));
        expectError(() => addon[name](...short), TypeError, `at least ${length} values`);
      }
    }
  });

  it('accept null only where it has a meaning', () => {
    const [parameter, gradient] = [floats(2), floats(2)];
    addon.sgdStep(2, 1, 0, 0, 0, false, parameter, gradient, null);
    expect([...parameter]).to.deep.equal([0, 0]);
    const act = () => addon.sgdStep(2, 1, 0, 0, 0, false, parameter, null, null);
    expectError(act, TypeError, 'for gradient', 'null');
  });
});
