/** Whether this is another architecture's Node under an emulator. */
export const emulated = process.env.BATCHNORM_TEST_NODE !== undefined;

const [file, ...leading] =
  process.env.BATCHNORM_TEST_NODE === undefined
    ? [process.execPath]
    : (JSON.parse(process.env.BATCHNORM_TEST_NODE) as string[]);

/** What starts a Node like this one: an emulated Node cannot be started by its path alone. */
export const node = {
  file,
  args: (...args: string[]): string[] => [...leading, ...args],
};
