import { BatchNorm2D } from 'batchnorm';

new BatchNorm2D(3, { eps: 1e-3 });
