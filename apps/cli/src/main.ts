#!/usr/bin/env node
// The `noisereel` command. It ends by itself when its work is done, so that no write is cut off.
import process from "node:process";
import { runCommandLine } from "./command-line.js";
import { loadRecipes } from "./context.js";
import { exitCodes } from "./errors.js";
import { interruptible } from "./interrupt.js";
import { runSelf } from "./run-self.js";
import { processTerminal } from "./terminal.js";

const terminal = processTerminal(process);
const { signal, dispose } = interruptible({
  process,
  onFirst: () => terminal.note("\nStopping at the next safe point; press Ctrl-C again to stop at once."),
  onSecond: () => process.exit(exitCodes.interrupted),
});
// In the repository the command is run by npm.
const invokedAs = process.env["npm_lifecycle_event"] === undefined ? "noisereel" : "npm run noisereel --";
process.exitCode = await runCommandLine(process.argv.slice(2), { terminal, signal, invokedAs, runSelf, loadRecipes });
dispose();
