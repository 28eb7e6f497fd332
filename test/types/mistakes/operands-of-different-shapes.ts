import { Tensor } from 'batchnorm';

Tensor.zeros([4, 3]).add(Tensor.zeros([4]));
