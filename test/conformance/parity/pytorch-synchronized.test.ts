import { runWorkers } from '../../unit/distributed/run-workers.js';
import { testPyTorch } from './synchronized-cases.js';

for (const size of [2, 3]) testPyTorch(runWorkers, size);
