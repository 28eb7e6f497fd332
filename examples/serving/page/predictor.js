// Asks the server about the latest image, one request at a time, so that a slow connection skips images instead of
// falling behind.

export class Predictor {
  #onAnswer;
  #latest;
  #asking = false;

  /** @param onAnswer Called with `{ probabilities, digit, version }` or `{ error }`; never for an image that has changed to
   * nothing since. */
  constructor(onAnswer) {
    this.#onAnswer = onAnswer;
  }

  /** @param image 784 bytes; undefined if nothing is drawn. */
  async ask(image) {
    this.#latest = { image };
    if (this.#asking) return;
    this.#asking = true;
    while (this.#latest !== undefined) {
      const { image: asked } = this.#latest;
      this.#latest = undefined;
      if (asked === undefined) continue;
      const answer = await request(asked);
      // Cleared meanwhile?
      if (this.#latest === undefined || this.#latest.image !== undefined) this.#onAnswer(answer);
    }
    this.#asking = false;
  }
}

async function request(image) {
  try {
    const response = await fetch('predict', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: image,
    });
    const { error, version, predictions } = await response.json();
    return response.ok ? { ...predictions[0], version } : { error };
  } catch {
    return { error: 'The server does not answer.' };
  }
}
