import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import {
  backward,
  BatchNorm2D,
  compile,
  recalibrate,
  type ErrorCode,
  FileFormatError,
  type Gradients,
  Linear,
  Sequential,
  Sgd,
  type Shape,
  Softmax,
  stepSchedule,
  Tensor,
  UnusedParamsError,
} from 'batchnorm';
import * as raw from 'batchnorm/raw';
import { freshFloats } from '#lib/backend/allocation';
import { readSettings } from '#lib/backend/settings';
import { UsageError } from '#lib/cli/arguments';
import { errorCodes } from '#lib/validation/errors';
import { requirePoison } from '#lib/core/poison';
import { headerLength } from '#lib/distributed/call';
import { mismatch, peerEnded, timedOut } from '#lib/distributed/group-errors';
import { loadMpi } from '#lib/distributed/mpi-library';
import { capture } from '#lib/plan/capture';
import { expect } from 'chai';
import { packagePath } from '../../support/package-path.js';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';

const page = readFileSync(packagePath('docs/reference/errors.md'), 'utf8');
const rows = [...page.matchAll(/^\| `(ERR_\w+)` +\| (.+?) +\|/gm)].map(([, code, classes]) => ({
  code: code as ErrorCode,
  classes: classes.split(', ').map((name) => name.slice(1, -1)),
}));

const classes: Readonly<Record<string, new (...args: never[]) => Error>> = {
  Error,
  TypeError,
  RangeError,
  FileFormatError,
  UnusedParamsError,
  UsageError,
};

const loss = () => {
  const bn = new BatchNorm2D(3);
  const y = bn.forwardMut(Tensor.ones([2, 3, 2, 2]).trace());
  return { bn, y, loss: y.square().mean() };
};

/** One call for each code that throws it. */
const failing: Readonly<Partial<Record<ErrorCode, () => unknown>>> = {
  ERR_BATCHNORM_TYPE: () => (Tensor.zeros as Untyped)('x'),
  ERR_BATCHNORM_VALUE: () => new BatchNorm2D(0),
  ERR_BATCHNORM_SHAPE: () => Tensor.from([1, 2, 3], [2]),
  ERR_BATCHNORM_OVERLAP: () => {
    const x = new Float32Array(8);
    const one = Float32Array.of(1);
    const input = { x, shape: [1, 2, 2], scale: one, bias: one, runningMean: one, runningVar: one };
    return (raw.batchNormInference as Untyped)({ ...input, x: x.subarray(1, 5) }, x.subarray(0, 4));
  },
  ERR_BATCHNORM_UNKNOWN_OPTION: () => new Sgd({ learningRate: 1 } as object),
  ERR_BATCHNORM_TOO_MANY_ARGUMENTS: () => (Tensor.zeros as Untyped)([2], 1),
  ERR_BATCHNORM_ILLEGAL_CONSTRUCTOR: () => Reflect.construct(Tensor, [[1, 2], [2]]) as unknown,
  ERR_BATCHNORM_MISSING_METHOD: () => new Sequential({ forward: (x: never) => x }).clone(),
  ERR_BATCHNORM_CAPTURE: () => capture({ forward: (x: Tensor<Shape>) => x.data }, [2]),
  ERR_BATCHNORM_NOT_SERIALIZABLE: () => JSON.stringify({ optimizer: new Sgd() }),
  ERR_BATCHNORM_TAPE: () => (backward as Untyped)(Tensor.from([1], [])),
  ERR_BATCHNORM_DETACHED: () => {
    const values = Float32Array.of(1, 2);
    const x = Tensor.adopt(values, [2]);
    structuredClone(values.buffer, { transfer: [values.buffer] });
    x.sum();
  },
  ERR_BATCHNORM_DISPOSED: () => {
    const x = Tensor.zeros([2]);
    x.dispose();
    return x.data;
  },
  ERR_BATCHNORM_GRAPH_CONSUMED: () => {
    const { y, loss: l } = loss();
    backward(l);
    return y.data;
  },
  ERR_BATCHNORM_GRADIENTS_CONSUMED: () => {
    const { bn, loss: l } = loss();
    const gradients: Gradients = backward(l);
    new Sgd().update(bn, gradients);
    return gradients.get(bn.scale);
  },
  ERR_BATCHNORM_STALE_PARAMETER: () => {
    const { bn, loss: l } = loss();
    bn.resetParams(Math.random);
    return backward(l);
  },
  ERR_BATCHNORM_BUSY: async () => {
    const bn = new BatchNorm2D(1);
    const batch = Tensor.from([1, 2], [1, 1, 2]);
    await Promise.all([recalibrate(bn, [batch]), recalibrate(bn, [batch])]);
  },
  ERR_BATCHNORM_QUEUE_FULL: async () => {
    const plan = compile(new Softmax(), [1, 2], { maxQueue: 0 });
    await Promise.all([plan.run(Tensor.ones([1, 2])), plan.run(Tensor.ones([1, 2]))]);
  },
  ERR_BATCHNORM_MISMATCH: () => {
    throw mismatch(new Float64Array(2 * headerLength), 0, 1);
  },
  ERR_BATCHNORM_TIMEOUT: () => {
    throw timedOut(0, 'barrier()', 100, 'rank 1 is missing');
  },
  ERR_BATCHNORM_PEER: () => {
    throw peerEnded(0, 'barrier()', 'rank 1 ended');
  },
  ERR_BATCHNORM_MPI: () =>
    loadMpi({ name: 'mpirun', rank: 0, size: 2, libraries: ['libmissing.so.0'], install: 'nothing' }),
  ERR_BATCHNORM_UNUSED_PARAMS: () => {
    const { loss: l } = loss();
    new Sgd().update(new BatchNorm2D(3), backward(l));
  },
  ERR_BATCHNORM_FILE_FORMAT: () => {
    throw new FileFormatError('a.npz', 'a zip archive', 'text');
  },
  ERR_BATCHNORM_OUT_OF_MEMORY: () => freshFloats('a test', 2 ** 50),
  ERR_BATCHNORM_BACKEND: () => readSettings({ BATCHNORM_BACKEND: 'gpu' }),
  ERR_BATCHNORM_USAGE: () => {
    throw new UsageError('Expected a command');
  },
  ERR_BATCHNORM_INTERNAL: () => {
    requirePoison(new Float32Array(2));
  },
};

