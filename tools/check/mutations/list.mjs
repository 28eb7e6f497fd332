// The committed mutations, checked against the sources.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./list/', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));
const fields = ['file', 'what', 'find', 'replace', 'tests', 'backend', 'isa', 'survives'];

/**
 * @typedef {object} Mutation
 * @property {string} file Path of the source.
 * @property {string} what What the mutation breaks.
 * @property {string} find Exact text, which occurs once in the source.
 * @property {string} replace Text of the mutant.
 * @property {string[]} tests Test files that should catch it: `unit/nn/linear` is dist-dev/test/unit/nn/linear.test.js,
 *   `native:cpu_count_test.cc` is a file of the native tests.
 * @property {'native' | 'portable'} [backend] The backend of the tests; native by default, portable for mutations of
 *   lib/backend/portable/.
 * @property {'avx512'} [isa] The only ISA whose results the mutation changes; left out where the machine lacks it.
 * @property {string} [survives] Why no test can catch it: the mutant behaves like the original.
 */

/** @returns {Promise<Mutation[]>} @throws Error that lists every mutation that does not match its source. */
export async function readMutations() {
  const mutations = [];
  for (const name of readdirSync(folder).sort()) {
    const { default: list } = await import(new URL(`./list/${name}`, import.meta.url));
    for (const given of list) {
      const portable = given.file.startsWith('lib/backend/portable/');
      mutations.push({ backend: portable ? 'portable' : 'native', ...given });
    }
  }
  const problems = mutations.flatMap((mutation) => {
    const problem = problemOf(mutation);
    return problem === undefined ? [] : [`${mutation.file}: ${mutation.what}: ${problem}`];
  });
  if (problems.length > 0) throw new Error(`Mutations out of date:\n${problems.join('\n')}`);
  return mutations;
}

function problemOf(mutation) {
  const { file, what, find, replace, tests } = mutation;
  const unknown = Object.keys(mutation).filter((name) => !fields.includes(name));
  if (unknown.length > 0) return `unknown field ${unknown.join(', ')}`;
  if (!what || !find || replace === undefined || !(tests?.length > 0)) return 'a field is missing';
  if (find === replace) return 'the replacement equals the text';
  const missing = tests.map(sourceOfTest).filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) return `there is no ${missing.join(', ')}`;
  if (!existsSync(join(root, file))) return 'there is no such file';
  const count = readFileSync(join(root, file), 'utf8').split(find).length - 1;
  return count === 1 ? undefined : `the text occurs ${count} times, not once:\n${find}`;
}

function sourceOfTest(test) {
  const native = /^native:(.*)$/.exec(test);
  return native === null ? `test/${test}.test.ts` : `test/native/${native[1]}`;
}
