// npm runs a script in its package's folder: names of files are meant where the user typed them.
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const typedIn = process.env.INIT_CWD ?? process.cwd();

export const fromUser = (name) => resolve(typedIn, name);
export function forUser(path) {
  const short = relative(typedIn, path);
  return short.length < path.length ? short : path;
}

/** What `npm start` in the repository leaves. */
export const CHECKPOINT = fileURLToPath(new URL('../../digits.npz', import.meta.url));
/** What a training in the server's worker leaves. */
export const TRAINED = fileURLToPath(new URL('trained.npz', import.meta.url));
