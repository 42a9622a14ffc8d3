// The executor that just calls the function, on whatever tfjs backend is active.
import * as tf from "@tensorflow/tfjs";
import type { Executor } from "./contracts.js";

/** Runs tensor functions as they are. Slow on the `cpu` backend, and the reference for every other executor. */
export function eagerExecutor(): Executor {
  return {
    name: "eager",
    compile: (fn) => ({
      async run(inputs, options) {
        options?.signal?.throwIfAborted();
        return tf.tidy(() => fn(inputs));
      },
      // Variables were assigned directly.
      async sync() {},
      dispose() {},
    }),
  };
}
