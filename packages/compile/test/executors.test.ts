// The contract of executors, on every one that works here.
import { eagerExecutor, inspectBackends } from "@noisereel/core";
import { describeExecutor } from "@noisereel/testing";
import * as ortWeb from "onnxruntime-web";
import { describe, it } from "vitest";
import { onnxExecutor, workerRuntime } from "../src/index.js";
import { whyNot } from "./providers.js";

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

ortWeb.env.wasm.numThreads = 1;
describeExecutor("onnx by onnxruntime-web in Node", () => onnxExecutor({ runtime: ortWeb }), runner);

const inThread = workerRuntime({ execArgv: ["--import", new URL("register-tsx.mjs", import.meta.url).href] });
describeExecutor("onnx in a thread", () => onnxExecutor({ runtime: inThread, threads: 1, spinning: false }), runner);

for (const provider of ["webgpu", "cuda"] as const) {
  const reason = await whyNot(provider);
  if (reason !== undefined) console.warn(`onnx on ${provider} is not tested: ${reason}`);
  // A GPU's shaders may contract products and sums: more rounding than on the CPU.
  describeExecutor(`onnx on ${provider}`, () => onnxExecutor({ provider }), {
    ...runner,
    skip: reason,
    tolerance: 1e-4,
  });
}
