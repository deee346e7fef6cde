import assert from "node:assert/strict";
import { test } from "node:test";

import { type Entry, NOTHING, read } from "../src/call/stats.ts";

const inbound = (received: number, lost: number, discarded = 0): Entry => ({
  id: "in",
  type: "inbound-rtp",
  kind: "audio",
  codecId: "c",
  packetsReceived: received,
  packetsLost: lost,
  packetsDiscarded: discarded,
  jitter: 0.012,
});
const codec: Entry = { id: "c", type: "codec", mimeType: "audio/opus" };
const report = (count: number, fractionLost: number): Entry => ({
  id: "r",
  type: "remote-inbound-rtp",
  kind: "audio",
  fractionLost,
  jitter: 0.004,
  roundTripTime: 0.08,
  roundTripTimeMeasurements: count,
});

test("loss is that of the interval, late packets included", () => {
  const first = read([inbound(100, 50), codec], NOTHING);
  const second = read([inbound(190, 57, 3), codec], first.counters);
  assert.equal(second.down?.loss, 10);
  assert.equal(second.down?.jitterMs, 12);
  assert.equal(second.codec.stretch, 1.29);
});

test("packets that come after all do not make loss negative", () => {
  const first = read([inbound(100, 10)], NOTHING);
  assert.equal(read([inbound(150, 4)], first.counters).down?.loss, 0);
});

test("where no packets were due there is nothing to judge", () => {
  const first = read([inbound(100, 0)], NOTHING);
  assert.equal(read([inbound(100, 0)], first.counters).down, undefined);
  assert.equal(read([], NOTHING).down, undefined);
});

test("what the far end reports counts once", () => {
  const first = read([inbound(50, 0), report(1, 0.05)], NOTHING);
  assert.deepEqual(first.up, { loss: 5, roundTripMs: 80, jitterMs: 4 });
  assert.equal(read([inbound(100, 0), report(1, 0.05)], first.counters).up, undefined);
});

test("without reports the round trip is that of the ICE checks; video does not disturb", () => {
  const pair: Entry = { id: "p", type: "candidate-pair", nominated: true, currentRoundTripTime: 0.03 };
  const video: Entry = { ...inbound(900, 900), id: "v", kind: "video" };
  const reading = read([video, pair, inbound(10, 0)], NOTHING);
  assert.deepEqual(reading.down, { loss: 0, roundTripMs: 30, jitterMs: 12 });
});
