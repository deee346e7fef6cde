import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";

import { Renewal } from "../src/call/renewal.ts";

/** A renewal on virtual time, of tokens for 100 s; `fails` and `ends` say what the server answers. */
function started(context: TestContext) {
  const did: number[] = [];
  const server = { fails: false, ends: false };
  let now = 0;
  context.after(() => mock.reset());
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(Date, "now", () => now);
  const renewal = new Renewal(async () => {
    did.push(now / 1000);
    if (server.fails) throw new Error("nobody there");
    return server.ends ? undefined : 100;
  });
  renewal.begin(100);
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (seconds: number) => {
    for (const end = now + seconds * 1000; now < end; ) {
      now += 1000;
      mock.timers.tick(1000);
      await settle();
    }
  };
  const sleep = (seconds: number) => {
    now += seconds * 1000;
  };
  return { did, server, renewal, settle, pass, sleep };
}

test("a token is renewed in the last quarter of its life, and the next one too", async (context) => {
  const { did, pass } = started(context);
  await pass(160);
  assert.deepEqual(did, [75, 150]);
});

test("who wakes past that time asks at once, and once", async (context) => {
  const { did, renewal, settle, pass, sleep } = started(context);
  await pass(10);
  sleep(80);
  renewal.wake();
  renewal.wake();
  await settle();
  renewal.wake();
  await pass(70);
  assert.deepEqual(did, [90]);
  await pass(10);
  assert.deepEqual(did, [90, 165]);
});

test("who wakes before that has time", async (context) => {
  const { did, renewal, sleep, settle } = started(context);
  sleep(70);
  renewal.wake();
  await settle();
  assert.deepEqual(did, []);
});

test("a server that cannot be asked is asked again, and sooner when the network is back", async (context) => {
  const { did, server, renewal, pass, settle, sleep } = started(context);
  server.fails = true;
  await pass(96);
  assert.deepEqual(did, [75, 95]);
  server.fails = false;
  sleep(30);
  renewal.wake();
  await settle();
  assert.deepEqual(did, [75, 95, 126]);
});

test("a session that has ended is left alone", async (context) => {
  const { did, server, renewal, pass } = started(context);
  server.ends = true;
  await pass(75);
  renewal.wake();
  await pass(1000);
  assert.deepEqual(did, [75]);
});

test("who has stopped is not woken, nor by an answer that comes afterwards", async (context) => {
  const { did, renewal, pass, sleep } = started(context);
  sleep(80);
  renewal.wake();
  renewal.stop();
  renewal.wake();
  await pass(1000);
  assert.deepEqual(did, [80]);
});
