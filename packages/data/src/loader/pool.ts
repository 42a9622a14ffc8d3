// Threads that load clips. They keep the process alive only while something was asked of them.
import { Worker } from "node:worker_threads";
import { ClipError, ConfigError, type Example, type JsonValue, NoisereelError, type Rng } from "@noisereel/core";
import type { Bucket } from "../buckets/bucket.js";
import type { WorkerReply, WorkerRequest, WorkerSetup } from "./messages.js";

export interface WorkerOptions {
  /** Threads; 0 loads in this one. */
  readonly count: number;
  /**
   * A module that exports `createPipeline(data)`, which returns `{ source, transform?, bucketTransform?, stills? }`: the same
   * that this loader has, made once more in each thread.
   */
  readonly module: URL | string;
  /** Given to `createPipeline`. Default null. */
  readonly data?: JsonValue | undefined;
  /** Flags of node for the threads. Default: those of this process. */
  readonly execArgv?: readonly string[] | undefined;
}

export interface WorkerPool {
  load(
    item: { readonly index: number; readonly bucket: Bucket | undefined; readonly draws: Rng },
    signal: AbortSignal | undefined,
  ): Promise<Example>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (example: Example) => void;
  readonly reject: (error: unknown) => void;
}
interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

/** The file beside this one: sources when running from sources, built otherwise. */
const workerFile = (): URL => new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** Starts threads when they are first needed. A thread that dies fails what was asked of it and is started anew. */
export function workerPool(options: WorkerOptions): WorkerPool {
  const { count, module, data = null, execArgv } = options;
  if (!Number.isInteger(count) || count < 1) throw new ConfigError(`workers.count is ${count}; use an integer from 0`);
  const url = new URL(String(module), import.meta.url).href;
  if (!(module instanceof URL) && !/^[a-z]+:/i.test(module)) {
    throw new ConfigError(
      `workers.module is ${module}; give new URL("./${module.replace(/^\.\//, "")}", import.meta.url)`,
    );
  }
  const threads: (Thread | undefined)[] = Array.from({ length: count }, () => undefined);
  let nextId = 0;

  const start = (place: number): Thread => {
    const workerData: WorkerSetup = { module: url, data };
    const worker = new Worker(workerFile(), {
      workerData,
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    });
    const thread: Thread = { worker, pending: new Map() };
    threads[place] = thread;
    worker.unref();
    worker.on("message", (reply: WorkerReply) => {
      const waiting = thread.pending.get(reply.id);
      thread.pending.delete(reply.id);
      if (thread.pending.size === 0) worker.unref();
      if (waiting === undefined) return; // given up by an abort
      if ("example" in reply) waiting.resolve(reply.example);
      else waiting.reject(errorOf(reply));
    });
    const died = (reason: string): void => {
      if (threads[place] === thread) threads[place] = undefined;
      for (const { reject } of thread.pending.values()) reject(new NoisereelError(`a loading thread ended: ${reason}`));
      thread.pending.clear();
    };
    worker.on("error", (error) => died(error.message));
    worker.on("exit", (code) => died(`exit code ${code}`));
    return thread;
  };

  return {
    load({ index, bucket, draws }, signal) {
      signal?.throwIfAborted();
      const place = threads.reduce(
        (best, thread, i) => ((thread?.pending.size ?? 0) < (threads[best]?.pending.size ?? 0) ? i : best),
        0,
      );
      const thread = threads[place] ?? start(place);
      const id = nextId++;
      const request: WorkerRequest = { id, index, bucket, draws: draws.state() };
      return new Promise<Example>((resolve, reject) => {
        const onAbort = (): void => {
          thread.pending.delete(id);
          if (thread.pending.size === 0) thread.worker.unref();
          reject(signal!.reason);
        };
        const settle = (done: () => void): void => {
          signal?.removeEventListener("abort", onAbort);
          done();
        };
        thread.pending.set(id, {
          resolve: (example) => settle(() => resolve(example)),
          reject: (error) => settle(() => reject(error)),
        });
        signal?.addEventListener("abort", onAbort, { once: true });
        thread.worker.ref();
        thread.worker.postMessage(request, []); // the list of what is transferred, not copied
      });
    },
    async close() {
      const running = threads.splice(0, count, ...Array.from({ length: count }, () => undefined));
      // Threads let a process end that has nothing else to do: not before they are gone, or what comes after is never run.
      const alive = setInterval(() => undefined, 1000);
      try {
        await Promise.all(running.map(async (thread) => thread?.worker.terminate()));
      } finally {
        clearInterval(alive);
      }
    },
  };
}

function errorOf(reply: Exclude<WorkerReply, { readonly example: Example }>): Error {
  const { kind, message, clipId, path, stack } = reply;
  const cause = stack === undefined ? undefined : new Error(`in a loading thread: ${stack}`);
  if (kind === "clip") {
    return new ClipError(message, {
      ...(clipId === undefined ? {} : { id: clipId }),
      ...(path === undefined ? {} : { path }),
      cause,
    });
  }
  return kind === "config" ? new ConfigError(message, { cause }) : new NoisereelError(message, { cause });
}
