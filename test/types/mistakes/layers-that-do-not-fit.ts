import { Linear, ReLU, Sequential } from 'batchnorm';

new Sequential(new Linear(4, 3), new ReLU(), new Linear(5, 2));
