// Training steps on all cores: `npx vitest bench --run packages/compile`.
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, bench, describe } from "vitest";
import { compile } from "../src/index.js";
import type { CompiledFunction } from "../src/index.js";
import { transformerStep, videoAutoencoderStep } from "./workloads.js";
import type { Workload } from "./workloads.js";

// Workloads make variables, and with them tfjs chooses a backend.
await tf.setBackend("cpu");

const workloads: Workload[] = [videoAutoencoderStep(), transformerStep()];

for (const { name, step, inputs } of workloads) {
  describe(name, () => {
    let compiled: CompiledFunction;

    beforeAll(async () => {
      compiled = compile(step);
      tf.dispose(await compiled.run(inputs));
    });

    afterAll(() => compiled.dispose());

    bench(
      "training step",
      async () => {
        tf.dispose(await compiled.run(inputs));
      },
      { iterations: 10, time: 0, warmupIterations: 1, warmupTime: 0 },
    );
  });
}
