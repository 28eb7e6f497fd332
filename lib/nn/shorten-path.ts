/** The path of a module for a message: where there is no end to it, its beginning and its end. */
export function shortenPath(path: string): string {
  return path.length <= 80 ? path : `${path.slice(0, 40)}...${path.slice(-30)}`;
}
