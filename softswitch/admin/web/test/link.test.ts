import assert from "node:assert/strict";
import { test } from "node:test";

import { type CallLink, lookAgainIn, moment, tokenOf } from "../src/guest/link.ts";

const NOW = Date.parse("2026-05-29T08:00:00Z");

function link(state: string, validFrom = "2026-05-29T08:00:00Z"): CallLink {
  return { title: "Support", kind: "video", valid_from: validFrom, valid_until: "2026-05-30T08:00:00Z", state, reason: null };
}

test("the token is the last part of the address", () => {
  assert.equal(tokenOf("/call/abc.def-1_2.x"), "abc.def-1_2.x");
});

test("a link that may open is looked at again, and one that is over is not", () => {
  for (const state of ["outside_hours", "in_use", "busy"]) assert.equal(lookAgainIn(link(state), NOW), 60_000);
  for (const state of ["open", "used", "used_up", "revoked", "expired", "unknown"]) {
    assert.equal(lookAgainIn(link(state), NOW), undefined);
  }
});

test("a link that is too early is looked at when its time comes, at the latest in an hour and never at once", () => {
  assert.equal(lookAgainIn(link("not_yet_valid", "2026-05-29T08:10:00Z"), NOW), 600_000);
  assert.equal(lookAgainIn(link("not_yet_valid", "2026-06-29T08:10:00Z"), NOW), 3_600_000);
  assert.equal(lookAgainIn(link("not_yet_valid", "2026-05-29T07:59:59Z"), NOW), 1_000);
});

test("times are those of where the guest is", () => {
  assert.match(moment("2026-05-29T08:00:00Z", "en-GB", "Europe/Berlin"), /^Friday.*29 May.*10:00$/);
  assert.match(moment("2026-05-29T08:00:00Z", "en-US", "America/New_York"), /^Friday, May 29.*4:00/);
});
