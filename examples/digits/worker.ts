import { parentPort, workerData } from 'node:worker_threads';
import { connect } from 'batchnorm/distributed';
import type { Options } from './options.js';
import { silent } from './output.js';
import { Ranks } from './ranks.js';
import { run } from './run.js';
import { interruptionChannel, remote, type WorkerMessage } from './worker-messages.js';

// One of the worker threads of `npm start -- --workers N`.

const send = (message: WorkerMessage) => parentPort?.postMessage(message);
const ranks = new Ranks(await connect());
const channel = new BroadcastChannel(interruptionChannel);
channel.onmessage = () => {
  ranks.interruption.abort();
};
const exitCode = await run(workerData as Options, ranks, ranks.isFirst ? remote(send) : silent());
channel.close();
send({ exitCode });
