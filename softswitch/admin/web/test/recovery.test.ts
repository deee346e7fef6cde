import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";

import { Recovery } from "../src/call/recovery.ts";

/** A recovery on virtual time, with what it did. */
function started(context: TestContext) {
  const did: string[] = [];
  let now = 0;
  context.after(() => mock.reset());
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
  const recovery = new Recovery(
    async () => void did.push(`restart at ${now / 1000}`),
    () => did.push(`gave up at ${now / 1000}`),
  );
  const pass = async (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += 500;
      mock.timers.tick(500);
      // An attempt is a promise, and what it leads to is another.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { did, recovery, pass };
}

test("a path that comes back by itself is left alone", async (context) => {
  const { did, recovery, pass } = started(context);
  recovery.pathLost(false);
  assert.ok(recovery.lost);
  await pass(1500);
  recovery.pathFound();
  await pass(60_000);
  assert.deepEqual(did, []);
});

test("one that does not is restarted, again and again, for 30 s", async (context) => {
  const { did, recovery, pass } = started(context);
  recovery.pathLost(false);
  await pass(60_000);
  assert.deepEqual(did.slice(0, 2), ["restart at 2", "restart at 6"]);
  assert.equal(did.filter((each) => each.startsWith("gave up")).length, 1);
  assert.equal(did.at(-1), "gave up at 34");
});

test("a failed one is restarted at once, and a lost one when signalling is back", async (context) => {
  const { did, recovery, pass } = started(context);
  recovery.tryNow();
  await pass(1000);
  assert.deepEqual(did, []);
  recovery.pathLost(true);
  await pass(500);
  assert.equal(did.length, 1);
  recovery.tryNow();
  await pass(500);
  assert.equal(did.length, 2);
  recovery.close();
  await pass(60_000);
  assert.equal(did.length, 2);
});
