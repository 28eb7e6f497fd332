// node bench/compare.mjs COMMIT [COMMIT]: builds two commits (the second is HEAD by default) in temporary worktrees and
// measures kernels, a training step, plans and small calls of both alternately. Exits with status 1 if the second commit
// takes longer than --max-ratio times as long.
//
//   --max-ratio R  limit of the time after, divided by the time before (default 1.05)
//   --rounds N     measurements of each (default 15)
//   --starts N     processes in which these are made, one after another (default 3): a process keeps its memory, and where
//                  the pages lie alone makes a kernel up to a fifth slower
//   --threads 1,2  numbers of threads (default: 1 and all)
//   --only TEXT    only subjects whose name contains it
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { checkOut } from './compare/checkout.mjs';
import { ratioOf, slowerThan } from './compare/verdict.mjs';
import { Contestant } from './contestant.mjs';
import { median } from './resnet/median.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'max-ratio': { type: 'string', default: '1.05' },
    rounds: { type: 'string', default: '15' },
    starts: { type: 'string', default: '3' },
    threads: { type: 'string', default: [...new Set([1, availableParallelism()])].join() },
    only: { type: 'string', default: '' },
  },
});
const [before, after = 'HEAD', ...surplus] = positionals;
const maxRatio = Number(options['max-ratio']);
const [rounds, starts] = [options.rounds, options.starts].map(Number);
if (before === undefined || surplus.length > 0 || !(maxRatio > 0) || !(rounds >= starts && starts >= 1)) {
  console.error(
    'Expected: node bench/compare.mjs COMMIT [COMMIT] [--max-ratio R] [--rounds N] [--starts N] [--threads 1,2]',
  );
  process.exit(2);
}

/** One measurement takes about this long, so that the clock and the order of the contestants do not matter. */
const turnMilliseconds = 30;

// An exit removes the worktrees.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const checkouts = [before, after].map(checkOut);
const slower = [];
for (const threads of options.threads.split(',').map(Number)) slower.push(...(await compare(threads)));
for (const { name, threads, ratios } of slower) {
  const text = ratios.map((ratio) => ratio.toFixed(3)).join(', then ');
  console.error(`${name} on ${threads} thread(s): ${text} times as long, above ${maxRatio}`);
}
process.exitCode = slower.length > 0 ? 1 : 0;

/** Measures all subjects on this many threads and prints them; returns those that became slower. */
async function compare(threads) {
  const first = await measure(threads, (name) => name.includes(options.only));
  console.log(`\n${threads} ${threads === 1 ? 'thread' : 'threads'}, milliseconds`);
  console.table(
    [...first].map(([name, [old, now]]) => ({
      name,
      [checkouts[0].commit]: Number(median(old).toPrecision(4)),
      [`${checkouts[1].commit} `]: Number(median(now).toPrecision(4)),
      ratio: Number(ratioOf(old, now).toFixed(3)),
    })),
  );
  // A second measurement of the subjects above the limit, because another program may have run during the first one.
  const suspects = slowerThan(maxRatio, first).map(({ name }) => name);
  const second =
    suspects.length === 0 ? new Map() : await measure(threads, (name) => suspects.includes(name));
  return slowerThan(maxRatio, first, second).map((each) => ({ ...each, threads }));
}

/** The milliseconds of each subject of both commits before and after, in every round of every start. */
async function measure(threads, isWanted) {
  const times = new Map();
  for (let start = 0; start < starts; start++) {
    const contestants = checkouts.map(({ commit, folder }) => {
      const program = ['bench/compare/serve.mjs'];
      const environment = { BATCHNORM_NUM_THREADS: String(threads) };
      return new Contestant(commit, process.execPath, program, environment, folder);
    });
    try {
      const names = [];
      for (const each of contestants) {
        each.start();
        names.push(await each.prepare([1, 1, 1, 1], threads));
      }
      for (const name of names[0].filter((each) => names[1].includes(each) && isWanted(each))) {
        if (!times.has(name)) times.set(name, [[], []]);
        await measureRounds(contestants, name, times.get(name));
      }
    } finally {
      for (const each of contestants) await each.stop();
    }
  }
  return times;
}

/** Appends the milliseconds of one start's rounds. */
async function measureRounds(contestants, name, spent) {
  let repeats = 1;
  for (const each of contestants) repeats = Math.max(repeats, await repeatsFor(each, name));
  for (let round = 0; round < rounds / starts; round++) {
    // Each is the first one in every second round.
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      spent[i].push(await contestants[i].run(name, repeats));
    }
  }
}

/** How many calls fill a turn. On the way there V8 compiles what they use. */
async function repeatsFor(contestant, name) {
  let repeats = 1;
  for (;;) {
    const milliseconds = await contestant.run(name, repeats);
    if (milliseconds * repeats >= turnMilliseconds) return repeats;
    repeats = Math.ceil(Math.min(4 * repeats, (1.2 * turnMilliseconds) / milliseconds));
  }
}
