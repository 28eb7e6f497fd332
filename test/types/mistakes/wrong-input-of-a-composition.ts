import { Linear, ReLU, Sequential, Tensor } from 'batchnorm';

new Sequential(new Linear(4, 3), new ReLU()).forward(Tensor.zeros([1, 5]));
