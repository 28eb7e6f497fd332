import { writeFileSync } from 'node:fs';
import { backend, BatchNorm2D, DataLoader, Sgd, Tensor } from 'batchnorm';
import { connect, DataParallel, type Group, spawnWorkers, synchronize } from 'batchnorm/distributed';
import { errorCodes } from '#lib/validation/errors';
import { expect } from 'chai';
import { emulated } from '../../support/node-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { junkFor } from './junk.js';
import { snapshot } from './snapshot.js';

// Calls the API of batchnorm/distributed with every kind of invalid argument. A Group is an interface, so its methods are
// not found by the test of the classes and functions.

interface Argument {
  readonly name: string;
  readonly make: () => unknown;
  /** Whether a value of another kind than `make` gives is valid, too. */
  readonly accepts?: (value: unknown) => boolean;
  /** Names of members that a message may use. */
  readonly members?: readonly string[];
  /** Leaves out values that cannot be told from valid ones before the call does something. */
  readonly skips?: (value: unknown) => boolean;
}

interface Call {
  readonly name: string;
  readonly run: (...args: unknown[]) => unknown;
  readonly args: readonly Argument[];
}

const isFloats = (value: unknown) => value instanceof Float32Array || value instanceof Float64Array;
const isText = (value: unknown) => typeof value === 'string';

const values: Argument = { name: 'values', make: () => Float32Array.of(1, 2), accepts: isFloats };
/** Valid options: undefined, or plain objects whose members pass their checks or are missing. */
const optionsOf = (checks: Readonly<Record<string, (value: unknown) => boolean>>) => (value: unknown) => {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) return false;
  return Object.entries(value).every(
    ([name, each]) => name in checks && (each === undefined || checks[name](each)),
  );
};
const options: Argument = {
  name: 'options',
  make: () => ({ timeout: 1000 }),
  accepts: optionsOf({ timeout: (value) => typeof value === 'number' && value > 0 }),
};
/** Duck-typed modules, which need no base class. */
const isModule = (value: unknown) => typeof (value as { forward?: unknown } | null)?.forward === 'function';
const samples: Argument = {
  name: 'samples',
  make: () => 4,
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};

const network = () => new BatchNorm2D(3);
const images = () => Tensor.ones([4, 3, 2, 2]);

// The checks do not depend on the backend, and starting workers takes long under emulation.
const describeOnce = backend.name === 'native' && !emulated ? describe : describe.skip;

