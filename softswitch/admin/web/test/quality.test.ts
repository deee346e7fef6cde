import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bars,
  codecOf,
  FAR_CONNECTION_WEAK,
  mos,
  opinion,
  OWN_CONNECTION_WEAK,
  WeakWatch,
} from "../src/call/quality.ts";

const near = (actual: number, expected: number, within = 0.005) =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);
const PCMA = codecOf("audio/PCMA");
const OPUS = codecOf("audio/opus");
const figures = (loss: number, roundTripMs = 0) => ({ loss, roundTripMs, jitterMs: 0 });

test("the texts are exactly these", () => {
  assert.equal(OWN_CONNECTION_WEAK, "Your connection is weak");
  assert.equal(FAR_CONNECTION_WEAK, "Customer’s connection is weak");
});

test("ratings map to scores as in G.107 Annex B", () => {
  const table = [[50, 2.575], [60, 3.1], [70, 3.597], [80, 4.024], [90, 4.339], [93.2, 4.4093], [100, 4.5]] as const;
  for (const [r, score] of table) near(opinion(r), score, 0.001);
  assert.equal(opinion(-5), 1);
});

test("G.711 with concealment scores as the published vectors", () => {
  const table = [[0, 4.409], [0.5, 4.371], [1, 4.328], [2, 4.235], [3, 4.134], [5, 3.923], [10, 3.411]] as const;
  for (const [loss, score] of table) near(mos(figures(loss), PCMA), score);
});

test("delay costs nothing up to 100 ms one way, and then what G.107 says", () => {
  // Half the round trip, the packet and look-ahead (20.25), the jitter buffer (40): 250 ms one way.
  near(mos(figures(0, 2 * (250 - 60.25)), PCMA), 4.175);
  near(mos(figures(1, 2 * (250 - 60.25)), PCMA), 4.048);
  near(mos(figures(0, 2 * (100 - 60.25)), PCMA), 4.409);
});

test("Opus is judged on the wideband scale", () => {
  near(mos(figures(0), OPUS), 4.25, 0.05);
  assert.ok(mos(figures(5), OPUS) < 4.0);
});

test("a weak connection is told after 5 s of media, not before, and of the mean of 15 s", () => {
  const watch = new WeakWatch();
  watch.add(2.0, 0);
  assert.equal(watch.weak, false);
  watch.add(2.0, 4.9);
  assert.equal(watch.weak, false);
  watch.add(2.0, 5);
  assert.equal(watch.weak, true);

  const dip = new WeakWatch();
  for (let at = 0; at <= 30; at += 2.5) dip.add(4.4, at);
  dip.add(3.5, 32.5);
  assert.equal(dip.weak, false);
});

test("4.0 itself is not weak: the limit is strict", () => {
  const watch = new WeakWatch();
  for (let at = 0; at <= 20; at += 2.5) watch.add(4.0, at);
  assert.equal(watch.weak, false);
  watch.add(3.99, 22.5);
  assert.equal(watch.weak, true);
});

test("it is good again once the mean has been 4.1 or more for 5 s", () => {
  const watch = new WeakWatch();
  for (let at = 0; at <= 15; at += 2.5) watch.add(3.5, at);
  assert.equal(watch.weak, true);
  let reached: number | undefined;
  for (let at = 17.5; at <= 60; at += 2.5) {
    watch.add(4.4, at);
    if ((watch.mean as number) >= 4.1) reached ??= at;
    assert.equal(watch.weak, reached === undefined || at < reached + 5, `at ${at} s`);
  }
});

test("between the limits nothing changes", () => {
  const watch = new WeakWatch();
  for (let at = 0; at <= 15; at += 2.5) watch.add(3.5, at);
  for (let at = 17.5; at <= 120; at += 2.5) watch.add(4.05, at);
  assert.equal(watch.weak, true);
});

test("bars follow the limits of the warning", () => {
  assert.deepEqual([undefined, 3.0, 3.9, 4.0, 4.3].map(bars), [0, 1, 2, 3, 4]);
});
