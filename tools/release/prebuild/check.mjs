// Checks a binary before it may be shipped; exits with an error if it has a problem.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { elfProblems } from './elf.mjs';
import { instructionProblems } from './instructions.mjs';
import { machOProblems } from './mach-o.mjs';
import { peProblems } from './pe.mjs';
import { binaryOf, linkedBinaryOf } from './targets.mjs';
import { wasmProblems } from './wasm.mjs';

const checks = {
  'linux-x64': [elfProblems, instructionProblems],
  'linux-arm64': [elfProblems],
  'win32-x64': [peProblems, instructionProblems],
  'win32-arm64': [],
  'darwin-x64': [machOProblems, instructionProblems],
  'darwin-arm64': [machOProblems],
  wasm32: [wasmProblems],
};

export function checkBinary(target) {
  const binary = binaryOf(target);
  const problems = checks[target].flatMap((check) => check(target, binary, linkedBinaryOf(target)));
  if (readFileSync(binary, 'latin1').includes(resolve('.'))) {
    problems.push('it contains the path of its build folder');
  }
  if (problems.length === 0) return;
  for (const problem of problems) console.error(`${binary}: ${problem}`);
  process.exit(1);
}
