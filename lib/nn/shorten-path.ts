/** The path of a module for a message; of a very long path, its beginning and its end. */
export function shortenPath(path: string): string {
  return path.length <= 80 ? path : `${path.slice(0, 40)}...${path.slice(-30)}`;
}
