// ONNX Runtime in Node.
import { availableParallelism } from "node:os";
import { CompileError } from "../errors.js";
import { Device } from "./device.js";
import type { DeviceOptions } from "./device.js";
import type { OrtModule } from "./runtime.js";

/** Providers that ONNX Runtime has in Node. */
export type NodeProvider = "cpu" | "cuda" | "webgpu";

/** Opens a provider of onnxruntime-node. Throws `CompileError` when it is not there, and says what is. */
export async function openNodeDevice(options: DeviceOptions<NodeProvider>): Promise<Device> {
  const { provider = "cpu", threads, spinning, fallback, precision, profile } = options;
  const ort = options.runtime ?? (await installed());
  checkProvider(provider, ort);
  return new Device({
    ort,
    provider,
    threads: threads ?? availableParallelism(),
    spinning: spinning ?? process.env["CI"] === undefined,
    fallback,
    precision,
    profile,
    // onnxruntime-web, which also loads in Node, does not write into tensors that are handed in.
    preallocates: provider !== "webgpu" && ort.listSupportedBackends !== undefined,
    exclusive: ort.listSupportedBackends === undefined,
  });
}

async function installed(): Promise<OrtModule> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new CompileError(
      `onnxruntime-node cannot be loaded (${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}). ` +
        `Install it with "npm install onnxruntime-node", or pass another ONNX Runtime as runtime: await import("onnxruntime-web").`,
      { cause },
    );
  }
}

function checkProvider(provider: NodeProvider, ort: OrtModule): void {
  // onnxruntime-web's own name for the CPU is "wasm", but it takes both.
  const backends = ort.listSupportedBackends?.() ?? [{ name: "cpu", bundled: true }];
  const found = backends.find(({ name }) => name === provider);
  if (found?.bundled === true) return;
  const usable = backends.filter(({ bundled }) => bundled).map(({ name }) => name);
  const reason =
    found === undefined
      ? "this ONNX Runtime does not know it"
      : "this installation of onnxruntime-node does not include its library";
  const remedy =
    provider === "cuda"
      ? `Reinstall with "npm install onnxruntime-node --onnxruntime-node-install=cuda12" on a machine with CUDA 12, or use`
      : "Use";
  throw new CompileError(
    `provider is "${provider}", but ${reason}; it lists ${usable.join(", ")}. ${remedy} one of those.`,
  );
}
