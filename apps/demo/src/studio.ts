// The studio as a whole: a run, a queue, a folder for clips, and a server in front of them.
import { serve } from "@hono/node-server";
import { ConfigError } from "@noisereel/core";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import os from "node:os";
import path from "node:path";
import { studioApp } from "./app.js";
import { generate } from "./generate.js";
import { JobQueue } from "./job-queue.js";
import type { RunSource } from "./run-source.js";

export interface StudioOptions {
  readonly source: RunSource;
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The built page. */
  readonly clientFolder: string;
}

export interface RunningStudio {
  readonly url: string;
  /** Stops jobs and server and removes the clips of the session. */
  close(): Promise<void>;
}

export async function startStudio(options: StudioOptions): Promise<RunningStudio> {
  const { source, port, clientFolder } = options;
  const jobsFolder = await mkdtemp(path.join(os.tmpdir(), "noisereel-studio-"));
  const queue = new JobQueue({
    work: generate({ run: () => source.open(), folder: jobsFolder }),
    onRemove: (id) => void rm(path.join(jobsFolder, id), { recursive: true, force: true }),
  });
  const app = studioApp({ queue, describe: () => source.describe(), jobsFolder, clientFolder });
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }) as Server & { closeAllConnections(): void };
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is used by another program" : `cannot be used (${error.code})`;
      reject(new ConfigError(`port ${port} ${why}; choose another with --port`, { cause: error }));
    });
  }).catch(async (error: unknown) => {
    await rm(jobsFolder, { recursive: true, force: true });
    throw error;
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      await queue.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await source.close();
      await rm(jobsFolder, { recursive: true, force: true });
    },
  };
}
