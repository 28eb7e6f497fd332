/** The most that one file may take: the files are small, and so are the tensors they are read into. */
const mostSeconds = 5;
const mostMegabytes = 64;

/**
 * Runs one load. Throws where it takes more time than a file of its size may, or where it makes the process
 * larger than it has ever been by more than a file of its size may.
 */
export async function withinBounds<T>(load: () => Promise<T>): Promise<T> {
  const peak = process.resourceUsage().maxRSS;
  const begin = process.cpuUsage();
  const result = await load();
  const { user, system } = process.cpuUsage(begin);
  const seconds = (user + system) / 1e6;
  // In kilobytes on every system.
  const megabytes = (process.resourceUsage().maxRSS - peak) / 1024;
  if (seconds > mostSeconds) throw new Error(`Loading took ${seconds} seconds of a processor`);
  if (megabytes > mostMegabytes) throw new Error(`Loading took ${megabytes} MB more than before`);
  return result;
}
