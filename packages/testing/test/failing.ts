// Runs a contract suite outside the test runner, to see what it finds.
import * as tf from "@tensorflow/tfjs";
import type { TestRunner } from "../src/contracts/executor.js";

/** Runs a suite and returns the names of the tests that fail. */
export async function failing(declare: (runner: TestRunner) => void): Promise<string[]> {
  const bodies: [string, () => Promise<void>][] = [];
  declare({
    describe: (_, body) => body(),
    it: (name, body) => bodies.push([name, () => body({ skip: () => {} })]),
  });
  const failed: string[] = [];
  for (const [name, body] of bodies) {
    await tf.ready();
    tf.engine().startScope();
    await body().catch(() => failed.push(name));
    tf.engine().endScope();
  }
  return failed;
}
