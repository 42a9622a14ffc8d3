// Ctrl-C and a scheduler's "stop" as an abort, so that a run saves before it ends.

export interface StopOptions {
  /** Called at the first signal, e.g. to tell the user that the step is being finished. */
  readonly onStop?: (signal: NodeJS.Signals) => void;
}

/**
 * The first SIGINT or SIGTERM aborts `controller`; the second ends the process at once with the signal's usual exit
 * code. Returns a function that stops listening.
 */
export function stopOnSignals(controller: AbortController, options: StopOptions = {}): () => void {
  let asked = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (asked) return process.exit(signal === "SIGINT" ? 130 : 143);
    asked = true;
    options.onStop?.(signal);
    controller.abort(new DOMException(`stopped by ${signal}`, "AbortError"));
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
