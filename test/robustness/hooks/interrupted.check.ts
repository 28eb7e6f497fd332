// Runs the interrupted training runs with a smaller share per thread: otherwise one thread would compute their tensors.
process.env.BATCHNORM_NUM_THREADS = '4';
process.env.DETERMINISM_MACHINE = '{"share":64}';
await import('../faults/interrupted.test.js');
