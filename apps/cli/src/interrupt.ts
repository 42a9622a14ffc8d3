// Ctrl-C: the first press asks the work to stop where it can go on later, the second ends the process at once.
import type { EventEmitter } from "node:events";

export interface Interruptible {
  readonly signal: AbortSignal;
  readonly dispose: () => void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

export function interruptible(options: {
  /** Emits SIGINT and SIGTERM. */
  readonly process: EventEmitter;
  readonly onFirst: () => void;
  /** Ends the process. */
  readonly onSecond: () => void;
}): Interruptible {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) return options.onSecond();
    controller.abort(new DOMException("stopped by the user", "AbortError"));
    options.onFirst();
  };
  for (const signal of signals) options.process.on(signal, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of signals) options.process.off(signal, onSignal);
    },
  };
}
