/** From the browser's statistics of a connection to the figures of each direction of its audio. Pure. */

import { type Codec, codecOf, type Figures } from "./quality.ts";

/** The members of RTCStats that are read; browsers differ in which of them they fill. */
export interface Entry {
  readonly id: string;
  readonly type: string;
  readonly kind?: string;
  readonly mimeType?: string;
  readonly codecId?: string;
  readonly localId?: string;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
  readonly packetsDiscarded?: number;
  readonly fractionLost?: number;
  readonly jitter?: number;
  readonly roundTripTime?: number;
  readonly roundTripTimeMeasurements?: number;
  readonly nominated?: boolean;
  readonly currentRoundTripTime?: number;
}

/** What has to be remembered from one reading to the next. */
export interface Counters {
  readonly received: number;
  readonly missing: number;
  readonly reports: number;
}

export const NOTHING: Counters = { received: 0, missing: 0, reports: 0 };

export interface Reading {
  readonly counters: Counters;
  /** What we hear; nothing where no packets were due (hold, silence). */
  readonly down: Figures | undefined;
  /** What the server hears of us, by its RTCP reports; nothing where none came. */
  readonly up: Figures | undefined;
  readonly codec: Codec;
}

export function read(entries: Iterable<Entry>, before: Counters): Reading {
  const all = [...entries];
  const inbound = all.find((each) => each.type === "inbound-rtp" && each.kind === "audio");
  const reported = all.find((each) => each.type === "remote-inbound-rtp" && each.kind === "audio");
  const pair = all.find((each) => each.type === "candidate-pair" && each.nominated === true);
  const codecId = inbound?.codecId ?? reported?.codecId;
  const codec = codecOf(all.find((each) => each.type === "codec" && each.id === codecId)?.mimeType ?? "");
  const roundTripMs = 1000 * (reported?.roundTripTime ?? pair?.currentRoundTripTime ?? 0);

  const counters: Counters = {
    received: inbound?.packetsReceived ?? 0,
    missing: (inbound?.packetsLost ?? 0) + (inbound?.packetsDiscarded ?? 0),
    reports: reported?.roundTripTimeMeasurements ?? 0,
  };
  // Lost packets that come late after all are taken back: the count may sink.
  const missing = Math.max(0, counters.missing - before.missing);
  const expected = counters.received - before.received + missing;
  const down: Figures | undefined =
    expected > 0
      ? { loss: (100 * missing) / expected, roundTripMs, jitterMs: 1000 * (inbound?.jitter ?? 0) }
      : undefined;
  const up: Figures | undefined =
    reported !== undefined && counters.reports > before.reports
      ? { loss: 100 * (reported.fractionLost ?? 0), roundTripMs, jitterMs: 1000 * (reported.jitter ?? 0) }
      : undefined;
  return { counters, down, up, codec };
}
