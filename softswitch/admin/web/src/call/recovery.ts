/** Getting the media of a call back after the network went: ICE restarts until it works, or until 30 s have passed. */

const PATIENCE_MS = 2_000;
const BETWEEN_ATTEMPTS_MS = 4_000;
const GIVE_UP_MS = 30_000;

export class Recovery {
  readonly #restart: () => Promise<unknown>;
  readonly #giveUp: () => void;
  #lostAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `restart` makes an offer with new ICE credentials; it is not called again before its promise is settled. */
  constructor(restart: () => Promise<unknown>, giveUp: () => void) {
    this.#restart = restart;
    this.#giveUp = giveUp;
  }

  get lost(): boolean {
    return this.#lostAt !== undefined;
  }

  /** A connection may come back by itself within moments: a `failed` one will not. */
  pathLost(failed: boolean): void {
    this.#lostAt ??= performance.now();
    this.#again(failed ? 0 : PATIENCE_MS);
  }

  pathFound(): void {
    this.#lostAt = undefined;
    clearTimeout(this.#timer);
  }

  /** Signalling is back: what failed for want of it is tried at once. */
  tryNow(): void {
    if (this.lost) this.#again(0);
  }

  close(): void {
    this.pathFound();
  }

  #again(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#attempt(), afterMs);
  }

  async #attempt(): Promise<void> {
    if (this.#lostAt === undefined) return;
    if (performance.now() - this.#lostAt > GIVE_UP_MS) {
      this.#giveUp();
      return;
    }
    await this.#restart();
    if (this.lost) this.#again(BETWEEN_ATTEMPTS_MS);
  }
}
