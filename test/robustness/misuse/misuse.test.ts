import * as index from 'batchnorm';
import {
  backend,
  FileFormatError,
  NpzReader,
  setNumThreads,
  storagePool,
  Tensor,
  UnusedParamsError,
} from 'batchnorm';
import { errorCodes } from '#lib/validation/errors';
import { expect } from 'chai';
import ts from 'typescript';
import { emulated } from '../../support/node-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { type Example, Examples, invoke } from './examples.js';
import { fits } from './fits.js';
import { type Junk, junkFor } from './junk.js';
import { snapshot } from './snapshot.js';
import { type Callable, type Parameter, readSurface } from './surface.js';

// Calls the whole public API with every kind of invalid argument. The API and the valid types come from the
// declarations, so that additions are tested automatically.

// An error class whose constructor throws would hide the intended error.
const errorClasses = ['FileFormatError', 'UnusedParamsError'];

/** Other names of arguments in messages. */
const otherNames: Readonly<Partial<Record<string, readonly string[]>>> = {
  // what compile() hears from the model: about its x, or its parameters()
  model: ['x', 'parameters'],
  // a batch that the module refuses is the module's x
  batches: ['x'],
  // the right operand of matmul
  other: ['operand'],
  // a shape that the model refuses is that of its x
  'exportOnnx options': ['x'],
  'OnnxModel#run inputs': ['x'],
  'OnnxModel#runMut inputs': ['x'],
};

/** Our messages about the state of a tensor or graph, which name no argument. */
const ofState = [
  'backward() has consumed the graph',
  'update() has consumed these gradients',
  'This tensor was disposed',
  'Out of memory for ',
  'Expected a tensor without a tape for forward',
  'Expected a tensor with a tape for forwardMut',
];

const isLong = process.env.BATCHNORM_TEST_LONG === '1';

/**
 * Whether a method is that of `BaseModule`, which is tested by itself. Sixty layers inherit a dozen such methods, so
 * calling them wrongly on each takes two minutes, and `.ci/long` does.
 */
function isInherited({ kind, owner, member }: Callable): boolean {
  if (kind !== 'method' || owner === 'BaseModule') return false;
  const constructor = (index as Readonly<Record<string, unknown>>)[owner];
  if (typeof constructor !== 'function' || !(constructor.prototype instanceof index.BaseModule)) return false;
  const prototypes = [constructor.prototype, index.BaseModule.prototype] as unknown as Record<
    string,
    unknown
  >[];
  return prototypes[0]?.[member] === prototypes[1]?.[member];
}

// Independent of the ISA: run once with the addon and once without. The compiler's API takes a minute under
// emulation.
if (!emulated && backend.isa !== 'scalar') {
  describe('with every kind of invalid argument', function () {
    this.timeout(600_000);
    const path = temporaryDirectory();
    const { checker, callables, closed, unknown } = readSurface();
    const examples = new Examples(checker, callables, path);
    const home = process.cwd();
    const { limit } = storagePool;
    const { threads } = backend;

    // Some junk values are paths.
    before(() => {
      process.chdir(path());
    });
    after(() => {
      process.chdir(home);
    });
    afterEach(() => {
      storagePool.limit = limit;
      setNumThreads(threads);
    });

    it('finds every export', () => {
      expect(unknown).to.deep.equal([]);
      expect(callables.length).to.be.greaterThan(90);
    });

    for (const callable of callables) {
      const { name, parameters, owner } = callable;
      if (errorClasses.includes(owner)) continue;
      // Always throws.
      if (name === 'OnnxModel#toJSON') continue;
      if (!isLong && isInherited(callable)) continue;
      it(name, async () => {
        const right = await examples.of(callable);
        await invoke(callable, right.self, right.args);
        const complaints: string[] = [];
        for (const [i, parameter] of parameters.entries()) {
          // Exists only for the signature.
          if (parameter.name.startsWith('_')) continue;
          for (const junk of junkFor(right.args[i])) {
            const complaint = await misuse(callable, i, parameter, junk);
            if (complaint !== undefined) {
              complaints.push(`${name}: ${junk.name} for ${parameter.name}: ${complaint}`);
            }
          }
        }
        expect(complaints.join('\n')).to.equal('');
      });

      if (parameters.some(({ rest }) => rest) || callable.kind === 'setter') continue;
      // JSON.stringify passes a key, which is accepted.
      if (callable.member === 'toJSON') continue;
      it(`${name} with a surplus argument`, async () => {
        const { self, args } = await examples.of(callable);
        expect(args.length).to.equal(parameters.length);
        const before = stateOf({ self, args });
        const error = await outcome(() => invoke(callable, self, [...args, 'surplus']));
        expect(stateOf({ self, args })).to.equal(before);
        expect(error).to.be.instanceOf(TypeError).with.property('code', 'ERR_BATCHNORM_TOO_MANY_ARGUMENTS');
        const { message } = error as Error;
        expect(message).to.include(args.length === 0 ? 'no arguments' : `at most ${args.length} `);
        expect(message).to.include(`argument ${args.length + 1}, "surplus"`);
        expect(message).to.include(`${callable.member}()`);
        examples.close();
        const again = await examples.of(callable);
        const missing = await outcome(() => invoke(callable, again.self, [...again.args, undefined]));
        expect(missing).to.equal(undefined);
        examples.close();
      });

      for (const [i, parameter] of parameters.entries()) {
        if (!parameter.types.every((type) => isOptions(checker, type))) continue;
        it(`${name} with a misspelt name in ${parameter.name}`, async () => {
          const { self, args } = await examples.of(callable);
          const given = args.with(i, { ...(args[i] as object), misspelt: 1 });
          const error = await outcome(() => invoke(callable, self, given));
          expect(error).to.be.instanceOf(TypeError).with.property('code', 'ERR_BATCHNORM_UNKNOWN_OPTION');
          expect((error as Error).message).to.include('misspelt');
          examples.close();
        });
      }
    }

    it('finds the classes without public constructors', () => {
      expect(closed).to.include.members(['Batch', 'NpzReader', 'Tensor']);
    });

    for (const name of closed) {
      it(`new ${name}`, () => {
        const constructor = (index as Record<string, unknown>)[name] as new (...args: unknown[]) => unknown;
        for (const args of [
          [],
          [
            [1, 2, 3, 4],
            [2, 2],
          ],
          [Tensor.zeros([2]), [0], Uint32Array.of(0)],
        ]) {
          expect(() => new constructor(...args))
            .to.throw(TypeError, name)
            .with.property('code', 'ERR_BATCHNORM_ILLEGAL_CONSTRUCTOR');
        }
      });
    }

    async function misuse(
      callable: Callable,
      index: number,
      parameter: Parameter,
      junk: Junk,
    ): Promise<string | undefined> {
      const { self, args } = await examples.of(callable);
      const value = junk.make();
      const given = [...args];
      given[index] = value;
      const before = stateOf({ self, args: given });
      const error: unknown = await outcome(() => invoke(callable, self, given));
      const after = stateOf({ self, args: given });
      examples.close();
      if (error === undefined) {
        const missing = value === undefined && parameter.optional;
        if (missing || parameter.types.some((type) => fits(checker, type, value))) return undefined;
        return 'was taken';
      }
      if (before !== after) return `changed state: ${before} to ${after}`;
      return complaintAbout(error, namesOf(checker, callable, parameter, args[index]));
    }
  });
}

