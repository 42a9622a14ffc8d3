// ONNX Runtime in browsers.
import { CompileError } from "../errors.js";
import { Device } from "./device.js";
import type { DeviceOptions } from "./device.js";
import type { OrtModule } from "./runtime.js";

/** Providers that ONNX Runtime has in browsers. */
export type WebProvider = "wasm" | "webgpu";

/** Opens a provider of onnxruntime-web. Throws `CompileError` when it is not there. */
export async function openWebDevice(options: DeviceOptions<WebProvider>): Promise<Device> {
  const { provider = "wasm", fallback, precision, profile } = options;
  if (options.threads !== undefined || options.spinning !== undefined) {
    throw new CompileError(
      `In browsers, threads and spinning are set for the whole runtime: leave them out, and set ort.env.wasm.numThreads before the first run.`,
    );
  }
  if (provider === "webgpu" && (typeof navigator === "undefined" || !("gpu" in navigator))) {
    throw new CompileError(
      `provider is "webgpu", but this browser has no navigator.gpu (it needs a secure context, and a browser with WebGPU switched on). Use "wasm".`,
    );
  }
  return new Device({
    ort: options.runtime ?? (await installed()),
    provider,
    fallback,
    precision,
    profile,
    preallocates: false,
    exclusive: true,
  });
}

async function installed(): Promise<OrtModule> {
  try {
    return await import("onnxruntime-web");
  } catch (cause) {
    throw new CompileError(
      `onnxruntime-web cannot be loaded (${cause instanceof Error ? cause.message : String(cause)}). ` +
        `Install it with "npm install onnxruntime-web", or pass another ONNX Runtime as runtime.`,
      { cause },
    );
  }
}
