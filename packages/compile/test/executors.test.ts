// The contract of executors, on every one that works here.
import { eagerExecutor, inspectBackends } from "@noisereel/core";
import { describeExecutor } from "@noisereel/testing";
import { describe, it } from "vitest";
import { onnxExecutor } from "../src/index.js";

const runner = { describe, it };
const backends = await inspectBackends();

describeExecutor("eager on cpu", eagerExecutor, runner);
for (const { name, available, detail } of backends) {
  // wasm has no gradients.
  if (name === "cpu" || name === "wasm") continue;
  const skip = available ? undefined : detail;
  if (skip !== undefined) console.warn(`eager on ${name} is not tested: ${skip}`);
  describeExecutor(`eager on ${name}`, eagerExecutor, { ...runner, backend: name, skip, tolerance: 1e-4 });
}

describeExecutor("onnx on cpu", () => onnxExecutor({ threads: 1, spinning: false }), runner);
