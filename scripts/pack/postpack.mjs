// After `npm pack` and `npm publish`.
import { restorePackageJson } from './package-json.mjs';

restorePackageJson();