describe('surplus arguments', () => {
  it('are explained if a method was passed as a callback', () => {
    const inputs = [[1], [2]];
    const { zeros } = Tensor as unknown as {
      zeros: (shape: number[], ...rest: unknown[]) => unknown;
    };
    expect(() => inputs.map(zeros)).to.throw(
      TypeError,
      'Expected at most 1 argument for Tensor.zeros() but received argument 2, 0 of type number. As a callback, wrap it: (value) => f(value)',
    );
  });

  it('reject the promise of an asynchronous method', async () => {
    const { save } = Linear.prototype as unknown as {
      save: (...args: unknown[]) => Promise<unknown>;
    };
    const promise = save.call(new Linear(2, 2), 'a.npz', 1);
    await expectRejection(promise, TypeError, 'BaseModule.save()', 'argument 2');
  });

  it('are refused by implicit constructors too', () => {
    const Constructor = Softmax as unknown as new (...args: unknown[]) => unknown;
    expectError(() => new Constructor(1), TypeError, 'no arguments', 'new Softmax()', 'argument 1');
  });

  it('can be checked without changing names and lengths of methods', () => {
    const of = (object: object, name: string) =>
      Object.getOwnPropertyDescriptor(object, name)?.value as unknown;
    expect(of(Tensor.prototype, 'reshape')).to.include({ name: 'reshape', length: 1 });
    expect(of(Tensor, 'from')).to.include({ name: 'from', length: 2 });
  });

  it('are ignored by a schedule, which is a plain function', () => {
    expect([0, 1].map(stepSchedule({ lr: 1, every: 1, factor: 0.5 }))).to.deep.equal([1, 0.5]);
  });
});

describe('error codes', () => {
  it('are listed in docs/reference/errors.md', () => {
    expect(rows.map(({ code }) => code)).to.deep.equal([...errorCodes]);
    expect(new Set(errorCodes).size).to.equal(errorCodes.length);
  });

  for (const { code, classes: names } of rows) {
    it(`${code} is an own, printed property of an error of the documented class`, async () => {
      let caught: unknown;
      try {
        await failing[code]?.();
      } catch (error) {
        caught = error;
      }
      expect(caught).to.be.instanceOf(Error);
      const error = caught as Error;
      expect(Object.hasOwn(error, 'code')).to.equal(true);
      expect(error).to.have.property('code', code);
      expect(names.some((name) => error.constructor === classes[name])).to.equal(true);
      expect(inspect(error)).to.include(code);
      // The stack begins at the check that failed, not at the function that builds the error.
      expect(error.stack?.split('\n    at ')[1]).not.to.match(
        /^(coded|\w+Error|wrong\w+|unknownOption|outOfMemory|missingMethod|tooManyArguments) /,
      );
    });
  }
});
