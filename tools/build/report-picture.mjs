// npm run check -- report-picture [REPORT]: draws the report of `npm start` (default: digits.html) in Chromium, light and
// dark, for the README.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Chromium } from '../../dist-dev/test/support/chromium.js';

const { href } = pathToFileURL(resolve(process.argv[2] ?? 'digits.html'));
const chromium = await Chromium.start();
try {
  for (const scheme of ['light', 'dark']) {
    await chromium.open(href, { width: 1000, height: 1140, scheme });
    const file = `docs/images/report${scheme === 'dark' ? '-dark' : ''}.png`;
    writeFileSync(file, await chromium.screenshot());
    console.log(file);
  }
} finally {
  await chromium.close();
}
