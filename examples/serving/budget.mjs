// A resource that requests share: bytes, pixels, threads.

/** Calls `giveBack` after every holder has called the release function that `hold` returned. */
export class Shared {
  #giveBack;
  #holders = 0;

  constructor(giveBack) {
    this.#giveBack = giveBack;
  }

  hold() {
    this.#holders++;
    return () => {
      if (--this.#holders === 0) this.#giveBack();
    };
  }
}

/** The resource is exhausted, and its queue is full. */
export class Busy extends Error {
  name = 'Busy';
  statusCode = 503;
}

export class Budget {
  #capacity;
  #maxWaiting;
  #used = 0;
  #peak = 0;
  #queue = [];

  /** @param maxWaiting Maximum number of tasks that wait in `run`; others are refused. */
  constructor(capacity, maxWaiting = Infinity) {
    this.#capacity = capacity;
    this.#maxWaiting = maxWaiting;
  }

  /** Current and peak use, and the length of the queue. */
  get state() {
    return { used: this.#used, peak: this.#peak, waiting: this.#queue.length };
  }

  /** Takes `amount` and returns a function that gives it back once; returns undefined if too little is left. */
  tryTake(amount) {
    if (this.#queue.length > 0 || this.#used + amount > this.#capacity) return undefined;
    return this.#take(amount);
  }

  /**
   * Runs a task after `amount` is available to it, in the order of the calls.
   * @throws Busy if too many tasks wait.
   */
  async run(amount, task) {
    const giveBack = this.tryTake(amount) ?? (await this.#wait(amount));
    try {
      return await task();
    } finally {
      giveBack();
    }
  }

  #wait(amount) {
    if (this.#queue.length >= this.#maxWaiting) {
      throw new Busy(`Expected at most ${this.#maxWaiting} waiting pictures but there are more`);
    }
    return new Promise((resolve) => this.#queue.push({ amount, resolve }));
  }

  #take(amount) {
    this.#used += amount;
    this.#peak = Math.max(this.#peak, this.#used);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      this.#used -= amount;
      while (this.#queue.length > 0 && this.#used + this.#queue[0].amount <= this.#capacity) {
        const { amount: next, resolve } = this.#queue.shift();
        resolve(this.#take(next));
      }
    };
  }
}
