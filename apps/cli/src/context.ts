// What every command is given: where to write, when to stop, and the runs, loaded only by commands that need them.
import type { openRun, runQuickstart } from "@noisereel/recipes";
import type { Terminal } from "./terminal.js";

/** The part of `@noisereel/recipes` that commands call. */
export interface Recipes {
  readonly runQuickstart: typeof runQuickstart;
  readonly openRun: typeof openRun;
}

export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** What the user types before a command's name, to be repeated in advice. */
  readonly invokedAs: string;
  /** Runs this command again, in a process of its own, and returns what it prints. Left out, work is done in this process. */
  readonly runSelf?:
    ((args: readonly string[], options: { readonly signal: AbortSignal }) => Promise<string>) | undefined;
  /** Loads tfjs and the recipes: half a second that `--help` does not pay. */
  loadRecipes(): Promise<Recipes>;
}

/** Loads tfjs in its production mode first: otherwise it prints advice about itself. */
export async function loadRecipes(): Promise<Recipes> {
  const tf = await import("@tensorflow/tfjs");
  tf.enableProdMode();
  return import("@noisereel/recipes");
}
