import assert from "node:assert/strict";
import { test } from "node:test";

import { mediaProblem } from "../src/call/devices.ts";
import { loudness } from "../src/call/level.ts";
import { dialable, shown } from "../src/call/number.ts";
import { duration, over, refused } from "../src/call/outcome.ts";
import { MUSIC, MUSIC_SECONDS } from "../src/call/sounds.ts";

const named = (name: string) => new DOMException("", name);

test("a denied permission is told in exactly these words", () => {
  const problem = mediaProblem(named("NotAllowedError"));
  assert.equal(problem.text, "Permission to use camera and/or microphone denied.");
  assert.equal(problem.code, "media_permission_denied");
});

test("a missing device, a busy one, and no access at all are told apart", () => {
  assert.equal(mediaProblem(named("NotFoundError")).code, "media_device_missing");
  assert.equal(mediaProblem(named("OverconstrainedError")).code, "media_device_missing");
  assert.equal(mediaProblem(named("NotReadableError")).code, "media_device_busy");
  assert.equal(mediaProblem("?").code, "media_unavailable");
});

test("numbers lose what only makes them readable, names and addresses stay", () => {
  assert.equal(dialable(" +49 (30) 123-45 67 "), "+49301234567");
  assert.equal(dialable("*43"), "*43");
  assert.equal(dialable("1002"), "1002");
  assert.equal(dialable("anna.meier-2"), "anna.meier-2");
  assert.equal(dialable("sip:1002@example.org"), "sip:1002@example.org");
  assert.equal(shown("sips:1002@example.org"), "1002");
});

test("an outcome says what people say", () => {
  assert.equal(refused(486).text, "Busy");
  assert.equal(refused(404).text, "There is no such number");
  assert.equal(refused(499).text, "The call failed (499)");
  assert.deepEqual(over("Terminated", "remote", true), { text: "The other side ended the call", failed: false });
  assert.equal(over("Canceled", "remote", false).text, "Missed call");
  assert.equal(over("RTP Timeout", "local", true).text, "The connection was lost");
});

test("durations", () => {
  assert.deepEqual([0, 9, 247, 3729, -3].map(duration), ["0:00", "0:09", "4:07", "1:02:09", "0:00"]);
});

test("the level bar spans 60 dB", () => {
  assert.equal(loudness(0), 0);
  assert.equal(loudness(1), 1);
  assert.equal(loudness(0.0009), 0);
  assert.ok(Math.abs(loudness(Math.sqrt(0.001)) - 0.5) < 1e-9);
});

test("the music fills its five seconds and ends with them", () => {
  const end = Math.max(...MUSIC.map((note) => note.at + note.lasts));
  assert.ok(end <= MUSIC_SECONDS && end > MUSIC_SECONDS - 0.5, `it ends at ${end}`);
});
