// A Windows binary may depend only on libraries of Windows and the program that loads it.
import { capture } from '../../process.mjs';

const systemLibraries = ['KERNEL32.dll', 'msvcrt.dll'];
const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

export function peProblems(target, binary) {
  const headers = capture('x86_64-w64-mingw32-objdump', ['-p', binary]);
  const problems = [];
  const expect = (condition, problem) => {
    if (!condition) problems.push(problem);
  };

  const libraries = [...headers.matchAll(/DLL Name: (\S+)/g)].map(([, name]) => name);
  const others = libraries.filter((name) => !systemLibraries.includes(name));
  expect(libraries.length > 0 && others.length === 0, `it imports ${libraries.join(', ')}`);
  const table = headers.slice(headers.indexOf('[Ordinal/Name Pointer] Table'));
  const names = [...table.matchAll(/^\t\[ *\d+\].* (\w+)$/gm)].map(([, name]) => name);
  expect(names.sort().join() === exported.join(), `it exports ${names.join(', ')}`);

  for (const protection of ['HIGH_ENTROPY_VA', 'DYNAMIC_BASE', 'NX_COMPAT']) {
    expect(headers.includes(protection), `it lacks ${protection}`);
  }
  expect(/^Time\/Date\s+Thu Jan {2}1 00:00:00 1970/m.test(headers), 'it contains its build time');
  return problems;
}
