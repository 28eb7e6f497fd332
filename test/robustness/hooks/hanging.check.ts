// Run by `npm run check -- hooks`: a call of the addon that blocks forever is never attributed to Node.
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { hangsInNode, runToEnd, shutdownFunctions } from '../../unit/backend/crew/ending.js';

const program = fileURLToPath(new URL('./hang-in-addon.js', import.meta.url));

describe('a process that hangs in the addon', function () {
  this.timeout(120_000);

  for (const where of ['main', 'worker']) {
    it(`is recognized: ${where}`, async () => {
      const { threads = [], signal, stderr } = await runToEnd([program, where], { limit: 15_000 });
      expect(signal, stderr).to.equal('SIGKILL');
      const inside = threads.filter(({ inAddon, ofPool }) => inAddon && !ofPool);
      expect(inside, JSON.stringify(threads)).to.have.length(1);
      expect(inside[0].waits).to.equal(true);
      expect(threads.every(({ waits }) => waits)).to.equal(true);
      expect(hangsInNode(threads)).to.equal(false);
      // Even while another thread waits in Node's shutdown.
      const draining = { ...inside[0], inAddon: false, functions: shutdownFunctions };
      expect(hangsInNode([...threads, draining])).to.equal(false);
      expect(hangsInNode([...threads.filter((thread) => thread !== inside[0]), draining])).to.equal(true);
    });
  }
});