/** Whether a type is that of an options object: not a class, an array or an interface that users implement. */
function isOptions(checker: ts.TypeChecker, type: ts.Type): boolean {
  if (type.isUnion()) {
    const given = type.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    return given.length > 0 && given.every((each) => isOptions(checker, each));
  }
  if (!(type.flags & ts.TypeFlags.Object) || type.symbol === undefined) return false;
  if (
    type.symbol.flags & ts.SymbolFlags.Class ||
    !/Options$|Input$|Output$|Dataset$|^Training$/.test(type.symbol.name)
  )
    return false;
  return checker.getPropertiesOfType(type).length > 0;
}

/** The error that is thrown, or with which the returned promise rejects. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    if (result instanceof NpzReader) result.close();
    // Iterators report invalid arguments when the first value is requested.
    if (isGenerator(result)) while ((await result.next()).done !== true);
    return undefined;
  } catch (error) {
    return error;
  }
}

function isGenerator(value: unknown): value is AsyncGenerator {
  return typeof (value as Partial<AsyncGenerator> | undefined)?.[Symbol.asyncIterator] === 'function';
}

function stateOf({ self, args }: Example): string {
  return [self, ...args].map((value) => snapshot(value)).join(' ');
}

/** The flaw of an error; undefined if it meets our rules. */
function complaintAbout(error: unknown, names: readonly string[]): string | undefined {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const { message } = error;
  const shown = `${error.constructor.name}: ${message.slice(0, 300)}`;
  // A path that does not exist.
  if ('code' in error && 'path' in error && typeof error.code === 'string') return undefined;
  const { code } = error as { code?: unknown };
  if (!(errorCodes as readonly unknown[]).includes(code)) return `has the code ${String(code)}: ${shown}`;
  // These errors name the file or the parameters instead.
  if (error instanceof FileFormatError || error instanceof UnusedParamsError) return undefined;
  const classes = [TypeError, RangeError];
  if (!classes.some((each) => error.constructor === each)) return `is of a wrong class: ${shown}`;
  if (ofState.some((beginning) => message.startsWith(beginning))) return undefined;
  if (!/^Expected .* (but|found) /s.test(message)) return `is not one of our errors: ${shown}`;
  if (message.length > 2000) return `has a message of ${message.length} characters`;
  const words: readonly string[] = message.match(/\w+/g) ?? [];
  if (!names.some((name) => words.includes(name))) return `does not name the argument: ${shown}`;
  return undefined;
}

/** Names that a message may use: those of the parameter and its members. */
function namesOf(
  checker: ts.TypeChecker,
  callable: Callable,
  { name, types }: Parameter,
  valid: unknown,
): readonly string[] {
  const members = types.flatMap((type) =>
    (type.isUnion() ? type.types : [type]).flatMap((each) =>
      each.flags & ts.TypeFlags.Object && each.getCallSignatures().length === 0
        ? checker.getPropertiesOfType(each).map((member) => member.name)
        : [],
    ),
  );
  const keys = typeof valid === 'object' && valid !== null ? Object.keys(valid) : [];
  return [
    name,
    // An accessor, which is no key. The message may name another tensor, whose shape does not fit.
    ...(valid instanceof Tensor ? ['shape'] : []),
    ...members,
    ...keys,
    ...(otherNames[name] ?? []),
    ...(otherNames[`${callable.name} ${name}`] ?? []),
  ];
}
