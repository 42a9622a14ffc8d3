// A runtime and a provider: what sessions are made with.
import { CompileError } from "../errors.js";
import type { TensorType } from "../trace/symbol.js";
import { wrapValues } from "./runtime.js";
import type { HostArray, OrtModule, OrtSession, OrtTensor } from "./runtime.js";
import { isGpu, sessionSettings } from "./settings.js";
import type { ExternalValues, Precision, Provider } from "./settings.js";

export interface DeviceOptions<Name extends Provider = Provider> {
  /** Where graphs are computed. */
  readonly provider?: Name | undefined;
  /** The ONNX Runtime to use, as `import * as ort from "..."` gives it. Default: the installed one. */
  readonly runtime?: OrtModule | undefined;
  /** Threads of one operation. Default: all cores. */
  readonly threads?: number | undefined;
  /** Whether idle threads spin. Default: yes, but not on CI. */
  readonly spinning?: boolean | undefined;
  /**
   * What happens to operations that a GPU provider lacks: "forbid" (default) is an error, "allow" computes them on the
   * CPU, which copies their tensors back and forth.
   */
  readonly fallback?: "forbid" | "allow" | undefined;
  /**
   * "float16" stores weights and computes matrix products and convolutions with 16 bits, and norms, attention, reductions
   * and residual sums with 32: less memory and time on GPUs, about three decimal digits. For inference only. Default
   * "float32".
   */
  readonly precision?: Precision | undefined;
  /** Prefix of the path where ONNX Runtime writes a profile when the executable is disposed. */
  readonly profile?: string | undefined;
}

export interface DeviceSpec {
  readonly ort: OrtModule;
  readonly provider: Provider;
  readonly threads?: number | undefined;
  readonly spinning?: boolean | undefined;
  readonly fallback?: "forbid" | "allow" | undefined;
  readonly precision?: Precision | undefined;
  readonly profile?: string | undefined;
  /** Outputs can be written into tensors that are handed in. */
  readonly preallocates: boolean;
  /** The runtime can run one session at a time only. */
  readonly exclusive: boolean;
}

/** The last call of each runtime that takes one at a time. */
const turns = new WeakMap<OrtModule, Promise<unknown>>();

export class Device {
  constructor(private readonly spec: DeviceSpec) {
    const { precision = "float32", provider } = spec;
    if (precision === "float16" && !isGpu(provider)) {
      throw new CompileError(
        `precision is "float16", but the ${provider} provider computes with 32 bits in any case. Use "float32", or provider: "webgpu".`,
      );
    }
  }

  get precision(): Precision {
    return this.spec.precision ?? "float32";
  }

  get provider(): Provider {
    return this.spec.provider;
  }

  /** Outputs can be written into tensors that are handed in. */
  get preallocates(): boolean {
    return this.spec.preallocates;
  }

  /** True when tensors of this type can stay on the device between runs. WebGPU has no booleans in its buffers. */
  keeps(dtype: TensorType): boolean {
    return this.spec.ort.keepsOutputs === true || (this.provider === "webgpu" && dtype !== "bool");
  }

  /** Wraps values without copying them. */
  wrap(dtype: TensorType, values: HostArray, shape: readonly number[]): OrtTensor {
    return wrapValues(this.spec.ort, dtype, values, shape);
  }

  /** A session for a model. Outputs named in `resident` stay on the device. */
  async open(
    model: Uint8Array,
    options: {
      readonly name: string;
      readonly resident?: readonly string[];
      /** Values of constants that the model only names. They are read while the session is made. */
      readonly external?: readonly ExternalValues[];
      /** Whether memory of tensors is kept for others. Default true. */
      readonly arena?: boolean;
    },
  ): Promise<OrtSession> {
    const { ort, fallback = "forbid", ...spec } = this.spec;
    const settings = sessionSettings({
      ...spec,
      fallback,
      resident: options.resident ?? [],
      external: options.external ?? [],
      arena: options.arena ?? true,
    });
    try {
      return await this.inTurn(async () => (await ort.InferenceSession.create(model, settings)) as OrtSession);
    } catch (cause) {
      throw this.explain(`"${options.name}" cannot be prepared for the ${this.provider} provider`, cause);
    }
  }

  async run(
    session: OrtSession,
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Readonly<Record<string, OrtTensor>>> {
    try {
      return await this.inTurn(() => session.run(feeds, fetches));
    } catch (cause) {
      throw this.explain(`A run on the ${this.provider} provider failed`, cause);
    }
  }

  release(session: OrtSession): Promise<void> {
    return this.inTurn(() => session.release());
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (!this.spec.exclusive) return work();
    const { ort } = this.spec;
    const result = (turns.get(ort) ?? Promise.resolve()).then(work);
    turns.set(
      ort,
      result.catch(() => undefined),
    );
    return result;
  }

  /** What ONNX Runtime said, and what to do about it. */
  private explain(what: string, cause: unknown): CompileError {
    const said = cause instanceof Error ? cause.message : String(cause);
    const { provider } = this.spec;
    let remedy = "";
    if (/fallback to CPU EP has been explicitly disabled/.test(said)) {
      remedy = ` The ${provider} provider lacks an operation of this graph. Pass fallback: "allow" to compute it on the CPU, or use another provider.`;
    } else if (/requires f16/.test(said)) {
      remedy = ` This GPU or its driver has no 16-bit shader arithmetic. Use precision: "float32".`;
    } else if (/adapter/i.test(said)) {
      remedy = ` There is no GPU that WebGPU can use; in Node on Linux it needs a Vulkan driver and libvulkan.so.1. Use another provider.`;
    } else if (provider === "cuda" && /libcu|cudnn|providers_cuda|driver/i.test(said)) {
      remedy = ` The cuda provider needs NVIDIA's CUDA 12 and cuDNN 9 libraries on the library path. Use another provider.`;
    }
    return new CompileError(`${what}: ${said}${remedy}`, { cause });
  }
}
