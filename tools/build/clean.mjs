// Removes all build outputs.
import { readdirSync, rmSync } from 'node:fs';

const made = readdirSync('.').filter((name) => /^(build|dist|prebuilds)(-.*)?$/.test(name));
for (const name of made) rmSync(name, { recursive: true });
