import { fstatSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import type { MpiAddon } from '../backend/load-addon.js';
import {
  type Call,
  describeHeader,
  findMismatch,
  headerLength,
  kinds,
  reductions,
  writeHeader,
} from './call.js';
import { mismatch, timedOut } from './group-errors.js';
import { hashText } from './hash-text.js';
import type { Launcher } from './launcher.js';
import { loadMpi, mpiError } from './mpi-library.js';
import { describeProcess } from './peer-process.js';
import type { Transport } from './transport.js';

// As MpiStatus and kReportLength in native/mpi/.
const done = 0;
const mismatched = 1;
const timeoutReached = 2;
const outOfMemory = 4;
const reportLength = headerLength + 1;

const adviceForMixedMpis =
  "The launcher and the library belong to different MPIs. Start the program with the library's own launcher, " +
  "pass --mpi=pmix (Open MPI) or --mpi=pmi2 (MPICH) to srun, or set BATCHNORM_MPI_LIBRARY to the launcher's library";

/** Set in the environment once MPI is initialized, which child processes inherit with the launcher's variables. */
const ownerVariable = 'BATCHNORM_MPI_OWNER';

/**
 * Initializes MPI and joins the job.
 * @throws Error with the code `ERR_BATCHNORM_MPI` if MPI is missing or does not belong to the launcher.
 */
export async function joinMpi(launcher: Launcher, timeout: number): Promise<Transport> {
  const owner = process.env[ownerVariable];
  if (owner !== undefined && owner !== '' && owner !== String(process.pid)) {
    throw mpiError(
      `This process inherited the variables of ${launcher.name} from process ${owner}, which is rank ` +
        `${launcher.rank} itself. Call connect({ transport: 'single' }) here, or remove ${ownerVariable} if it was started ` +
        'by a launcher of its own',
    );
  }
  // MPICH closes the connection when this process leaves MPI; that it cannot join again is another error.
  if (owner !== String(process.pid)) requireConnection(launcher);
  const mpi = loadMpi(launcher);
  const reason = await inTime(mpi.start(), launcher.rank, timeout);
  if (reason !== undefined) throw mpiError(`MPI cannot be initialized: ${reason}`);
  process.env[ownerVariable] = String(process.pid);
  if (mpi.size() < launcher.size) {
    const size = mpi.size();
    mpi.finalize(timeout);
    throw mpiError(
      `${launcher.name} started ${launcher.size} processes, but the MPI library (${mpi.version()}) sees ${size}. ${adviceForMixedMpis}`,
    );
  }
  return new MpiTransport(mpi, timeout);
}

/**
 * npm starts its scripts without the descriptors that it inherited, and MPICH ends a process whose connection is missing.
 * @throws Error that says how to start the program.
 */
function requireConnection({ name, connection }: Launcher): void {
  if (connection === undefined || isSocket(connection)) return;
  throw mpiError(
    `The connection to ${name} (PMI_FD=${connection}) did not reach this process: npm and similar programs do not pass it ` +
      'on. Start node directly, such as "mpiexec -n 2 node train.mjs", or pass -pmi-port to mpiexec',
  );
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}

/** The result of MPI's initialization, which waits for all processes and cannot be canceled. */
async function inTime<T>(started: Promise<T>, rank: number, timeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(timedOut(rank, 'connect()', timeout, 'another process has not called connect()'));
    }, timeout);
  });
  try {
    return await Promise.race([started, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Exchanges values through the MPI library. */
class MpiTransport implements Transport {
  readonly name = 'mpi';
  readonly rank: number;
  readonly size: number;
  readonly #mpi: MpiAddon;
  readonly #timeout: number;
  /** Calls made, per form. */
  #calls = 0;
  #started = 0;
  #isFailed = false;
  #isReleased = false;
  /** The process of each rank on this machine, and undefined for those on others. */
  readonly #processes: readonly (number | undefined)[];

  constructor(mpi: MpiAddon, timeout: number) {
    this.#mpi = mpi;
    this.#timeout = timeout;
    this.rank = mpi.rank();
    this.size = mpi.size();
    this.#processes = this.#introduce();
    process.on('exit', (code) => {
      this.#end(code);
    });
  }

  run(call: Call, timeout: number): void {
    this.#runNumbered(call, timeout, ++this.#calls);
  }

  async start(call: Call, timeout: number): Promise<void> {
    const number = ++this.#started;
    const report = new Float64Array(this.size * reportLength);
    const { kind, reduction, root, values, result } = call;
    const status = await this.#mpi.begin(
      ...([kinds.indexOf(kind), reductions.indexOf(reduction), root, number] as const),
      ...([values, result, timeout, report] as const),
    );
    this.#check(status, call, number, timeout, report);
  }

  post(call: Call, timeout: number): () => void {
    const number = ++this.#started;
    const report = new Float64Array(this.size * reportLength);
    const { kind, reduction, root, values, result } = call;
    const isPosted = this.#mpi.post(
      ...([kinds.indexOf(kind), reductions.indexOf(reduction), root, number] as const),
      ...([values, result, timeout, report] as const),
    );
    if (!isPosted) this.#check(outOfMemory, call, number, timeout, report);
    return () => {
      this.#check(this.#mpi.collect(number, result, report), call, number, timeout, report);
    };
  }

  release(): void {
    this.#isReleased = true;
    if (!this.#mpi.finalize(this.#timeout)) this.abort('MPI_Finalize takes too long');
  }

  abort(message: string): never {
    // Before the process ends, unlike with process.stderr.
    writeSync(2, `batchnorm: rank ${this.rank} aborted: ${message}\n`);
    this.#isReleased = true;
    this.#mpi.abort(1);
    process.exit(1);
  }

  #runNumbered(call: Call, timeout: number, number: number): void {
    const report = new Float64Array(this.size * reportLength);
    const { kind, reduction, root, values, result } = call;
    const status = this.#mpi.run(
      ...([kinds.indexOf(kind), reductions.indexOf(reduction), root, number] as const),
      ...([values, result, timeout, report] as const),
    );
    this.#check(status, call, number, timeout, report);
  }

  /** Exchanges the processes of the ranks, as call 0. */
  #introduce(): (number | undefined)[] {
    const host = hashText(hostname());
    const values = Float64Array.of(host, process.pid);
    const result = new Float64Array(this.size * values.length);
    this.#runNumbered({ kind: 'allGather', values, result, reduction: 'sum', root: 0 }, this.#timeout, 0);
    return Array.from({ length: this.size }, (_, rank) =>
      result[rank * 2] === host ? result[rank * 2 + 1] : undefined,
    );
  }

  #check(status: number, call: Call, number: number, timeout: number, report: Float64Array): void {
    if (status === done) return;
    if (status === mismatched) {
      const headers = new Float64Array(this.size * headerLength);
      for (let rank = 0; rank < this.size; rank++) {
        headers.set(rowOf(report, rank).subarray(0, headerLength), rank * headerLength);
      }
      throw mismatch(headers, this.rank, findMismatch(headers, this.size, this.rank) ?? this.rank);
    }
    this.#isFailed = true;
    const own = new Float64Array(headerLength);
    writeHeader(own, 0, number, call);
    const description = describeHeader(own, 0);
    if (status === timeoutReached) {
      throw timedOut(this.rank, description, timeout, this.#missing(report, number));
    }
    const reason = status === outOfMemory ? 'out of memory' : this.#mpi.error();
    throw mpiError(`Rank ${this.rank} cannot complete ${description}: ${reason}`);
  }

  /** The state of the ranks that have not said that they wait in this call, too. */
  #missing(report: Float64Array, number: number): string {
    const missing: string[] = [];
    for (let rank = 0; rank < this.size; rank++) {
      const row = rowOf(report, rank);
      if (row[headerLength] === 1) continue;
      const pid = this.#processes[rank];
      const state = pid === undefined ? undefined : describeProcess(pid);
      const process = state === undefined ? '' : `; its process ${pid} ${state}`;
      missing.push(`rank ${rank} ${describeProgress(row, number)}${process}`);
    }
    return missing.length > 0 ? missing.join('; ') : 'all ranks wait, but no values arrive';
  }

  /** Leaves MPI when the process ends: otherwise other ranks would wait forever, and launchers report success. */
  #end(exitCode: number): void {
    if (this.#isReleased) return;
    if (exitCode !== 0) {
      // The launcher ends the other ranks, but not every one says which rank was the first.
      writeSync(2, `batchnorm: rank ${this.rank} ends with exit code ${exitCode}\n`);
      return;
    }
    if (this.#isFailed) this.abort('the process ends after a call on its group failed');
    const nothing = new Float64Array(0);
    try {
      this.run({ kind: 'close', values: nothing, result: nothing, reduction: 'sum', root: 0 }, this.#timeout);
    } catch (error) {
      writeSync(2, `batchnorm: rank ${this.rank} ends before the others: ${(error as Error).message}\n`);
      if (this.#isFailed) this.abort('the process cannot leave its group');
      process.exitCode = 1;
      return;
    }
    this.release();
  }
}

function rowOf(report: Float64Array, rank: number): Float64Array {
  return report.subarray(rank * reportLength, (rank + 1) * reportLength);
}

/** How far a rank is known to have come. The row holds its last header. */
function describeProgress(row: Float64Array, number: number): string {
  if (row[0] === number && row[2] !== 0) return 'made this call but its values do not arrive';
  // Call 0 is the introduction.
  if (row[0] === 0) return 'has not made this call; it has made no call';
  return `has not made this call; it has made none after ${describeHeader(row, 0)}`;
}
