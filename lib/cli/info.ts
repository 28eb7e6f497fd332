import { availableParallelism, cpus } from 'node:os';
import { readArguments, refuseOperands } from './arguments.js';
import { type Command, EXIT_FAILURE, EXIT_SUCCESS } from './command.js';
import { bytes, plural, table } from './format.js';
import { version } from './version.js';
import type { BackendInfo, CacheSizes } from '../backend/index.js';

export const info: Command = {
  summary: 'the backend, instruction set and threads in use, and the reason',
  help: `Usage: npx batchnorm info [options]

Prints version, backend, ISA, threads, cache sizes and platform, and the reason if the backend is not the
native one. Exits with 1 if an environment variable forces a choice that is unavailable here.

Options:
  --json   print one JSON object
  --help   print this help

Examples:
  npx batchnorm info
  npx batchnorm info --json
  BATCHNORM_NUM_THREADS=4 npx batchnorm info
`,
  async run(args, { print }) {
    const { values, positionals } = readArguments(args, { json: { type: 'boolean' } });
    refuseOperands('info', positionals);
    const facts = await gather();
    print(values.json === true ? `${JSON.stringify(facts, null, 2)}\n` : describe(facts));
    return facts.backend === undefined ? EXIT_FAILURE : EXIT_SUCCESS;
  },
};

interface Facts {
  readonly version: string;
  /** Missing if the environment forces a choice that is unavailable. */
  readonly backend?: Omit<BackendInfo, 'reason'>;
  /** Null for a backend that does not divide work by cache sizes. */
  readonly caches: CacheSizes | null;
  readonly platform: {
    readonly os: string;
    readonly arch: string;
    /** On Linux only: the version of glibc, or null for another C library, such as musl. */
    readonly glibc?: string | null;
    readonly node: string;
    readonly processor: string;
    readonly processors: number;
  };
  /** Null if the backend is native. */
  readonly whyNotNative: string | null;
  /** Environment variables of this package that are set. */
  readonly environment: Readonly<Record<string, string>>;
}

async function gather(): Promise<Facts> {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[0].startsWith('BATCHNORM_') && Boolean(entry[1]),
    ),
  );
  const { platform: os, arch } = process;
  const platform = {
    ...{ os, arch },
    ...(os === 'linux' ? { glibc: glibcVersion() } : {}),
    ...{ node: process.version, processor: cpus()[0]?.model.trim() ?? 'unknown' },
    processors: availableParallelism(),
  };
  const common = { version, platform, environment };
  try {
    const { backend } = await import('../backend/index.js');
    const { reason, ...chosen } = backend.info;
    const whyNotNative =
      chosen.name === 'native' ? null : (reason ?? `BATCHNORM_BACKEND=${chosen.name} forbids it`);
    return { ...common, backend: chosen, caches: backend.cacheSizes() ?? null, whyNotNative };
  } catch (error) {
    return { ...common, caches: null, whyNotNative: (error as Error).message };
  }
}

/** The version of the running glibc according to Node's report. */
function glibcVersion(): string | null {
  const { header } = process.report.getReport() as unknown as {
    header: { glibcVersionRuntime?: string };
  };
  return header.glibcVersionRuntime ?? null;
}

function describe({ backend, caches, platform, whyNotNative, environment }: Facts): string {
  const { os, arch, glibc, node, processor, processors } = platform;
  const library =
    glibc === undefined ? '' : `, ${glibc === null ? 'a libc that is not glibc' : `glibc ${glibc}`}`;
  const rows = [
    ['backend', backend?.name ?? 'none'],
    ...(backend === undefined ? [] : [['ISA', backend.isa]]),
    ...(backend === undefined ? [] : [['threads', String(backend.threads)]]),
    ...(caches === null
      ? []
      : [['caches', `L1 ${bytes(caches.l1)}, L2 ${bytes(caches.l2)}, last level ${bytes(caches.last)}`]]),
    ...(whyNotNative === null ? [] : [['why not native', whyNotNative]]),
    ['platform', `${os}-${arch}${library}, Node ${node}`],
    ['processor', `${processor}, ${plural(processors, 'processor')} usable`],
    ...Object.entries(environment).map(([name, value]) => ['environment', `${name}=${value}`]),
  ];
  return `batchnorm ${version}\n\n${table(rows)}`;
}
