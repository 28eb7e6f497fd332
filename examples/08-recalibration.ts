// Recalibration: recomputes running statistics as the average over batches, for averaged or edited weights.
import { BatchNorm2D, recalibrate, Tensor } from 'batchnorm';

const bn = new BatchNorm2D(1);
const batches = [1, 2, 6].map((mean) => Tensor.from([mean - 1, mean + 1], [2, 1, 1, 1]));
console.log(await recalibrate(bn, batches)); // 3
console.log(bn.runningMean.item().toFixed(3), bn.runningVar.item().toFixed(3)); // 3.000 2.000

// momentum 'cumulative' averages all batches of training in the same way.
const cumulative = new BatchNorm2D(1, { momentum: 'cumulative' });
for (const batch of batches) cumulative.forwardMut(batch.trace());
console.log(cumulative.runningMean.item().toFixed(3)); // 3.000
