/** Whether this is a Node for another architecture under an emulator. */
export const emulated = process.env.BATCHNORM_TEST_NODE !== undefined;

const [file, ...leading] =
  process.env.BATCHNORM_TEST_NODE === undefined
    ? [process.execPath]
    : (JSON.parse(process.env.BATCHNORM_TEST_NODE) as string[]);

/** The command that starts a Node like this one: an emulated Node needs its emulator. */
export const node = {
  file,
  args: (...args: string[]): string[] => [...leading, ...args],
};
