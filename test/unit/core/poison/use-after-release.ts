// Deliberate misuse of tensor storage, which the library itself must never commit.
import { Tensor } from 'batchnorm';
import { named } from '#lib/backend/argument';
import { backend } from '#lib/backend/index';
import { Storage } from '#lib/core/storage';
import { storageOf } from '#lib/tensor';
import { trainingHash } from '../../../conformance/determinism/train.js';

const [, , way] = process.argv;
const tensor = Tensor.from([1, 2, 4, 5], [4]);
const { values } = storageOf(tensor);

if (way === 'read') {
  tensor.dispose();
  console.log(backend.sum(4, named('x', values)));
} else if (way === 'write') {
  tensor.dispose();
  values[2] = 7;
  Tensor.zeros([4]);
  console.log('unnoticed');
} else if (way === 'unwritten') {
  console.log(backend.sum(8, Storage.take(8).named('x')));
} else {
  console.log(trainingHash(5));
}
