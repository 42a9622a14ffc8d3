// Jobs in order of arrival, one at a time: a second one beside it would only slow both down.
import { ConfigError, NoisereelError } from "@noisereel/core";
import { randomUUID } from "node:crypto";
import type { Job, Parameters } from "./protocol.js";

/** What the work of a job may tell while it runs. */
export type JobUpdate = Partial<Pick<Job, "step" | "etaSeconds" | "preview">>;

/** Makes one clip. Rejects with the signal's reason when it is cancelled. */
export type JobWork = (
  job: Job,
  options: { readonly signal: AbortSignal; readonly update: (update: JobUpdate) => void },
) => Promise<NonNullable<Job["result"]>>;

export type JobListener = (
  event: { readonly type: "job"; readonly job: Job } | { readonly type: "removed"; readonly id: string },
) => void;

export interface JobQueueOptions {
  readonly work: JobWork;
  /** Called when a job is forgotten, to remove its files. */
  readonly onRemove?: (id: string) => void;
  /** Waiting jobs; more are refused. Default 8. */
  readonly maxWaiting?: number;
  /** Finished jobs that are remembered. Default 40. */
  readonly maxFinished?: number;
}

const isOver = (job: Job): boolean => job.status !== "queued" && job.status !== "running";

export class JobQueue {
  readonly #options: JobQueueOptions;
  /** In order of arrival. */
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<JobListener>();
  #running: { readonly id: string; readonly controller: AbortController; readonly over: Promise<void> } | undefined;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  /** All jobs, oldest first. */
  list(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Puts a job at the end of the queue. Throws `ConfigError` when that is full. */
  add(parameters: Parameters): Job {
    const { maxWaiting = 8 } = this.#options;
    const waiting = this.list().filter(({ status }) => status === "queued").length;
    if (waiting >= maxWaiting) {
      throw new ConfigError(`${waiting} clips are waiting already; cancel one or try again when one is done`);
    }
    const ahead = waiting + (this.#running === undefined ? 0 : 1);
    const fresh = {
      status: "queued",
      ahead,
      step: 0,
      etaSeconds: null,
      preview: null,
      result: null,
      error: null,
    } as const;
    const job: Job = { id: randomUUID(), parameters, ...fresh };
    this.#set(job);
    this.#next();
    return this.#jobs.get(job.id)!;
  }

  /** Stops a job that waits or runs; a finished one stays as it is. */
  cancel(id: string): void {
    const job = this.#jobs.get(id);
    if (job?.status === "queued") {
      this.#set({ ...job, status: "cancelled", ahead: 0 });
      this.#renumber();
    } else if (this.#running?.id === id) {
      this.#running.controller.abort(new DOMException("cancelled", "AbortError"));
    }
  }

  /** Cancels everything; resolves when nothing runs any more. */
  async close(): Promise<void> {
    for (const { id } of this.list().toReversed()) this.cancel(id);
    await this.#running?.over;
  }

  /** Calls `listener` at every change until the returned function is called. */
  listen(listener: JobListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const job = this.list().find(({ status }) => status === "queued");
    if (job === undefined) return;
    const controller = new AbortController();
    this.#set({ ...job, status: "running", ahead: 0 });
    const over = this.#run(job.id, controller.signal).then(() => {
      this.#running = undefined;
      this.#forget();
      this.#next();
      this.#renumber();
    });
    this.#running = { id: job.id, controller, over };
  }

  async #run(id: string, signal: AbortSignal): Promise<void> {
    const update = (change: Partial<Job>): void => this.#set({ ...this.#jobs.get(id)!, ...change });
    try {
      const result = await this.#options.work(this.#jobs.get(id)!, { signal, update });
      update({ status: "done", result, etaSeconds: null });
    } catch (error) {
      if (signal.aborted) update({ status: "cancelled", etaSeconds: null });
      else update({ status: "failed", error: sentence(error), etaSeconds: null });
    }
  }

  /** Tells waiting jobs how many are before them. */
  #renumber(): void {
    let ahead = this.#running === undefined ? 0 : 1;
    for (const job of this.list()) {
      if (job.status !== "queued") continue;
      if (job.ahead !== ahead) this.#set({ ...job, ahead });
      ahead++;
    }
  }

  /** Drops the oldest finished jobs beyond the limit. */
  #forget(): void {
    const { maxFinished = 40, onRemove } = this.#options;
    const finished = this.list().filter(isOver);
    for (const { id } of finished.slice(0, Math.max(0, finished.length - maxFinished))) {
      this.#jobs.delete(id);
      onRemove?.(id);
      for (const listener of this.#listeners) listener({ type: "removed", id });
    }
  }

  #set(job: Job): void {
    this.#jobs.set(job.id, job);
    for (const listener of this.#listeners) listener({ type: "job", job });
  }
}

function sentence(error: unknown): string {
  if (NoisereelError.isInstance(error)) return (error as Error).message;
  return `it failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`;
}
