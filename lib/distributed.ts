/**
 * Training with several processes or threads: a group of ranks that exchange arrays, over MPI or between
 * worker threads.
 *
 * @module
 */
export { connect, type ConnectOptions } from './distributed/connect.js';
export type { CallOptions, Group, GroupArray, Reduction } from './distributed/group.js';
export { spawnWorkers, type SpawnOptions } from './distributed/spawn-workers.js';
export { DataParallel, type DataParallelOptions, type ParallelModel } from './distributed/data-parallel.js';
export type { ShardedLoader } from './distributed/sharded-loader.js';
export { synchronize } from './distributed/synchronize.js';
