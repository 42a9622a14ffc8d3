// The tfjs backend that computes nothing: its kernels write a graph.
import * as tf from "@tensorflow/tfjs";
import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { CompileError } from "../errors.js";
import { constantSym, foldConstants } from "./fold.js";
import { lowerings } from "./kernels/index.js";
import { refusals } from "./kernels/refusals.js";
import { constantValues } from "./symbol.js";
import type { Sym, TensorType } from "./symbol.js";
import { sameShape } from "./tracer.js";
import type { Tracer } from "./tracer.js";

/** Name under which the backend is registered with tfjs. */
export const TRACE_BACKEND = "noisereel-trace";

type DataId = object;

/** What the kernels of one trace share. */
export interface ActiveTrace {
  readonly tracer: Tracer;
  /** Tensors of other backends that the function used. */
  readonly captured: Map<DataId, Sym>;
  /** How messages call a symbol: an input's name, or the kernel that computed it. */
  readonly origins: WeakMap<Sym, string>;
}

interface StoredData {
  readonly sym: Sym;
  readonly trace: ActiveTrace | undefined;
  references: number;
}

export class TraceBackend extends tf.KernelBackend {
  active: ActiveTrace | undefined;
  private readonly stored = new Map<DataId, StoredData>();

  /** A data id for a symbol of the active trace. */
  store(sym: Sym): DataId {
    const id = {};
    this.stored.set(id, { sym, trace: this.active, references: 1 });
    return id;
  }

  /** The symbol behind a data id; tensors of other backends become constants and stay where they are. */
  symbol(info: TensorInfo): Sym {
    const active = this.current();
    const own = this.stored.get(info.dataId);
    if (own !== undefined) {
      if (own.trace !== active && own.sym.source.kind === "edge") {
        throw new CompileError(
          "A tensor that was kept while another function was compiled has no value. Return it from that function instead of keeping it.",
        );
      }
      return own.sym;
    }
    const known = active.captured.get(info.dataId);
    if (known !== undefined) {
      // The same data may be seen through another shape.
      return sameShape(known.shape, info.shape) ? known : active.tracer.reshape(known, info.shape);
    }
    const sym = this.capture(info);
    active.captured.set(info.dataId, sym);
    return sym;
  }

  private capture(info: TensorInfo): Sym {
    const dtype = tensorType(info.dtype, "A tensor from outside the function");
    if (!tf.engine().state.tensorInfo.has(info.dataId)) {
      throw new CompileError(
        `A tensor of shape [${info.shape.join()}] is used after it was disposed. Inside tf.customGrad, pass what the gradient needs to save(): tf.tidy disposes the rest.`,
      );
    }
    try {
      return constantSym(info.shape, dtype, tf.engine().readSync(info.dataId) as Float32Array);
    } catch (cause) {
      throw new CompileError(
        `A tensor of shape [${info.shape.join()}] from outside the function cannot be read synchronously to become a constant. Pass it as an input, or make it a tf.Variable.`,
        { cause },
      );
    }
  }

  current(): ActiveTrace {
    if (this.active === undefined) {
      throw new CompileError(
        "A tensor made inside a compiled function was used outside of it, where it has no value. Return it from the function.",
      );
    }
    return this.active;
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: DataType): DataId {
    const type = tensorType(dtype, "A tensor made inside the function");
    return this.store(constantSym(shape, type, values as unknown as ArrayLike<number>));
  }

  override readSync(dataId: DataId): tf.backend_util.BackendValues {
    const stored = this.stored.get(dataId);
    const values = stored && constantValues(stored.sym);
    if (values !== undefined) return values;
    const origin = (stored && this.active?.origins.get(stored.sym)) ?? "a computed tensor";
    throw new CompileError(
      `The compiled function reads the values of ${origin}, which has none while the function is traced. ` +
        "Compute with the tensor instead (tf.where in place of if), return it and read it after run(), or pass the number in as an input.",
      { tensor: origin },
    );
  }

  override read(dataId: DataId): Promise<tf.backend_util.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const stored = this.stored.get(dataId);
    if (stored === undefined) return true;
    stored.references--;
    if (!force && stored.references > 0) return false;
    this.stored.delete(dataId);
    return true;
  }

  override incRef(dataId: DataId): void {
    const stored = this.stored.get(dataId);
    if (stored !== undefined) stored.references++;
  }

  override refCount(dataId: DataId): number {
    return this.stored.get(dataId)?.references ?? 0;
  }

  override numDataIds(): number {
    return this.stored.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {
    this.stored.clear();
  }
}

/** The element types that can be compiled. */
export function tensorType(dtype: DataType, what: string): TensorType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new CompileError(`${what} is ${dtype}; only float32, int32 and bool can be compiled. Convert it beforehand.`);
}

/** The backend, registered with its kernels on first use. */
export function traceBackend(): TraceBackend {
  const existing = tf.findBackend(TRACE_BACKEND);
  if (existing instanceof TraceBackend) return existing;
  // Priority 0: tfjs must never choose it by itself.
  tf.registerBackend(TRACE_BACKEND, () => new TraceBackend(), 0);
  const backend = tf.findBackend(TRACE_BACKEND);
  if (!(backend instanceof TraceBackend)) {
    throw new CompileError(`Another copy of @noisereel/compile has registered the tfjs backend "${TRACE_BACKEND}".`);
  }
  for (const kernelName of kernelNames()) registerKernel(backend, kernelName);
  return backend;
}

/** Every kernel tfjs can name, and the fused ones of the nn.* protocol. */
export function kernelNames(): string[] {
  const known = Object.entries(tf)
    .filter(([name, value]) => /^_?[A-Z]/.test(name) && typeof value === "string" && /^_?[A-Z]/.test(value))
    .map(([, value]) => value as unknown as string);
  return [...new Set([...known, ...Object.keys(lowerings)])].toSorted();
}

function registerKernel(backend: TraceBackend, kernelName: string): void {
  const lowering = lowerings[kernelName];
  tf.registerKernel({
    kernelName,
    backendName: TRACE_BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const attributes = attrs ?? {};
      const { tracer, origins } = backend.current();
      if (lowering === undefined) {
        throw new CompileError(
          `The tfjs kernel "${kernelName}" cannot be compiled: ${refusals[kernelName] ?? "it has no lowering"}. ` +
            "Compute this part outside the compiled function and pass the result in as an input, or write it with other ops.",
          { kernel: kernelName },
        );
      }
      const symbols: Record<string, Sym> = {};
      for (const [name, info] of Object.entries(inputs)) {
        // Optional inputs arrive as null.
        if (info !== undefined && info !== null) symbols[name] = backend.symbol(info);
      }
      const result = run(kernelName, () => {
        const named = Array.isArray(inputs) ? Object.values(symbols) : symbols;
        return (
          foldConstants(kernelName, named as Record<string, Sym>, attributes) ?? lowering(tracer, symbols, attributes)
        );
      });
      const infos = (Array.isArray(result) ? result : [result]).map((sym): TensorInfo => {
        if (!origins.has(sym)) origins.set(sym, `the result of ${kernelName}`);
        return { dataId: backend.store(sym), shape: [...sym.shape], dtype: sym.dtype };
      });
      return Array.isArray(result) ? infos : infos[0]!;
    },
  });
}

function run<T>(kernelName: string, lower: () => T): T {
  try {
    return lower();
  } catch (cause) {
    if (CompileError.isInstance(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CompileError(`The tfjs kernel "${kernelName}" cannot be compiled here: ${reason}`, {
      kernel: kernelName,
      cause,
    });
  }
}
