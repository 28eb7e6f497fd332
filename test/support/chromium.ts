import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A message of the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/ */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
  /** Whether it is a phone with a touch screen. */
  readonly touch?: boolean;
}

/** A page in Debian's Chromium without a window, or in the one that `CHROMIUM` names. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #commands: Writable;
  readonly #pending = new Map<number, (message: Message) => void>();
  readonly #ended: Promise<void>;
  readonly #failures: string[] = [];
  #lastId = 0;
  #session: string | undefined;
  #loaded: (() => void) | undefined;

  private constructor() {
    this.#profile = mkdtempSync(join(tmpdir(), 'batchnorm-chromium-'));
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'];
    // Through pipes, since Node 20 has no WebSocket and a port might be taken.
    this.#process = spawn(
      process.env.CHROMIUM ?? 'chromium',
      [...options, '--remote-debugging-pipe', `--user-data-dir=${this.#profile}`],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    this.#commands = this.#process.stdio[3] as Writable;
    this.#commands.on('error', () => undefined); // the browser has ended, which fails the pending commands
    this.#ended = new Promise((resolve) => {
      const end = (reason: string) => {
        for (const receive of this.#pending.values()) receive({ error: { message: reason } });
        this.#pending.clear();
        resolve();
      };
      this.#process.on('error', (error) => end(error.message));
      this.#process.on('close', (code) => end(`Chromium ended with ${code}`));
    });
    let received = '';
    (this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (received + text).split('\0');
      received = messages.pop() ?? '';
      for (const message of messages) this.#receive(JSON.parse(message) as Message);
    });
  }

  static async start(): Promise<Chromium> {
    const chromium = new Chromium();
    try {
      const { targetId } = await chromium.send('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await chromium.send('Target.attachToTarget', { targetId, flatten: true });
      chromium.#session = sessionId as string;
      for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await chromium.send(`${domain}.enable`);
    } catch (error) {
      await chromium.close();
      throw error;
    }
    return chromium;
  }

  /** Uncaught errors, and failed requests of the page, since the last call of `open`. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  async close(): Promise<void> {
    // In order, so that no process of it writes to the profile any more.
    this.#session = undefined;
    await this.send('Browser.close').catch(() => this.#process.kill());
    await this.#ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }

  /** Sends a command of the DevTools protocol. */
  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      const session = this.#session === undefined ? {} : { sessionId: this.#session };
      this.#commands.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    });
  }

  /** Loads a page and waits for its images and scripts. */
  async open(url: string, { width, height, scheme = 'light', touch = false }: View): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      ...{ width, height, deviceScaleFactor: 1 },
      mobile: touch,
    });
    await this.send('Emulation.setTouchEmulationEnabled', { enabled: touch });
    await this.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
    this.#failures.length = 0;
    const loaded = new Promise<void>((resolve) => (this.#loaded = resolve));
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText as string}`);
    await Promise.race([loaded, this.#ended]);
  }

  /** Evaluates an expression in the page, waits if it is a promise, and returns its JSON value. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) {
      const { text, exception } = exceptionDetails as { text: string; exception?: { description?: string } };
      throw new Error(exception?.description ?? text);
    }
    return (result as { value: T }).value;
  }

  /** Waits, without polling, until an expression about the page's content is true after a change. */
  async waitFor(expression: string, milliseconds = 20_000): Promise<void> {
    const inTime = await this.evaluate<boolean>(`new Promise((resolve) => {
      const end = (result) => { observer.disconnect(); resolve(result); };
      const check = () => { if (${expression}) end(true); };
      const observer = new MutationObserver(check);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      setTimeout(() => end(false), ${milliseconds});
      check();
    })`);
    if (!inTime) throw new Error(`Expected ${expression} within ${milliseconds} ms`);
  }

  /** Width of the page's content, and what sticks out of the window. */
  overflow(): Promise<{ readonly width: number; readonly widest: readonly string[] }> {
    return this.evaluate(`({
      width: document.documentElement.scrollWidth,
      widest: [...document.body.querySelectorAll('*')]
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5)
        .map((each) => each.tagName + ' ' + each.className),
    })`);
  }

  /** The window as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot');
    return Buffer.from(data as string, 'base64');
  }

  #receive({ id, method, params = {}, ...answer }: Message): void {
    if (id !== undefined) {
      this.#pending.get(id)?.(answer);
      this.#pending.delete(id);
    } else if (method === 'Page.loadEventFired') {
      this.#loaded?.();
    } else if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') {
      this.#failures.push(JSON.stringify(params));
    }
  }
}
