import { runWorkers } from './run-workers.js';
import { testFit } from './fit-cases.js';
import { testTraining } from './training-cases.js';

describe('training on workers', () => {
  testTraining(runWorkers, [2, 3]);
  testFit('workers', runWorkers, [2, 3]);
});
