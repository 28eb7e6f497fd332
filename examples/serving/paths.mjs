// npm runs scripts in the package's folder, but file names are relative to the folder in which the user typed them.
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const typedIn = process.env.INIT_CWD ?? process.cwd();

export const fromUser = (name) => resolve(typedIn, name);
export function forUser(path) {
  const short = relative(typedIn, path);
  return short.length < path.length ? short : path;
}

/** The checkpoint that `npm start` in the repository saves. */
export const CHECKPOINT = fileURLToPath(new URL('../../digits.npz', import.meta.url));
/** The checkpoint that a training run in the server's worker saves. */
export const TRAINED = fileURLToPath(new URL('trained.npz', import.meta.url));
