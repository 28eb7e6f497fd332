import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { backend } from 'batchnorm';
import { connect, type Group, type GroupArray, type Reduction } from 'batchnorm/distributed';

// The scenarios that the ranks of the tests run under every transport. Each returns the report of its rank.

type Scenario = (group: Group) => unknown;

/** Values that differ by rank, whose float32 sums depend on the order of the additions. */
export function valuesOf(
  rank: number,
  length: number,
  Class: new (length: number) => GroupArray = Float32Array,
): GroupArray {
  return new Class(length).map((_, i) => Math.sin(i * 7 + rank * 1e3) * 10 ** ((i + rank * 3) % 9));
}

/** The same with NaN, infinities and zeros of both signs among them. */
export function specialValuesOf(
  rank: number,
  length: number,
  Class: new (length: number) => GroupArray,
): GroupArray {
  const special = [NaN, Infinity, -0, 0];
  return valuesOf(rank, length, Class).map((value, i) =>
    i % 7 === 0 ? special[((i >> 3) + rank) % 4] : value,
  );
}

/** A hash of the bits, so that NaN, -0 and every rounding count. */
export function hashOf(values: GroupArray): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}

/** The same, but every NaN counts as equal: its sign and payload differ between engines. */
export function hashOfNumbers(values: GroupArray): string {
  return hashOf(values.map((value) => (Number.isNaN(value) ? 0.123456 : value)));
}

/** Lengths around the size of a slot of the workers, and beyond that of a chunk of MPI. */
export const lengths = [0, 1, 7, 32 * 1024 - 1, 32 * 1024, 1_100_000];

