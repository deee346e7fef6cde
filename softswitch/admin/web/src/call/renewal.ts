/** When the next token is asked for: before the last one ends, and as soon as a computer that slept past that wakes. */

/** A share of a token's life after which a new one is asked for. */
const RENEW_AFTER = 0.75;
const RENEW_AGAIN_MS = 20_000;
/** Longer times overflow a timer's 31 bits and would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Renewal {
  readonly #ask: () => Promise<number | undefined>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** By the clock on the wall, which goes on while timers sleep. */
  #dueAt = Number.POSITIVE_INFINITY;
  #asking = false;
  #over = false;

  /** `ask` gets a token, and says for how many seconds it is good; `undefined`: there will be none. A failure is tried again. */
  constructor(ask: () => Promise<number | undefined>) {
    this.#ask = ask;
  }

  /** There is a token that is good for so many seconds from now on. */
  begin(seconds: number): void {
    this.#in(seconds * RENEW_AFTER * 1000);
  }

  /** For good; an answer that is awaited changes nothing any more. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** The page may have slept, or been without a network. */
  wake(): void {
    if (Date.now() >= this.#dueAt) void this.now();
  }

  /** Whatever the time is. Who asks while an answer is awaited gets that. */
  async now(): Promise<void> {
    if (this.#asking || this.#over) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    try {
      const seconds = await this.#ask();
      if (seconds === undefined) this.stop();
      else this.begin(seconds);
    } catch {
      this.#in(RENEW_AGAIN_MS);
    }
    this.#asking = false;
  }

  #in(ms: number): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#dueAt = Date.now() + ms;
    this.#timer = setTimeout(() => void this.now(), Math.min(ms, LONGEST_TIMER_MS));
  }
}
