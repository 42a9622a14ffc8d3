// An ONNX Runtime whose sessions live in a thread of their own.
import { Worker } from "node:worker_threads";
import { CompileError } from "../errors.js";
import type { TensorType } from "../trace/symbol.js";
import type { HostArray, OrtModule, OrtSession, OrtTensor } from "./runtime.js";
import type { SentTensor, WorkerReply, WorkerRequest } from "./worker-messages.js";

export interface WorkerRuntimeOptions {
  /** Flags of node for the thread. Default: those of this process. */
  readonly execArgv?: readonly string[] | undefined;
}

interface SessionSettings {
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
}

type Question = WorkerRequest extends infer Each ? (Each extends { id: number } ? Omit<Each, "id"> : never) : never;

/**
 * onnxruntime-node in a worker thread, so that runs do not block this one: pass it as `runtime`. Inputs are copied into
 * the thread and results out of it; state stays there between runs. The thread starts with the first session and ends
 * with the last; functions that are compiled with the same runtime share it.
 */
export function workerRuntime(options: WorkerRuntimeOptions = {}): OrtModule {
  const thread = new Thread(options);
  return {
    env: {},
    keepsOutputs: true,
    Tensor: HostTensor,
    InferenceSession: {
      async create(model, settings: SessionSettings = {}): Promise<OrtSession> {
        const { session } = await thread.ask<{ session: number }>({ type: "open", model, settings: trimmed(settings) });
        thread.sessions++;
        return {
          async run(feeds, fetches) {
            const transfer: ArrayBuffer[] = [];
            const sent = Object.fromEntries(
              Object.entries(feeds).map(([name, tensor]) => [name, toSent(tensor, transfer)]),
            );
            const { results } = await thread.ask<{ results: Record<string, SentTensor> }>(
              { type: "run", session, feeds: sent, fetches: Object.keys(fetches) },
              transfer,
            );
            return Object.fromEntries(
              Object.entries(results).map(([name, result]): [string, OrtTensor] => [name, fromSent(result, thread)]),
            );
          },
          async release() {
            await thread.ask({ type: "release", session });
            thread.sessions--;
            await thread.endIfIdle();
          },
          endProfiling() {
            thread.ask({ type: "profile", session }).catch(() => undefined);
          },
        };
      },
    },
  };
}

class HostTensor implements OrtTensor {
  readonly location = "cpu";

  constructor(
    readonly dtype: TensorType,
    readonly data: HostArray,
    readonly dims: readonly number[],
  ) {}

  dispose(): void {}
}

/** A tensor that stays in the thread. */
class KeptTensor implements OrtTensor {
  readonly location = "worker";
  readonly data = undefined;

  constructor(
    readonly handle: number,
    readonly dims: readonly number[],
    private readonly thread: Thread,
  ) {}

  dispose(): void {
    this.thread.tell({ type: "free", handle: this.handle });
  }
}

/** Weights beside the model without the buffers that they are only a part of, which would be sent whole. */
function trimmed(settings: SessionSettings): object {
  const { externalData = [], ...rest } = settings;
  const cut = externalData.map(({ path, data }) => ({
    path,
    data: data.byteLength < data.buffer.byteLength ? data.slice() : data,
  }));
  return { ...rest, ...(cut.length === 0 ? {} : { externalData: cut }) };
}

/** Values are copied here and handed over, so that the caller keeps its own. */
function toSent(tensor: OrtTensor, transfer: ArrayBuffer[]): SentTensor {
  if (tensor instanceof KeptTensor) return { handle: tensor.handle, dims: tensor.dims };
  const { dtype, data, dims } = tensor as HostTensor;
  const values = data.slice();
  transfer.push(values.buffer);
  return { dtype, values, dims };
}

function fromSent(sent: SentTensor, thread: Thread): OrtTensor {
  return "values" in sent
    ? new HostTensor(sent.dtype, sent.values, sent.dims)
    : new KeptTensor(sent.handle, sent.dims, thread);
}

interface Waiting {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** A worker and what it owes. */
interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** The worker, started when it is first asked. It keeps the process alive only while it owes an answer. */
class Thread {
  sessions = 0;
  private running: Running | undefined;
  private lastId = 0;

  constructor(private readonly options: WorkerRuntimeOptions) {}

  ask<Reply>(question: Question, transfer: readonly ArrayBuffer[] = []): Promise<Reply> {
    const { worker, waiting } = (this.running ??= this.start());
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...question, id }, transfer);
    });
  }

  tell(message: Extract<WorkerRequest, { type: "free" }>): void {
    this.running?.worker.postMessage(message, []); // nothing is transferred
  }

  /** Ends the thread when nothing is in it and nothing is on its way. */
  async endIfIdle(): Promise<void> {
    const { running } = this;
    if (running === undefined || this.sessions > 0 || running.waiting.size > 0) return;
    this.running = undefined;
    await running.worker.terminate();
  }

  private start(): Running {
    const { execArgv } = this.options;
    // Sources when running from sources, built otherwise.
    const file = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
    const worker = new Worker(file, execArgv === undefined ? {} : { execArgv: [...execArgv] });
    const waiting = new Map<number, Waiting>();
    const running = { worker, waiting };
    worker.unref();
    worker.on("message", (reply: WorkerReply) => {
      const asked = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) worker.unref();
      if ("error" in reply) asked?.reject(new Error(reply.error));
      else asked?.resolve(reply as never);
    });
    const died = (reason: string): void => {
      if (this.running === running) {
        this.running = undefined;
        this.sessions = 0;
      }
      for (const { reject } of waiting.values()) {
        reject(new CompileError(`The thread with the sessions ended: ${reason}. Compile the functions again.`));
      }
      waiting.clear();
    };
    worker.on("error", (error) => died(error.message));
    worker.on("exit", (code) => died(`exit code ${code}`));
    return running;
  }
}
