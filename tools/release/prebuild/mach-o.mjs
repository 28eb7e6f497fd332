// A macOS binary may depend only on libraries of macOS.
import { capture } from '../../process.mjs';

const systemLibraries = ['/usr/lib/libSystem.B.dylib', '/usr/lib/libc++.1.dylib'];

export function machOProblems(target, binary) {
  const [, ...lines] = capture('otool', ['-L', binary]).trim().split('\n');
  const libraries = lines.map((line) => line.trim().split(' ')[0]);
  const others = libraries.filter((name) => !systemLibraries.includes(name));
  return others.map((name) => `it needs ${name}`);
}
