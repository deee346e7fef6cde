/** Watches the quality of one connection: the browser's statistics every 2.5 s, and what the server tells. */

import { mos, WeakWatch } from "./quality.ts";
import { type Counters, type Entry, NOTHING, read } from "./stats.ts";

const EVERY_MS = 2_500;

export const QUALITY_TYPE = "application/vnd.softswitch.quality+json";

/** Body of the server's INFO of that type. */
export interface Told {
  /** `near`: the connection of this page; `far`: that of the other party, told where that is a browser as well. */
  readonly party: "near" | "far";
  readonly weak: boolean;
}

export interface Verdict {
  /** The worse direction, as the mean of 15 s; nothing before the first figures. */
  readonly score: number | undefined;
  readonly ownWeak: boolean;
  readonly farWeak: boolean;
}

export class Monitor {
  readonly #report: (verdict: Verdict) => void;
  readonly #down = new WeakWatch();
  readonly #up = new WeakWatch();
  readonly #told = { near: false, far: false };
  #counters: Counters = NOTHING;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(report: (verdict: Verdict) => void) {
    this.#report = report;
  }

  start(connection: RTCPeerConnection): void {
    this.#timer ??= setInterval(() => void this.#look(connection), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The body of an INFO of QUALITY_TYPE; what cannot be read is ignored. */
  tell(body: string): void {
    const told = parse(body);
    if (told === undefined) return;
    this.#told[told.party] = told.weak;
    this.#say();
  }

  async #look(connection: RTCPeerConnection): Promise<void> {
    const entries: Entry[] = [];
    (await connection.getStats()).forEach((entry: Entry) => entries.push(entry));
    const reading = read(entries, this.#counters);
    this.#counters = reading.counters;
    const now = performance.now() / 1000;
    if (reading.down !== undefined) this.#down.add(mos(reading.down, reading.codec), now);
    if (reading.up !== undefined) this.#up.add(mos(reading.up, reading.codec), now);
    this.#say();
  }

  #say(): void {
    const scores = [this.#down.mean, this.#up.mean].filter((score) => score !== undefined);
    // Losses between the other party and the server reach us as gaps as well: what the server blames on them is theirs.
    const downWeak = this.#down.weak && !this.#told.far;
    this.#report({
      score: scores.length > 0 ? Math.min(...scores) : undefined,
      ownWeak: this.#told.near || this.#up.weak || downWeak,
      farWeak: this.#told.far,
    });
  }
}

function parse(body: string): Told | undefined {
  try {
    const told = JSON.parse(body) as Partial<Told> | null;
    if ((told?.party === "near" || told?.party === "far") && typeof told.weak === "boolean") {
      return { party: told.party, weak: told.weak };
    }
  } catch {
    // Not ours to repair.
  }
  return undefined;
}
