// Where a command writes: results to standard output, progress and notes to standard error.
import type { Writable } from "node:stream";

export interface Terminal {
  /** One line of a result, on standard output. */
  print(line?: string): void;
  /** One line for whoever watches, on standard error. */
  note(line: string): void;
  /** Standard error itself, for bars. */
  readonly errorStream: Writable & { readonly columns?: number };
  /** True when standard error is a terminal that can redraw a line. */
  readonly interactive: boolean;
}

/** The terminal of this process. A reader that closes the pipe early, like `head`, is no error. */
export function processTerminal(process: NodeJS.Process): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  return {
    print: (line = "") => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
    errorStream: process.stderr,
    interactive: process.stderr.isTTY && process.env["TERM"] !== "dumb",
  };
}
