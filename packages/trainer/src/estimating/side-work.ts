// What a run takes beside its steps: each work is done a few times, and multiplied.
import type { SideWork, TrainerPlugin, TrainRun } from "@noisereel/core";

export interface SideWorkEstimate {
  /** E.g. "samples". */
  readonly name: string;
  /** How often the run does it; undefined when nobody says. */
  readonly times: number | undefined;
  /** Of all times together; undefined when it was not measured. */
  readonly seconds: number | undefined;
  /** Why it was not measured. */
  readonly reason?: string | undefined;
}

export interface TimeSideWorkOptions {
  /** One step of training, as lies between two works of a run: it changes the weights that a sample or a checkpoint reads. */
  step(): Promise<void>;
  /** What the works get, with this signal. */
  run(signal: AbortSignal): TrainRun;
  readonly signal?: AbortSignal | undefined;
  /** Seconds after which a work is stopped and counts as not measured. */
  readonly limitSeconds: number;
  /** In seconds. */
  now(this: void): number;
}

/** Rounds after which there are none because they took this long together, and at most so many. */
const [enoughSeconds, mostRounds] = [2, 5];

/**
 * Times every work and returns what the run will spend on it: the first time, which compiles, and the mean of the others
 * for all the rest. Each round does a step of training and then every work that the run does once more. There are two rounds,
 * and up to five while they are short.
 */
export async function timeSideWork(
  works: readonly SideWork[],
  options: TimeSideWorkOptions,
): Promise<readonly SideWorkEstimate[]> {
  const { signal, limitSeconds, now } = options;
  const timed = works.map((work) => ({ work, seconds: [] as number[], stopped: false }));
  const started = now();
  try {
    for (let round = 0; round < mostRounds; round++) {
      const pending = timed.filter(({ work, stopped }) => !stopped && work.times > round);
      if (pending.length === 0 || (round > 1 && now() - started > enoughSeconds)) break;
      await options.step();
      for (const one of pending) {
        signal?.throwIfAborted();
        const limit = limitOf(limitSeconds, signal);
        const before = now();
        try {
          await one.work.once(options.run(limit.signal));
          // A work may also end early without a word.
          if (limit.signal.aborted) one.stopped = true;
          else one.seconds.push(now() - before);
        } catch (error) {
          if (!limit.reached()) throw error;
          one.stopped = true;
        } finally {
          limit.clear();
        }
      }
    }
  } finally {
    for (const { work } of timed) await work.dispose?.();
  }
  signal?.throwIfAborted();
  return timed.map(({ work: { name, times }, seconds: [first, ...more] }) => {
    if (times === 0) return { name, times, seconds: 0 };
    if (first === undefined) {
      return { name, times, seconds: undefined, reason: `stopped after ${limitSeconds} seconds of the first time` };
    }
    const again = more.length === 0 ? first : more.reduce((sum, value) => sum + value) / more.length;
    return { name, times, seconds: first + (times - 1) * again };
  });
}

/** What the plugins say, and those that say nothing. */
export function sideWorkOf(
  plugins: readonly TrainerPlugin[],
  totalSteps: number,
): { readonly works: readonly SideWork[]; readonly unknown: readonly SideWorkEstimate[] } {
  return {
    works: plugins.flatMap((plugin) => plugin.sideWork?.(totalSteps) ?? []),
    unknown: plugins
      .filter((plugin) => plugin.sideWork === undefined)
      .map(({ name }) => ({ name, times: undefined, seconds: undefined, reason: "the plugin has no sideWork()" })),
  };
}

/** Works of one name as one, in the order of their first; not measured when one of them was not. */
export function addUp(estimates: readonly SideWorkEstimate[]): readonly SideWorkEstimate[] {
  const plus = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a + b;
  const found = new Map<string, SideWorkEstimate>();
  for (const one of estimates) {
    const before = found.get(one.name);
    const reason = before?.reason ?? one.reason;
    found.set(one.name, {
      name: one.name,
      times: before === undefined ? one.times : plus(before.times, one.times),
      seconds: before === undefined ? one.seconds : plus(before.seconds, one.seconds),
      ...(reason === undefined ? {} : { reason }),
    });
  }
  return [...found.values()];
}

/** How often something happens in `totalSteps` steps that happens after every `steps` of them and after the last. */
export function timesEvery(totalSteps: number, steps: number): number {
  return Math.ceil(totalSteps / steps);
}

/** A signal that also aborts after some seconds. */
function limitOf(seconds: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = (): void => controller.abort(outer?.reason);
  outer?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => controller.abort(), seconds * 1000);
  return {
    signal: controller.signal,
    reached: () => controller.signal.aborted && outer?.aborted !== true,
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
}
