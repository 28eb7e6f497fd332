import { runWorkers } from './run-workers.js';
import { testTransport } from './transport-cases.js';

describe('a group of workers', () => {
  testTransport('workers', runWorkers, [1, 2, 3]);
});
