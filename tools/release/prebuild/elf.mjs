// A Linux binary must load on every system that runs Node: glibc 2.17 or later, and musl.
import { existsSync } from 'node:fs';
import { capture } from '../../process.mjs';

const oldestGlibc = [2, 17];
const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
/** The library of Debian's package musl, which is both libc and loader. */
const musl = '/lib/ld-musl-x86_64.so.1';

export function elfProblems(target, binary) {
  const problems = [];
  const expect = (condition, problem) => {
    if (!condition) problems.push(problem);
  };

  const dynamic = capture('readelf', ['-dW', binary]);
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
  expect(needed.join() === 'libc.so.6', `it needs ${needed.join(', ')}, not only libc.so.6`);
  expect(/FLAGS_1.*NODELETE/.test(dynamic), 'it can be unloaded, because it was linked without -z nodelete');
  expect(!dynamic.includes('TEXTREL'), 'it has relocations in its code');
  expect(!/\((RPATH|RUNPATH)\)/.test(dynamic), 'it has a library search path');

  const segments = capture('readelf', ['-lW', binary]);
  expect(/GNU_STACK.* RW /.test(segments), 'its stack is executable');
  expect(!/^ *TLS /m.test(segments), 'it has thread-local storage');

  const sections = capture('readelf', ['-SW', binary]);
  expect(!/\.(symtab|debug_\w+)\b/.test(sections), 'it is not stripped');

  const symbols = dynamicSymbols(binary);
  const names = symbols.filter(({ defined }) => defined).map(({ name }) => name);
  expect(names.sort().join() === exported.join(), `it exports ${names.join(', ')}`);
  const undefinedOnes = symbols.filter(({ defined, weak }) => !defined && !weak);
  const foreign = undefinedOnes.filter(({ name }) => !name.startsWith('napi_'));
  for (const { name, version } of symbols.filter(({ defined }) => !defined)) {
    expect(!isTooNew(version), `${name} is of ${version}`);
  }
  problems.push(...muslProblems(target, binary, foreign));
  return problems;
}

function dynamicSymbols(binary) {
  const table = capture('objdump', ['-T', binary]);
  const lines = [...table.matchAll(/^[\da-f]+ ([^l])(.)\S* .*?(\S+)\t[\da-f]+ +(.*)$/gm)];
  if (lines.length === 0) throw new Error(`objdump -T lists no symbol of ${binary}`);
  return lines.map(([, , binding, section, rest]) => {
    const [, version, name] = /^(?:\(?([A-Z][\w.]*)\)? +)?(\S+)$/.exec(rest) ?? [];
    return { name, version, defined: section !== '*UND*', weak: binding === 'w' };
  });
}

function isTooNew(version) {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (major === undefined) return version !== undefined && version !== 'Base';
  return major - oldestGlibc[0] > 0 || (+major === oldestGlibc[0] && minor - oldestGlibc[1] > 0);
}

/** Every imported function must exist in musl, which has the same functions on all processors; on x64 its loader confirms it. */
function muslProblems(target, binary, undefinedSymbols) {
  if (!existsSync(musl)) return [`there is no ${musl} to check it with; install Debian's musl`];
  const offered = new Set(dynamicSymbols(musl).map(({ name }) => name));
  const problems = undefinedSymbols
    .filter(({ name }) => !offered.has(name))
    .map(({ name }) => `musl has no ${name}`);
  if (target !== 'linux-x64') return problems;
  const report = capture(musl, ['--list', binary], { allowFailure: true });
  const missing = [...report.matchAll(/: (\S+): symbol not found/g)].map(([, name]) => name);
  // Outside Node, Node's own functions must be reported missing; otherwise the check did not work.
  if (!missing.includes('napi_create_function')) problems.push(`musl's loader reports: ${report}`);
  const others = missing.filter((name) => !name.startsWith('napi_'));
  return [...problems, ...others.map((name) => `musl's loader does not find ${name}`)];
}
