// npm run demo: serves the studio on this machine.
import { ConfigError, NoisereelError } from "@noisereel/core";
import { openRun } from "@noisereel/recipes";
import * as tf from "@tensorflow/tfjs";
import process from "node:process";
import { parseArgs } from "node:util";
import { clientFolders, ensureClient } from "./client-build.js";
import { runSource } from "./run-source.js";
import { startStudio } from "./studio.js";

const help = `Usage: npm run demo -- [options]

Serves a page on this machine where prompts become clips, with the latest run in runs/.

Options:
  --port <number>  TCP port on 127.0.0.1 (default: 5173)
  --run <folder>   folder of the run (default: the latest in runs/)
  -h, --help       shows this help`;

tf.enableProdMode(); // tfjs prints no advice about itself
await main(process.argv.slice(2)).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`error: ${message}`);
  if (!NoisereelError.isInstance(error) && error instanceof Error) console.error(error.stack);
  process.exitCode ??= 1;
});

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    console.log(help);
    return;
  }
  if (await ensureClient()) console.log("The page was built.");
  const source = runSource({ openRun, ...(options.run === undefined ? {} : { folder: options.run }) });
  const studio = await startStudio({ source, port: options.port, clientFolder: clientFolders.built });
  const state = await source.describe();
  console.log(state.ready ? `run ${state.run}` : state.problem);
  console.log(`The studio is at ${studio.url} (Ctrl-C stops it)`);
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      void studio.close();
    });
  }
}

function readOptions(args: readonly string[]): { port: number; run: string | undefined; help: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "5173" },
        run: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const port = Number(values.port);
    if (!/^\d+$/.test(values.port) || port > 65_535) {
      throw new ConfigError(`--port is ${values.port}; use an integer from 0 to 65535`);
    }
    return { port, run: values.run, help: values.help };
  } catch (cause) {
    process.exitCode = 2;
    throw NoisereelError.isInstance(cause) ? cause : new ConfigError((cause as Error).message, { cause });
  }
}
