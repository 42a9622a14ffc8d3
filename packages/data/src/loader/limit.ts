// At most so many things at a time.
import { ConfigError } from "@noisereel/core";

/** Returns a function that runs tasks, at most `count` at once, first come first served. */
export function limiter(count: number): <Value>(task: () => Promise<Value>) => Promise<Value> {
  if (!Number.isInteger(count) || count < 1) throw new ConfigError(`concurrency is ${count}; use a positive integer`);
  let free = count;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve)); // a finished task hands its place over
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
