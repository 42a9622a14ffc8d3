import { eagerExecutor, type Executable, type Executor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { describeExecutor } from "./executor.js";

/** Names of the cases that an executor fails, with the messages. */
async function failures(executor: Executor, skip?: string): Promise<Record<string, string>> {
  const cases: (() => Promise<[string, string] | undefined>)[] = [];
  describeExecutor("tried", () => executor, {
    describe: (_, body) => {
      body();
    },
    it: (name, body) => {
      cases.push(() =>
        body({
          skip: (reason) => {
            throw new Error(`skipped: ${reason}`);
          },
        }).then(
          () => undefined,
          (error: unknown): [string, string] => [name, (error as Error).message],
        ),
      );
    },
    skip,
  });
  expect(cases.length).toBeGreaterThan(10);
  const found: Record<string, string> = {};
  for (const run of cases) {
    const failure = await run();
    if (failure !== undefined) found[failure[0]] = failure[1];
  }
  return found;
}

/** The eager executor with one thing done differently. */
function broken(change: (run: Executable["run"]) => Executable["run"]): Executor {
  const eager = eagerExecutor();
  return {
    name: "broken",
    compile: (fn, options) => {
      const executable = eager.compile(fn, options);
      return { ...executable, run: change((...call) => executable.run(...call)) };
    },
  };
}

describe("describeExecutor", () => {
  it("passes the eager executor", async () => {
    expect(await failures(eagerExecutor())).toEqual({});
  });

  it("finds an executor that ignores the signal", async () => {
    const found = await failures(broken((run) => (inputs) => run(inputs)));
    expect(Object.keys(found)).toEqual(["stops before a run whose signal is aborted, and leaves the state alone"]);
  });

  it("finds an executor that disposes its inputs", async () => {
    const found = await failures(
      broken((run) => async (inputs, options) => {
        const results = await run(inputs, options);
        tf.dispose(inputs);
        return results;
      }),
    );
    expect(Object.values(found)).toContain("the run disposed its input");
  });

  it("finds wrong numbers, in every case that has some", async () => {
    const found = await failures(
      broken((run) => async (inputs, options) => {
        const results = await run(inputs, options);
        return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tf.mul(tensor, 1.001)]));
      }),
    );
    expect(Object.keys(found).filter((name) => /forward|differentiates|trains|known/.test(name))).toHaveLength(7);
  });

  it("finds an executor that leaks", async () => {
    const found = await failures(
      broken((run) => (inputs, options) => {
        tf.scalar(1);
        return run(inputs, options);
      }),
    );
    expect(found["borrows its inputs, hands over its results, and leaks no tensors"]).toMatch(/leaves 2 tensors/);
  });

  it("skips every case with the reason", async () => {
    const found = await failures(eagerExecutor(), "no such device");
    expect(new Set(Object.values(found))).toEqual(new Set(["skipped: no such device"]));
  });
});
