// A training step of ResNet-8 with this package.
import { setNumThreads } from '../../dist/index.js';
import { trainingStep } from '../resnet/training-step.mjs';
import { serve } from './serve.mjs';

await serve(({ images }, threads) => {
  setNumThreads(threads);
  return { step: trainingStep(images) };
});
