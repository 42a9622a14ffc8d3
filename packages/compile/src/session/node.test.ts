import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../index.js";
import type { OrtModule } from "../index.js";
import { openNodeDevice } from "./node.js";

beforeAll(() => tf.setBackend("cpu"));
afterEach(() => vi.doUnmock("onnxruntime-node"));

/** A runtime that lists these backends and cannot open any. */
function runtime(bundled: Record<string, boolean>, message = "refused"): OrtModule {
  return {
    InferenceSession: { create: () => Promise.reject(new Error(message)) },
    Tensor: undefined,
    env: {},
    listSupportedBackends: () => Object.entries(bundled).map(([name, value]) => ({ name, bundled: value })),
  };
}

const negate = ({ x }: Readonly<Record<string, tf.Tensor>>) => ({ y: tf.neg(x!) });

describe("providers in Node", () => {
  it("that are not in the installation are an error that lists the others", async () => {
    const compiled = compile(negate, { provider: "cuda", runtime: runtime({ cpu: true, webgpu: true, cuda: false }) });
    await expect(compiled.run({ x: tf.scalar(1) })).rejects.toThrow(
      /provider is "cuda", but .* does not include its library; it lists cpu, webgpu\. Reinstall .*cuda12/,
    );
    await expect(openNodeDevice({ provider: "webgpu", runtime: runtime({ cpu: true }) })).rejects.toThrow(
      /provider is "webgpu", but this ONNX Runtime does not know it; it lists cpu\. Use one of those/,
    );
  });

  it.each([
    ["webgpu", "Failed to get a WebGPU adapter: No supported adapters", /needs a Vulkan driver/],
    ["webgpu", "fallback to CPU EP has been explicitly disabled by the user", /lacks an operation.*fallback: "allow"/],
    ["webgpu", "Program Transpose requires f16 but the device does not support it.", /Use precision: "float32"/],
    ["cuda", "Failed to load libcudart.so.12", /needs NVIDIA's CUDA 12/],
  ] as const)("say what to do when %s answers: %s", async (provider, message, remedy) => {
    const compiled = compile(negate, { provider, runtime: runtime({ [provider]: true }, message), name: "negate" });
    const run = compiled.run({ x: tf.scalar(1) });
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toThrow(remedy);
    await expect(run).rejects.toThrow(`"negate" cannot be prepared for the ${provider} provider`);
  });

  it("say which package to install when there is none", async () => {
    vi.doMock("onnxruntime-node", () => {
      throw new Error("Cannot find package 'onnxruntime-node'");
    });
    await expect(openNodeDevice({})).rejects.toThrow(/npm install onnxruntime-node.*runtime: await import/);
  });
});