async function messageOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return 'no error';
  } catch (error) {
    return `${(error as { code?: string }).code ?? ''}: ${(error as Error).message}`;
  }
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  members: ({ rank, size, transport }) => ({ rank, size, transport }),

  threads: () => backend.threads,

  backend: () => backend.name,

  allGather: (group) => [
    ...group.allGather(Float32Array.of(group.rank, 1 - group.rank)),
    ...group.allGather(Float64Array.of(group.rank + 0.1)),
    ...group.allGather(new Float64Array(0)),
  ],

  sums: (group) =>
    lengths.flatMap((length) => [
      hashOf(group.sum(valuesOf(group.rank, length))),
      hashOf(group.sum(valuesOf(group.rank, length, Float64Array))),
    ]),

  reductions: (group) =>
    (['sum', 'mean', 'min', 'max'] satisfies Reduction[]).map((reduction) =>
      Array.from(
        group.allReduce(Float32Array.of(group.rank, -0, 1 / 3, group.rank === 1 ? NaN : 1), reduction),
        String,
      ),
    ),

  /** Of enough values to be divided among the ranks. */
  longReductions: (group) =>
    (['sum', 'mean', 'min', 'max'] satisfies Reduction[]).flatMap((reduction) =>
      [Float32Array, Float64Array].map((Class) =>
        hashOfNumbers(group.allReduce(specialValuesOf(group.rank, 5003, Class), reduction)),
      ),
    ),

  broadcast: (group) => {
    const last = group.size - 1;
    return [
      ...group.broadcast(Float32Array.of(group.rank + 5, 1)),
      ...group.broadcast(Float64Array.of(group.rank + 7), last),
    ];
  },

  /** Blocking calls between the start and the end of asynchronous ones. */
  async promises(group) {
    const large = valuesOf(group.rank, 300_000);
    const pending = [
      group.sumAsync(large),
      group.allGatherAsync(Float32Array.of(group.rank)),
      group.broadcastAsync(Float64Array.of(group.rank + 1)),
      group.allReduceAsync(Float64Array.of(group.rank), 'max'),
    ] as const;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const between = group.sum(Float64Array.of(group.rank + 1));
    const [sum, gathered, first, max] = await Promise.all(pending);
    if (group.rank === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    await group.barrierAsync();
    clearInterval(timer);
    const blocking = group.sum(valuesOf(group.rank, 300_000));
    return {
      equal: hashOf(sum) === hashOf(blocking),
      others: [...between, ...gathered, ...first, ...max],
      free: ticks > 5,
    };
  },

  async mismatches(group) {
    const { rank } = group;
    const values = new Float32Array(4);
    const own = Float32Array.of(rank);
    return [
      await messageOf(() => (rank === 0 ? group.sum(values) : group.barrier())),
      await messageOf(() => group.sum(new Float32Array(rank + 1))),
      await messageOf(() => group.sum(rank === 0 ? values : new Float64Array(4))),
      await messageOf(() => group.broadcast(values, rank === 0 ? 0 : 1)),
      await messageOf(() => group.allReduce(values, rank === 0 ? 'max' : 'min')),
      await messageOf(() => (rank === 0 ? group.sumAsync(values) : group.barrierAsync())),
      // The group still works.
      ...own,
      ...group.sum(own),
    ];
  },

  /** More than one chunk. */
  large: (group) => [
    hashOf(group.allGather(valuesOf(group.rank, 600_000))),
    hashOf(group.broadcast(valuesOf(group.rank, 1_100_000, Float64Array), group.size - 1)),
  ],

  /** Bytes by which the process grows in many calls, of which some wait long enough to tell the other ranks. */
  async growth(group) {
    const values = valuesOf(group.rank, 192, Float64Array);
    const large = valuesOf(group.rank, 20_000);
    const step = async (i: number) => {
      group.allGather(values);
      if (i % 10 === 0) group.sum(large);
      if (i % 20 === 0) await group.sumAsync(large);
      if (i % 2000 === 0 && group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 100));
    };
    for (let i = 0; i < 2000; i++) await step(i);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20_000; i++) await step(i);
    return process.memoryUsage().rss - before;
  },

  /** Seconds of processor time that rank 0 spends while it waits two seconds for the others. */
  async waiting(group) {
    group.barrier();
    if (group.rank !== 0) await new Promise((resolve) => setTimeout(resolve, 2000));
    const before = process.cpuUsage();
    group.barrier();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  },

  /** A child process calls connect. */
  child() {
    const { status } = spawnSync(process.execPath, [process.argv[1] ?? '', 'members'], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  },

  /** What MPI says to a process that joins again after it has left. */
  async reconnects(group) {
    group.close();
    return messageOf(() => connect());
  },

  mpiAlone({ size, transport }) {
    if (size !== 1 || transport !== 'mpi') throw new Error(`${size} ranks over ${transport}`);
  },

  /** An access outside the memory of a WebAssembly module, which V8 notices by a signal. */
  async webAssembly() {
    // (module (memory 1) (func (export "f") (result i32) i32.const -4 i32.load))
    const code = Uint8Array.of(
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1],
      ...[7, 5, 1, 1, 0x66, 0, 0, 0x0a, 9, 1, 7, 0, 0x41, 0x7c, 0x28, 2, 0, 0x0b],
    );
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: {
        instantiate(code: Uint8Array): Promise<{ instance: { exports: { f(): number } } }>;
      };
    };
    const { instance } = await WebAssembly.instantiate(code);
    const message = await messageOf(() => instance.exports.f());
    if (!message.includes('out of bounds')) throw new Error(message);
  },

  /** Rank 1 makes no call. */
  async timeout(group) {
    if (group.rank === 1) {
      group.barrier();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return [];
    }
    group.barrier();
    return [
      await messageOf(() => group.sum(new Float64Array(3), { timeout: 300 })),
      await messageOf(() => group.sum(new Float64Array(3))),
    ];
  },

  async asyncTimeout(group) {
    group.barrier();
    if (group.rank === 1) {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return [];
    }
    return [
      await messageOf(() => group.sumAsync(new Float64Array(3), { timeout: 300 })),
      await messageOf(() => group.barrierAsync()),
    ];
  },
};
