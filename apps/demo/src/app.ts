// The routes of the studio.
import { ConfigError, NoisereelError } from "@noisereel/core";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { streamSSE } from "hono/streaming";
import path from "node:path";
import type { JobQueue } from "./job-queue.js";
import type { Job, Problem, Studio, StudioEvents } from "./protocol.js";
import { readParameters } from "./request.js";

export interface StudioAppOptions {
  readonly queue: JobQueue;
  readonly describe: () => Promise<Studio>;
  /** Where the folders of jobs are. */
  readonly jobsFolder: string;
  /** The built page. */
  readonly clientFolder: string;
}

/** Files of a job that the page may ask for. */
const jobFile = /^(?:clip\.(?:mp4|png)|preview-\d+\.webp)$/;

export function studioApp(options: StudioAppOptions): Hono {
  const { queue, jobsFolder, clientFolder } = options;
  const app = new Hono();
  const refuse = (context: Context, status: 400 | 403 | 404 | 409 | 413 | 415 | 500, error: string): Response =>
    context.json({ error } satisfies Problem, status);

  app.onError((error, context) =>
    NoisereelError.isInstance(error)
      ? refuse(context, 400, error.message)
      : refuse(context, 500, `the studio failed: ${error.message}`),
  );
  app.notFound((context) => refuse(context, 404, `there is nothing at ${context.req.path}`));

  // The studio listens on this machine only; a foreign page must not reach it through a name of its own.
  app.use(async (context, next) => {
    const host = new URL(context.req.url).hostname;
    if (!["localhost", "127.0.0.1", "[::1]"].includes(host)) {
      return refuse(context, 403, `the studio answers at localhost, not at ${host}`);
    }
    await next();
  });

  app.get("/api/studio", async (context) => context.json(await options.describe()));

  app.get("/api/events", (context) =>
    streamSSE(context, async (stream) => {
      const send = <Name extends keyof StudioEvents>(event: Name, data: StudioEvents[Name]): Promise<void> =>
        stream.writeSSE({ event, data: JSON.stringify(data) });
      // Writes go out one after the other, in the order of the changes.
      let last = send("jobs", queue.list());
      const stop = queue.listen((change) => {
        last = last.then(() => (change.type === "job" ? send("job", change.job) : send("removed", change.id)));
      });
      await new Promise<void>((resolve) => stream.onAbort(resolve));
      stop();
    }),
  );

  app.post(
    "/api/jobs",
    bodyLimit({ maxSize: 65_536, onError: (context) => refuse(context, 413, "the request is larger than 64 KiB") }),
    async (context) => {
      if (!(context.req.header("content-type") ?? "").startsWith("application/json")) {
        return refuse(context, 415, "send the parameters as application/json");
      }
      const body: unknown = await context.req.json().catch((cause: unknown) => {
        throw new ConfigError("the request is no JSON; send { prompt, seed, … }", { cause });
      });
      const studio = await options.describe();
      if (!studio.ready) return refuse(context, 409, studio.problem);
      return context.json(queue.add(readParameters(body, studio)) satisfies Job, 202);
    },
  );

  app.delete("/api/jobs/:id", (context) => {
    const id = context.req.param("id");
    if (queue.get(id) === undefined) return refuse(context, 404, "there is no such clip any more");
    queue.cancel(id);
    return context.json(queue.get(id)! satisfies Job);
  });

  app.get("/api/jobs/:id/:file", (context, next) => {
    const { id, file } = context.req.param();
    if (queue.get(id) === undefined || !jobFile.test(file)) return next();
    return serveStatic({ path: path.join(jobsFolder, id, file) })(context, next);
  });

  app.get("*", serveStatic({ root: clientFolder }));
  return app;
}
