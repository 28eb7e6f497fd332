// Runs the ONNX project's own test cases, first through the public API, then through importOnnx, and lists for each operator how
// many pass and what is not supported. `node run.js CASES`, where dump.py wrote CASES. `node run.js CASES import` runs those of a
// newer version, through importOnnx only. Fails if a case fails, or if fewer pass than expected.
import { readFileSync } from 'node:fs';
import { importOnnx } from 'batchnorm/onnx';
import { stored } from './operator.js';
import { operators } from './operators.js';
import { Call, Inexpressible, type OnnxNode, type StoredTensor, type Value } from './value.js';

/** The number of cases that pass through the public API and through importOnnx, and of those of ONNX 1.16 and later. */
const expectedPasses = { operators: 510, importOnnx: 460, newer: 480 };

/** Cases that cannot pass, and why. */
const inexpressible: ReadonlyMap<string, string> = new Map([
  ['test_center_crop_pad_crop_expanded', 'the quotient of integers that are an input, which holds floats'],
]);

/** ONNX's own tolerance, relative and absolute. */
const [relative, absolute] = [1e-3, 1e-7];

interface Data {
  readonly inputs: Readonly<Record<string, StoredTensor>>;
  readonly outputs: Readonly<Record<string, StoredTensor>>;
}

interface Case {
  readonly name: string;
  readonly path: string;
  readonly operators: readonly string[];
  readonly unreadable?: string;
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: Readonly<Record<string, StoredTensor>>;
  readonly data: readonly Data[];
}

const valueOf = (each: StoredTensor): Value => ({ type: each.type, tensor: stored(each) });

function run(testCase: Case, { inputs, outputs }: Data): void {
  const values = new Map<string, Value>();
  for (const [name, each] of [...Object.entries(testCase.initializers), ...Object.entries(inputs)]) {
    values.set(name, valueOf(each));
  }
  for (const node of testCase.nodes) {
    if (!Object.hasOwn(operators, node.operator)) throw new Inexpressible(`the operator ${node.operator}`);
    const operands = node.inputs.map((name) => values.get(name));
    const call = new Call(node, operands, testCase.opset);
    const result = operators[node.operator](call);
    const typeOfInput = operands[0]?.type ?? 'float32';
    const { type, tensors } =
      'tensors' in result ? result : { type: typeOfInput, tensors: 'shape' in result ? [result] : result };
    node.outputs.forEach((name, i) => {
      if (name !== '' && i < tensors.length) values.set(name, { type, tensor: tensors[i] });
    });
  }
  for (const [name, expected] of Object.entries(outputs)) {
    const value = values.get(name);
    if (value === undefined) throw new Error(`no output ${name}`);
    compare(name, value, expected);
  }
}

function compare(name: string, { type, tensor }: Value, expected: StoredTensor): void {
  if (type !== expected.type) throw new Error(`${name} is ${type} instead of ${expected.type}`);
  if (tensor.shape.join() !== expected.shape.join()) {
    throw new Error(
      `${name} has the shape [${tensor.shape.join(', ')}] instead of [${expected.shape.join(', ')}]`,
    );
  }
  tensor.data.forEach((value, i) => {
    const wanted = Number(expected.values[i]);
    const isSame = Object.is(value, wanted) || value === wanted;
    if (isSame || Math.abs(value - wanted) <= absolute + relative * Math.abs(wanted)) return;
    throw new Error(`${name}[${i}] is ${value} instead of ${wanted}`);
  });
}

/** Runs a case through importOnnx. Its tensors hold floats, so that only those are compared. */
async function runImported(testCase: Case): Promise<void> {
  const reason = inexpressible.get(testCase.name.replace(/^.*\//, ''));
  if (reason !== undefined) throw new Inexpressible(reason);
  for (const { inputs, outputs } of testCase.data) {
    const types = [...Object.values(inputs), ...Object.values(outputs)].map(({ type }) => type);
    const other = types.find((type) => type.startsWith('float') && type !== 'float32');
    if (other !== undefined) throw new Inexpressible(`${other} instead of float32`);
    // The files of bfloat16 inputs say that they hold the integers of the bits.
    if (types.includes('uint16')) throw new Inexpressible('bfloat16 instead of float32');
    const wrong = Object.values(outputs).find(({ type }) => type !== 'float32');
    if (wrong !== undefined) throw new Inexpressible(`a result of type ${wrong.type}`);
    const given = Object.entries(inputs).map(([name, each]) => [name, stored(each)] as const);
    const results = await supported(async () =>
      (await importOnnx(testCase.path)).run(Object.fromEntries(given)),
    );
    for (const [name, expected] of Object.entries(outputs)) {
      compare(name, { type: 'float32', tensor: results[name] }, expected);
    }
  }
}

/** Runs a model, and turns the error for something that importOnnx does not support into one that is no failure. */
async function supported<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const refused = /^Expected (?:a supported|supported|inputs of numbers).* but found (.*)$/;
    const [, found] = refused.exec(messageOf(error)) ?? [];
    throw found === undefined ? error : new Inexpressible(found);
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

interface Tally {
  passed: number;
  readonly reasons: Map<string, number>;
}

const cases = readFileSync(process.argv[2], 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

/** Runs all cases and prints the results; sets the exit code if there are fewer than `least` passes or any failure. */
async function runAll(
  title: string,
  least: number,
  runCase: (each: Case) => void | Promise<void>,
): Promise<void> {
  const tallies = new Map<string, Tally>();
  const failures: string[] = [];
  let passed = 0;
  for (const each of cases) {
    // The operator of a single node; others under what they were converted from.
    const key =
      each.operators.length === 1 ? each.operators[0] : `${each.name.split('/')[0]}, several operators`;
    const tally = tallies.get(key) ?? { passed: 0, reasons: new Map<string, number>() };
    tallies.set(key, tally);
    try {
      if (each.unreadable !== undefined) throw new Inexpressible(each.unreadable);
      await runCase(each);
      tally.passed++;
      passed++;
    } catch (error) {
      if (error instanceof Inexpressible)
        tally.reasons.set(error.message, (tally.reasons.get(error.message) ?? 0) + 1);
      else failures.push(`${each.name}: ${messageOf(error)}`);
    }
  }
  console.log(`--- ${title}`);
  for (const [operator, tally] of [...tallies].sort(([a], [b]) => a.localeCompare(b))) {
    const reasons = [...tally.reasons].map(([reason, times]) => `${reason}${times > 1 ? ` (${times})` : ''}`);
    console.log(
      `${operator}: ${tally.passed} pass${reasons.length > 0 ? `; not expressible: ${reasons.join(', ')}` : ''}`,
    );
  }
  console.log(
    `${cases.length} cases: ${passed} pass, ${failures.length} fail, the others cannot be expressed`,
  );
  for (const failure of failures) console.log(`FAILED ${failure}`);
  if (failures.length > 0 || passed < least) process.exitCode = 1;
}

const isNewer = process.argv[3] === 'import';
if (!isNewer) {
  await runAll('the public API', expectedPasses.operators, (each) => {
    for (const data of each.data) run(each, data);
  });
}
await runAll('importOnnx', isNewer ? expectedPasses.newer : expectedPasses.importOnnx, runImported);