describeOnce('batchnorm/distributed with every kind of invalid argument', function () {
  this.timeout(300_000);
  const path = temporaryDirectory();
  let group: Group;
  let model: BatchNorm2D<3>;
  let parallel: DataParallel;
  before(() => {
    writeFileSync(path('worker.mjs'), '');
  });
  beforeEach(async () => {
    group = await connect();
    model = network();
    parallel = await DataParallel.create(model, group);
    await parallel.saveCheckpoint(path('checkpoint.npz'), { model });
  });
  afterEach(() => {
    group.close();
  });

  const ofGroup = (method: keyof Group, ...args: Argument[]): Call => ({
    name: `group.${method}`,
    run: (...given) => (group[method] as (...all: unknown[]) => unknown)(...given),
    args,
  });
  const ofParallel = (method: 'shard' | 'backward' | 'mean', ...args: Argument[]): Call => ({
    name: `parallel.${method}`,
    run: (...given) => (parallel[method] as (...all: unknown[]) => unknown)(...given),
    args,
  });
  const training: Argument = { name: 'training', make: () => ({ model }), members: ['model'] };
  const root: Argument = {
    name: 'root',
    make: () => 0,
    accepts: (value) => value === undefined || value === 0,
  };
  const reduction: Argument = {
    name: 'reduction',
    make: () => 'max',
    accepts: (value) => value === undefined,
  };
  const both = (method: 'allGather' | 'sum' | 'allReduce' | 'broadcast' | 'barrier', ...args: Argument[]) => [
    ofGroup(method, ...args),
    ofGroup(`${method}Async`, ...args),
  ];

  const calls: readonly Call[] = [
    ...both('allGather', values, options),
    ...both('sum', values, options),
    ...both('allReduce', values, reduction, options),
    ...both('broadcast', values, root, options),
    ...both('barrier', options),
    // A valid message ends the process.
    ofGroup('abort', { name: 'message', make: () => 'x', skips: isText }),
    {
      name: 'connect',
      async run(...given) {
        group.close();
        try {
          (await (connect as (...all: unknown[]) => Promise<Group>)(...given)).close();
        } finally {
          group = await connect();
        }
      },
      args: [options],
    },
    {
      name: 'spawnWorkers',
      run: spawnWorkers as (...given: unknown[]) => unknown,
      args: [
        {
          name: 'count',
          make: () => 1,
          accepts: (value) => Number.isInteger(value) && (value as number) > 0,
        },
        { name: 'file', make: () => path('worker.mjs'), skips: isText },
        { name: 'options', make: () => ({ workerData: 1 }), accepts: optionsOf({ workerData: () => true }) },
      ],
    },
    {
      name: 'synchronize',
      run: synchronize as (...given: unknown[]) => unknown,
      args: [
        { name: 'model', make: network, accepts: isModule },
        { name: 'group', make: () => group },
      ],
    },
    {
      name: 'DataParallel.create',
      run: DataParallel.create.bind(DataParallel) as (...given: unknown[]) => unknown,
      args: [
        { name: 'model', make: network, accepts: isModule },
        { name: 'group', make: () => group },
        {
          name: 'options',
          make: () => ({ optimizer: new Sgd() }),
          accepts: optionsOf({ optimizer: () => false }),
        },
      ],
    },
    ofParallel('shard', {
      name: 'loader',
      make: () => new DataLoader({ features: new Float32Array(8), shape: [2] }, { batchSize: 2 }),
    }),
    ofParallel('backward', { name: 'loss', make: () => model.forwardMut(images().trace()).mean() }, samples, {
      name: 'options',
      make: () => ({ keep: [] }),
      accepts: optionsOf({ keep: (value) => Array.isArray(value) && value.length === 0 }),
    }),
    ofParallel('mean', { name: 'scores', make: () => ({ loss: 1 }), accepts: isScores }, samples),
    {
      name: 'parallel.saveCheckpoint',
      run: (...given) => parallel.saveCheckpoint(...(given as Parameters<DataParallel['saveCheckpoint']>)),
      args: [{ name: 'path', make: () => path('saved.npz'), skips: isText }, training],
    },
    {
      name: 'parallel.loadCheckpoint',
      run: (...given) => parallel.loadCheckpoint(...(given as Parameters<DataParallel['loadCheckpoint']>)),
      args: [{ name: 'path', make: () => path('checkpoint.npz'), skips: isText }, training],
    },
  ];

  for (const { name, run, args } of calls) {
    it(name, async () => {
      const complaints: string[] = [];
      for (const [i, argument] of args.entries()) {
        for (const junk of junkFor(argument.make())) {
          const value = junk.make();
          if (argument.skips?.(value) === true) continue;
          const given = args.map(({ make }, j) => (j === i ? value : make()));
          const before = [model, ...given].map((each) => snapshot(each)).join(' ');
          const error = await outcome(() => run(...given));
          const isValid = argument.accepts?.(value) === true;
          const complaint =
            error === undefined
              ? isValid
                ? undefined
                : 'was taken'
              : complaintAbout(error, [argument.name, ...(argument.members ?? [])], value);
          if (complaint !== undefined) complaints.push(`${junk.name} for ${argument.name}: ${complaint}`);
          const after = [model, ...given].map((each) => snapshot(each)).join(' ');
          if (error !== undefined && before !== after)
            complaints.push(`${junk.name} for ${argument.name}: changes`);
        }
      }
      expect(complaints.join('\n')).to.equal('');
    });
  }
});

function isScores(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((each) => typeof each === 'number')
  );
}

async function outcome(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The flaw of an error; undefined if it meets our rules. */
function complaintAbout(error: unknown, names: readonly string[], value: unknown): string | undefined {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const shown = `${error.constructor.name}: ${error.message.slice(0, 200)}`;
  const { code, path } = error as { code?: unknown; path?: unknown };
  // A file: URL of a file that does not exist.
  if (value instanceof URL && (path !== undefined || code === 'MODULE_NOT_FOUND')) return undefined;
  if (!(errorCodes as readonly unknown[]).includes(code)) return `has the code ${String(code)}: ${shown}`;
  if (![TypeError, RangeError].some((each) => error.constructor === each))
    return `is of a wrong class: ${shown}`;
  if (error.message.startsWith('backward() has consumed the graph')) return undefined;
  const words: readonly string[] = error.message.match(/\w+/g) ?? [];
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (![...names, ...keys].some((each) => words.includes(each)))
    return `does not name the argument: ${shown}`;
  return undefined;
}
