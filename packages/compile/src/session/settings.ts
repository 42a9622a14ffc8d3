// Which settings of ONNX Runtime each provider needs.

/** Where a graph is computed. "cpu" and "cuda" exist in Node, "wasm" in browsers, "webgpu" in both. */
export type Provider = "cpu" | "cuda" | "wasm" | "webgpu";

/** Numbers that graphs compute with. */
export type Precision = "float32" | "float16";

export interface SettingsOptions {
  readonly provider: Provider;
  /** Threads of one operation; undefined leaves it to the runtime. */
  readonly threads?: number | undefined;
  /** Idle threads spin for a moment instead of sleeping. */
  readonly spinning?: boolean | undefined;
  /** Prefix of the file that a profile of every node is written to. */
  readonly profile?: string | undefined;
  /** Whether nodes that the provider lacks may run on the CPU. */
  readonly fallback: "forbid" | "allow";
  /** Outputs that stay on the device. */
  readonly resident: readonly string[];
  /** Values that the model names as external data. */
  readonly external: readonly ExternalValues[];
  /** Whether memory of tensors is kept for others instead of given back. */
  readonly arena: boolean;
}

export interface ExternalValues {
  /** The location in the model. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** Optimizers of ONNX Runtime that do harm. */
function unwanted(provider: string): string {
  return [
    // Copies all frames of a clip at once where they are wanted one after another.
    "GatherSliceToSplitFusion",
    // Fuses LayerNormalization with the Add before it and loses the statistics that its gradient reads.
    ...(provider === "webgpu" ? ["SkipLayerNormFusion"] : []),
  ].join(";");
}

/** Options for `InferenceSession.create`. */
export function sessionSettings(options: SettingsOptions): object {
  const { provider, threads, spinning, profile, resident, external, arena } = options;
  const gpu = isGpu(provider);
  const session: Record<string, unknown> = {};
  if (spinning !== undefined) session["intra_op"] = { allow_spinning: spinning ? "1" : "0" };
  if (gpu && options.fallback === "forbid") session["disable_cpu_ep_fallback"] = "1";
  return {
    executionProviders: [provider],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    interOpNumThreads: 1,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // A memory pattern is one block as large as all activations together, beside what the first run took: 1.3 to 1.8
    // times the memory (`npm run bench:engine`), and no gain in time.
    enableMemPattern: false,
    ...(arena ? {} : { enableCpuMemArena: false }),
    ...(external.length === 0 ? {} : { externalData: external }),
    logSeverityLevel: 3,
    ...(resident.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, "gpu-buffer"])) }),
    extra: {
      session,
      optimization: { disable_specified_optimizers: unwanted(provider) },
    },
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  };
}

export function isGpu(provider: Provider): boolean {
  return provider === "webgpu" || provider === "cuda";
}
