// Every function of an x64 binary must run on every x64 processor, except those of batchnorm::avx2 and
// batchnorm::avx512, which may be called only through the kernel table after the CPU check, never by name.
import { capture } from '../../process.mjs';

const disassembler = {
  'linux-x64': ['objdump'],
  'win32-x64': ['x86_64-w64-mingw32-objdump'],
  'darwin-x64': ['xcrun', 'llvm-objdump', '--x86-asm-syntax=att'],
};

/** The namespaces in mangled names, of a function or of a template argument. */
const guarded = /9batchnorm(4avx2|6avx512)/;

/** AVX and later begin with v; the rest are SSE3 to SSE4.2, BMI, LZCNT and POPCNT. TZCNT is allowed: older processors
 * run it as BSF, and compilers rely on that. */
const beyondBaseline = new RegExp(
  `^(?:v(?!er[rw]$)\\w+|h(?:add|sub)p[sd]|addsubp[sd]|mov(?:sh|sl|d)dup|lddqu|pshufb|palignr|pabs[bwd]|` +
    `pmulhrsw|round[sp][sd]|blendv?p[sd]|pblend\\w+|dpp[sd]|insertps|extractps|p(?:insr|extr)[bdq]|pmulld|` +
    `p(?:min|max)(?:sb|sd|uw|ud)|pmov[sz]x\\w+|ptest|pcmp(?:eqq|gtq|[ei]str\\w)|crc32\\w?|` +
    `andn|bextr|bls(?:i|msk|r)|bzhi|mulx|pdep|pext|rorx|s(?:ar|hl|hr)x|lzcnt|popcnt|movbe)[lqw]?$`,
);

/** Inspects the binary before stripping, since the shipped one has no names. */
export function instructionProblems(target, binary, linked) {
  const [program, ...options] = disassembler[target];
  const text = capture(program, [...options, '-d', '--no-show-raw-insn', linked]);
  const problems = new Set();
  let current = '';
  let guardedOnes = 0;
  for (const line of text.split('\n')) {
    const [, name] = /^[\da-f]+ <(.+)>:$/.exec(line) ?? [];
    if (name !== undefined) {
      current = name;
      continue;
    }
    const [, mnemonic, operands] =
      /^ *[\da-f]+:\s+(?:(?:lock|rep\w*|data16) )*(\S+)\s*(.*)$/.exec(line) ?? [];
    if (mnemonic === undefined) continue;
    const isGuarded = guarded.test(current);
    if (beyondBaseline.test(mnemonic) || /%[yz]mm|%k[0-7]/.test(operands)) {
      if (isGuarded) guardedOnes++;
      else problems.add(`${current} contains ${mnemonic}, which some x64 processors lack`);
    }
    const [, callee] = /<([^>+]+)>/.exec(operands) ?? [];
    if (/^(call|jmp)/.test(mnemonic) && callee && guarded.test(callee) && !isGuarded) {
      problems.add(`${current} calls ${callee} without a CPU check`);
    }
  }
  if (guardedOnes === 0) problems.add('it has no AVX2 kernels, or their names have changed');
  return [...problems];
}
