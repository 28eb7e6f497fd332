// Finds the functions in which the threads of a hanging process wait, from /proc: not every machine has a debugger.
//
// The stack is searched for return addresses word by word, because the addon has neither unwinding tables nor frame
// pointers. Stale return addresses in unused parts of frames may be found as well.
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

export interface ThreadStack {
  readonly id: number;
  /** Whether the thread sleeps instead of computing. */
  readonly waits: boolean;
  /** Whether the addon started the thread, so that it belongs to the thread pool, which never ends. */
  readonly ofPool: boolean;
  /** Whether code of the addon is on the stack. */
  readonly inAddon: boolean;
  /** The members of `functions` that are on the stack. */
  readonly functions: readonly string[];
}

interface Range {
  readonly begin: bigint;
  readonly end: bigint;
}

interface Mapping extends Range {
  readonly offset: bigint;
  readonly executable: boolean;
  readonly file: string;
}

/**
 * The threads of a process. Stops the process, which must be killed afterwards. Linux only.
 *
 * @param pid A process that this one may read, such as its child.
 * @param addon The end of the addon's path.
 * @param functions Names of functions of Node, as their symbols contain them, to look for.
 */
export function stacksOf(pid: number, addon: string, functions: readonly string[]): ThreadStack[] {
  const tasks = readdirSync(`/proc/${pid}/task`).map(Number);
  // A waiting thread is asleep in every sample.
  const waiting = new Set(tasks.filter((id) => stateOf(pid, id) === 'S'));
  // /proc shows the stack pointer only of a stopped thread.
  process.kill(pid, 'SIGSTOP');
  waitUntilStopped(pid, tasks);
  const mappings = mappingsOf(pid);
  const executable = readlinkSync(`/proc/${pid}/exe`);
  const code = mappings.filter((mapping) => mapping.executable);
  const ours = code.filter(({ file }) => file.endsWith(addon));
  const nodes = code.filter(({ file }) => file === executable);
  const known = functionRanges(executable, mappings, functions);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return tasks.map((id) => {
      const words = stackWords(pid, id, mappings, memory);
      // The start routine of the thread is the last code address on its stack.
      const first = words.findLast((word) => isIn(word, ours) || isIn(word, nodes));
      return {
        id,
        waits: waiting.has(id),
        ofPool: first !== undefined && isIn(first, ours),
        inAddon: words.some((word) => isIn(word, ours)),
        functions: known
          .filter(({ range }) => words.some((word) => isIn(word, [range])))
          .map(({ name }) => name),
      };
    });
  } finally {
    closeSync(memory);
  }
}

function isIn(word: bigint, ranges: readonly Range[]): boolean {
  return ranges.some(({ begin, end }) => word >= begin && word < end);
}

/** `S` for asleep, `R` for running, `T` for stopped. */
function stateOf(pid: number, id: number): string | undefined {
  return /^\d+ \(.*\) (\w) /s.exec(readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1'))?.[1];
}

function waitUntilStopped(pid: number, tasks: readonly number[]): void {
  const end = Date.now() + 10_000;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (tasks.some((id) => stateOf(pid, id) !== 'T')) {
    if (Date.now() > end) throw new Error('Expected the threads of the process to stop');
    Atomics.wait(cell, 0, 0, 10);
  }
}

function mappingsOf(pid: number): Mapping[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [, begin, end, flags, offset, file] = /^(\w+)-(\w+) (\S+) (\w+) \S+ \d+ *(.*)$/.exec(line) ?? [];
    return {
      begin: BigInt(`0x${begin}`),
      end: BigInt(`0x${end}`),
      offset: BigInt(`0x${offset}`),
      executable: flags.includes('x'),
      file,
    };
  });
}

/** The words between a thread's stack pointer and the end of its stack. */
function stackWords(pid: number, id: number, mappings: readonly Mapping[], memory: number): BigUint64Array {
  // The number of the system call, its arguments, the stack pointer and the program counter.
  const fields = readFileSync(`/proc/${pid}/task/${id}/syscall`, 'latin1').trim().split(' ');
  const pointer = BigInt(fields.at(-2) ?? 0);
  const stack = mappings.find(({ begin, end }) => pointer >= begin && pointer < end);
  if (stack === undefined) return new BigUint64Array(0);
  const bytes = Buffer.alloc(Number(stack.end - pointer));
  const read = readSync(memory, bytes, 0, bytes.length, Number(pointer));
  return new BigUint64Array(new Uint8Array(bytes.subarray(0, read - (read % 8))).buffer);
}

interface KnownFunction {
  readonly name: string;
  readonly range: Range;
}

/** Addresses of functions of an executable, from its symbol table; empty if it was stripped. */
function functionRanges(
  executable: string,
  mappings: readonly Mapping[],
  names: readonly string[],
): KnownFunction[] {
  const file = readFileSync(executable);
  if (file.readUInt32BE(0) !== 0x7f454c46) return [];
  const base = mappings.find((mapping) => mapping.file === executable)?.begin ?? 0n;
  const isFixed = file.readUInt16LE(16) === 2;
  const sections = Number(file.readBigUInt64LE(40));
  const size = file.readUInt16LE(58);
  const header = (index: number) => file.subarray(sections + index * size);
  for (let index = 0; index < file.readUInt16LE(60); index++) {
    if (header(index).readUInt32LE(4) !== 2) continue; // SHT_SYMTAB
    const symbols = contents(file, header(index));
    const text = contents(file, header(header(index).readUInt32LE(40)));
    return findFunctions(symbols, text, names, isFixed ? 0n : base);
  }
  return [];
}

function contents(file: Buffer, header: Buffer): Buffer {
  const offset = Number(header.readBigUInt64LE(24));
  return file.subarray(offset, offset + Number(header.readBigUInt64LE(32)));
}

function findFunctions(
  symbols: Buffer,
  text: Buffer,
  names: readonly string[],
  base: bigint,
): KnownFunction[] {
  const found: KnownFunction[] = [];
  for (let at = 0; at + 24 <= symbols.length; at += 24) {
    if ((symbols[at + 4] & 15) !== 2) continue; // STT_FUNC
    const start = symbols.readUInt32LE(at);
    const symbol = text.toString('latin1', start, text.indexOf(0, start));
    const name = names.find((each) => symbol.includes(each));
    if (name === undefined) continue;
    const begin = base + symbols.readBigUInt64LE(at + 8);
    found.push({ name, range: { begin, end: begin + symbols.readBigUInt64LE(at + 16) } });
  }
  return found;
}
