import assert from "node:assert/strict";
import { test } from "node:test";

import { allowed, type CallEvent, type CallState, next } from "../src/call/states.ts";

const STATES: CallState[] = ["calling", "ringing", "early", "offered", "answering", "talking", "ended"];
const EVENTS: CallEvent[] = ["rings", "early_media", "taken", "established", "over"];
const after = (from: CallState, ...events: CallEvent[]) => events.reduce(next, from);

test("a call we make rings, is answered, and ends", () => {
  assert.equal(after("calling", "rings"), "ringing");
  assert.equal(after("calling", "rings", "early_media"), "early");
  assert.equal(after("calling", "rings", "established"), "talking");
  assert.equal(after("calling", "established", "over"), "ended");
});

test("tones of the far end are not talked over by a later 180", () => {
  assert.equal(after("calling", "early_media", "rings"), "early");
});

test("a call we get is taken before it is established", () => {
  assert.equal(after("offered", "taken"), "answering");
  assert.equal(after("offered", "taken", "established"), "talking");
  assert.equal(after("offered", "established"), "offered");
});

test("every call can end, and an ended one stays so whatever comes", () => {
  for (const state of STATES) assert.equal(next(state, "over"), "ended");
  for (const event of EVENTS) assert.equal(next("ended", event), "ended");
});

const talking = { state: "talking", held: false, connected: true, busy: false } as const;

test("only what would do something is offered", () => {
  assert.deepEqual([...allowed({ ...talking, state: "offered" })], ["answer", "decline"]);
  assert.ok(!allowed({ ...talking, state: "ringing" }).has("keypad"));
  assert.ok(allowed({ ...talking, state: "early" }).has("keypad"));
  assert.deepEqual([...allowed({ ...talking, state: "ended" })], []);
  for (const action of ["mute", "hold", "camera", "screen", "transfer", "keypad", "devices", "end"] as const) {
    assert.ok(allowed(talking).has(action), action);
  }
});

test("nothing is negotiated without a connection, during a change, or beside a hold", () => {
  for (const action of ["hold", "transfer", "camera", "screen"] as const) {
    assert.ok(!allowed({ ...talking, connected: false }).has(action), action);
    assert.ok(!allowed({ ...talking, busy: true }).has(action), action);
  }
  assert.ok(!allowed({ ...talking, held: true }).has("camera"));
  assert.ok(allowed({ ...talking, held: true }).has("hold"));
});

test("hanging up is possible in every state but the last", () => {
  for (const state of STATES.filter((each) => each !== "ended" && each !== "offered")) {
    assert.ok(allowed({ state, held: true, connected: false, busy: true }).has("end"), state);
  }
});
