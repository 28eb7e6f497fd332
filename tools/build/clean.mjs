// Removes everything that a build makes.
import { readdirSync, rmSync } from 'node:fs';

const made = readdirSync('.').filter((name) => /^(build|dist|prebuilds)(-.*)?$/.test(name));
for (const name of made) rmSync(name, { recursive: true });
