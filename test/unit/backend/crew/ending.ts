// Runs a program until it ends, and inspects the stacks of one that hangs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { emulated, node } from '../../../support/node-process.js';
import { stacksOf, type ThreadStack } from '../../../support/stacks.js';

/** The function in which Node waits for V8's tasks during shutdown (nodejs/node issue 54918): a task that requests a garbage
 * collection waits for the main thread, which waits for the task. */
export const shutdownFunctions = [
  'NodePlatform10DrainTasks',
  'NodePlatform8Shutdown',
  'WorkerThreadsTaskRunner8Shutdown',
  'BlockingDrain',
  'AwaitCollectionBackground',
];

export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** The threads of a program that did not end and was killed. */
  readonly threads?: readonly ThreadStack[];
}

export interface Limits {
  /** Milliseconds after which a program that has not ended is killed. */
  readonly limit: number;
  /** Whether the limit counts from the first line that the program prints to stderr instead of from its start. */
  readonly fromFirstLine?: boolean;
  /** Functions of Node to look for on the stacks of a program that is killed. */
  readonly functions?: readonly string[];
}

/** Runs a program with Node until it ends or has reached its limit. */
export async function runToEnd(
  args: readonly string[],
  { limit, fromFirstLine = false, functions = shutdownFunctions }: Limits,
): Promise<Ending> {
  const child = spawn(node.file, node.args(...args), { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  if (fromFirstLine) await Promise.race([ended, once(child.stderr, 'data')]);
  const timer = new AbortController();
  const first = await Promise.race([
    ended,
    setTimeout(limit, 'hangs' as const, { signal: timer.signal }).catch(() => undefined),
  ]);
  timer.abort();
  const threads = first === 'hangs' ? stacksOfChild(child, functions) : undefined;
  if (first === 'hangs') child.kill('SIGKILL');
  const [status, signal] = await ended;
  return { status, signal, stderr, ...(threads === undefined ? {} : { threads }) };
}

/** Empty if /proc is unavailable or describes an emulator. */
function stacksOfChild(child: ChildProcess, functions: readonly string[]): ThreadStack[] {
  if (process.platform !== 'linux' || emulated || child.pid === undefined) return [];
  return stacksOf(child.pid, '/batchnorm.node', functions);
}

/** Whether a program hangs in Node's own shutdown: all its threads wait, at least one of them for V8's tasks, and only
 * threads of the addon's pool, which never end, have code of the addon on their stacks. */
export function hangsInNode(threads: readonly ThreadStack[]): boolean {
  return (
    threads.every(({ waits, ofPool, inAddon }) => waits && (ofPool || !inAddon)) &&
    threads.some(({ functions }) => functions.some((name) => shutdownFunctions.includes(name)))
  );
}
