/**
 * How good the connection is, as this end sees it: ITU-T G.107 and G.107.1 on figures of WebRTC statistics. Pure.
 *
 * The thresholds are the server's own (media/quality/watch.py): weak below 4.0 as the mean of 15 s, good again from 4.1
 * once that has held for 5 s, no verdict within the first 5 s.
 */

export const OWN_CONNECTION_WEAK = "Your connection is weak";
export const FAR_CONNECTION_WEAK = "Customer’s connection is weak";

/** One direction over one interval. */
export interface Figures {
  /** Percent of the packets expected. */
  readonly loss: number;
  readonly roundTripMs: number;
  /** Jitter as RFC 3550 counts it. */
  readonly jitterMs: number;
}

export interface Codec {
  /** Equipment impairment without loss, and robustness against loss (G.113 Appendix I). */
  readonly ie: number;
  readonly bpl: number;
  /** 1: narrowband (R to 93.2); 1.29: wideband (R to 129). */
  readonly stretch: 1 | 1.29;
  /** What is added to the delay of the path, ms: packet, look-ahead. */
  readonly delayMs: number;
}

const NARROWBAND: Codec = { ie: 0, bpl: 25.1, stretch: 1, delayMs: 20.25 };
/** Wideband VBR 15 of Alahmadi et al., ACM TOMM 17(4) 133 (2021): no ITU-T values exist for Opus. */
const OPUS: Codec = { ie: 18.06, bpl: 18.74, stretch: 1.29, delayMs: 26.5 };
/** G.113 Appendix IV as it is commonly quoted for 64 kbit/s. */
const G722: Codec = { ie: 13, bpl: 25.1, stretch: 1.29, delayMs: 21.5 };

/** By MIME type as statistics give it ("audio/opus"). */
export function codecOf(mimeType: string): Codec {
  const name = mimeType.split("/")[1]?.toLowerCase();
  if (name === "opus") return OPUS;
  return name === "g722" ? G722 : NARROWBAND;
}

/** Idd of G.107 (7-27, 7-28) for an absolute one-way delay in ms. */
function delayImpairment(ta: number): number {
  if (ta <= 100) return 0;
  const x = Math.log2(ta / 100);
  const norm = (value: number) => (1 + value ** 6) ** (1 / 6);
  return 25 * (norm(x) - 3 * norm(x / 3) + 2);
}

/** Annex B of G.107: the opinion score of a rating. */
export function opinion(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
}

/** The conversational score, 1 to 4.5. */
export function mos(figures: Figures, codec: Codec): number {
  const loss = Math.min(Math.max(figures.loss, 0), 100);
  const lossImpairment = codec.ie + ((95 - codec.ie) * loss) / (loss + codec.bpl);
  // A jitter buffer holds about twice the jitter, and never less than two packets.
  const delay = figures.roundTripMs / 2 + codec.delayMs + Math.max(40, 2 * figures.jitterMs);
  const best = codec.stretch === 1 ? 93.2 : 129;
  return opinion((best - codec.stretch * delayImpairment(delay) - lossImpairment) / codec.stretch);
}

const WINDOW_SECONDS = 15;
const WEAK_BELOW = 4.0;
const GOOD_FROM = 4.1;
const HOLD_SECONDS = 5;
const FIRST_AFTER_SECONDS = 5;

/** Turns scores into weak or not, without flapping. Time is an argument, in seconds. */
export class WeakWatch {
  #scores: { at: number; score: number }[] = [];
  #since: number | undefined;
  #goodSince: number | undefined;
  weak = false;

  /** The mean of the last 15 s, nothing before the first score. */
  get mean(): number | undefined {
    if (this.#scores.length === 0) return undefined;
    return this.#scores.reduce((sum, each) => sum + each.score, 0) / this.#scores.length;
  }

  add(score: number, now: number): void {
    this.#since ??= now;
    this.#scores = [...this.#scores.filter((each) => each.at > now - WINDOW_SECONDS), { at: now, score }];
    const mean = this.mean as number;
    if (!this.weak) {
      this.weak = now - this.#since >= FIRST_AFTER_SECONDS && mean < WEAK_BELOW;
      this.#goodSince = undefined;
    } else if (mean < GOOD_FROM) {
      this.#goodSince = undefined;
    } else {
      this.#goodSince ??= now;
      if (now - this.#goodSince >= HOLD_SECONDS) this.weak = false;
    }
  }
}

/** 0 (nothing known) to 4 bars, for a score. */
export function bars(score: number | undefined): 0 | 1 | 2 | 3 | 4 {
  if (score === undefined) return 0;
  if (score >= 4.2) return 4;
  if (score >= WEAK_BELOW) return 3;
  return score >= 3.5 ? 2 : 1;
}
