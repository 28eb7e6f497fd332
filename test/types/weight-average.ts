// copyTo returns the module that it is given.
import { Linear, type Resumable, Sequential, WeightAverage } from 'batchnorm';
import { check, type Equal } from './equal.js';

const net = new Sequential(new Linear(3, 4), new Linear(4, 2));
const average = new WeightAverage(net, { decay: 0.999, buffers: true });
const part: Resumable = average;
const copy = average.copyTo(net.clone());
check<Equal<typeof copy, typeof net>>();

// @ts-expect-error a module is needed
new WeightAverage({ decay: 0.9 });
// @ts-expect-error a decay is a number
new WeightAverage(net, { decay: '0.9' });
