// A quantity that requests share: bytes, pixels, threads.

/** Calls `giveBack` when everyone who holds it has let go; each lets go with the function that `hold` returns. */
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

/** Everything is taken, and enough others wait for it. */
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

  /** @param maxWaiting How many may wait in `run`; one more is refused. */
  constructor(capacity, maxWaiting = Infinity) {
    this.#capacity = capacity;
    this.#maxWaiting = maxWaiting;
  }

  /** Taken now, the most that ever was, and how many wait. */
  get state() {
    return { used: this.#used, peak: this.#peak, waiting: this.#queue.length };
  }

  /** Takes `amount` if that much is left: returns a function that gives it back once, else undefined. */
  tryTake(amount) {
    if (this.#queue.length > 0 || this.#used + amount > this.#capacity) return undefined;
    return this.#take(amount);
  }

  /**
   * Runs a task that needs `amount` once earlier tasks have theirs: first come, first served.
   * @throws Busy where too many wait.
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
      throw new Busy(`Expected at most ${this.#maxWaiting} pictures to wait but there are more`);
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
