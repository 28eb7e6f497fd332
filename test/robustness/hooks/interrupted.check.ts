// The disturbed trainings, on tensors that several threads share: those of this package's tests are too small.
process.env.BATCHNORM_NUM_THREADS = '4';
process.env.DETERMINISM_MACHINE = '{"share":64}';
await import('../faults/interrupted.test.js');
