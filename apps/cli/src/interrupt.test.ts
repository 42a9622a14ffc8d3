import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { interruptible } from "./interrupt.js";

it("aborts at the first signal, ends at the second, and lets go when disposed", () => {
  const process = new EventEmitter();
  const calls: string[] = [];
  const { signal, dispose } = interruptible({
    process,
    onFirst: () => calls.push("first"),
    onSecond: () => calls.push("second"),
  });
  expect(signal.aborted).toBe(false);
  process.emit("SIGINT");
  expect(signal.aborted).toBe(true);
  process.emit("SIGTERM");
  expect(calls).toEqual(["first", "second"]);
  dispose();
  process.emit("SIGINT");
  expect(calls).toHaveLength(2);
});
