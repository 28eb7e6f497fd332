// Groups of workers and processes. What only MPI exercises is tested by the target mpi.
export default [
  {
    file: 'lib/distributed/reduce.ts',
    what: 'sums of a group are rounded after each rank',
    find: 'for (const source of others) total += source[i];',
    replace: 'for (const source of others) total = Math.fround(total + source[i]);',
    tests: ['unit/distributed/workers'],
  },
  {
    file: 'lib/distributed/reduce.ts',
    what: 'the mean of a group is the sum divided by one rank less',
    find: "const divisor = reduction === 'mean' ? sources.length : 1;",
    replace: "const divisor = reduction === 'mean' ? others.length : 1;",
    tests: ['unit/distributed/workers'],
  },
  {
    file: 'lib/distributed/worker-transport.ts',
    what: 'calls that differ between workers are not noticed',
    find: 'if (other !== undefined) throw mismatch',
    replace: 'if (other === -1) throw mismatch',
    tests: ['unit/distributed/workers'],
  },
  {
    file: 'lib/distributed/worker-transport.ts',
    what: 'a worker waits for one that has ended',
    find: 'if (hasEnded(counter)) throw this.#peerEnded(channel, rank, round);\n      const left = deadline - performance.now();\n      if (left <= 0) return false;\n      Atomics.wait',
    replace:
      'const left = deadline - performance.now();\n      if (left <= 0) return false;\n      Atomics.wait',
    tests: ['unit/distributed/workers'],
  },
  {
    file: 'lib/distributed/spawn-workers.ts',
    what: 'every worker uses all threads of the process',
    find: 'const threads = Math.max(1, Math.floor(backend.info.threads / size));',
    replace: 'const threads = backend.info.threads;',
    tests: ['unit/distributed/workers'],
  },
  {
    file: 'lib/distributed/process-group.ts',
    what: 'a group is unusable after calls that differ',
    find: "if (code !== 'ERR_BATCHNORM_MISMATCH') this.#failure",
    replace: "if (code !== 'ERR_BATCHNORM_TYPE') this.#failure",
    tests: ['unit/distributed/workers'],
  },
  {
    file: 'lib/distributed/launcher.ts',
    what: 'the script of a Slurm job counts as one of its tasks',
    find: "count('SLURM_STEP_NUM_TASKS')",
    replace: "count('SLURM_STEP_NUM_TASKS') ?? count('SLURM_NTASKS')",
    tests: ['unit/distributed/launcher'],
  },
  {
    file: 'native/system/thread_pool.cc',
    what: 'a thread with a pool of its own uses the common one',
    find: 'if (owner == nullptr) return g_pool;',
    replace: 'return g_pool;',
    tests: ['native:thread_pool_test.cc'],
  },
];
