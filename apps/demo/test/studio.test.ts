// The real server over HTTP, with a run that paints.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { readVideo } from "@noisereel/data";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Job } from "../src/protocol.js";
import type { RunSource } from "../src/run-source.js";
import { startStudio, type RunningStudio } from "../src/studio.js";
import { fakeRun, type FakeRunOptions, fakeStudio } from "./fake-run.js";

let folder = "";
let studio: RunningStudio;

async function start(options: FakeRunOptions = {}, source?: RunSource): Promise<void> {
  const run = fakeRun(options);
  studio = await startStudio({
    source: source ?? { describe: async () => fakeStudio(run), open: async () => run, close: async () => {} },
    port: 0,
    clientFolder: folder,
  });
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "studio-test-"));
  vi.stubEnv("TMPDIR", folder); // where the studio keeps the clips of its session
  await writeFile(path.join(folder, "index.html"), "<title>the page</title>");
});
afterEach(async () => {
  await studio.close();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const url = (address: string): string => new URL(address, studio.url).href;

async function post(
  body: unknown,
  type = "application/json",
): Promise<{ status: number; answer: Job & { error: string } }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url("/api/jobs"), { method: "POST", headers: { "content-type": type }, body: text });
  return { status: response.status, answer: (await response.json()) as Job & { error: string } };
}

/** Connects like the page; resolves to the jobs' changes, in order, until `last` says that this was the last one. */
async function listen(last: (job: Job) => boolean): Promise<{ readonly jobs: Promise<Job[]> }> {
  const response = await fetch(url("/api/events"));
  return { jobs: readJobs(response.body as unknown as AsyncIterable<Uint8Array>, last) };
}

async function readJobs(body: AsyncIterable<Uint8Array>, last: (job: Job) => boolean): Promise<Job[]> {
  const seen: Job[] = [];
  const decoder = new TextDecoder();
  let buffer = "";
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true });
    const events = buffer.split("\n\n");
    buffer = events.pop()!;
    for (const event of events) {
      if (/^event: job$/m.exec(event) === null) continue;
      const job = JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as Job;
      seen.push(job);
      if (last(job)) return seen;
    }
  }
  return seen;
}

const isOver = (job: Job): boolean => ["done", "failed", "cancelled"].includes(job.status);

it("tells every step in order, shows previews and serves a clip that can be read", async () => {
  await start();
  const events = await listen(isOver);
  const { status, answer } = await post({ prompt: "a disc", seed: 3 });
  expect([status, answer.status]).toEqual([202, "running"]);
  const jobs = await events.jobs;
  expect(jobs.map((job) => job.step)).toEqual(jobs.map((job) => job.step).toSorted((a, b) => a - b));
  expect(new Set(jobs.map(({ step }) => step))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  expect(jobs.find(({ step }) => step === 3)!.etaSeconds).toBeGreaterThanOrEqual(0);
  const { preview, result } = jobs.at(-1)!;
  expect((await fetch(url(preview!))).headers.get("content-type")).toBe("image/webp");
  expect(result).toMatchObject({ kind: "video", seconds: 0.5 });
  const file = path.join(folder, "fetched.mp4");
  await writeFile(file, new Uint8Array(await (await fetch(url(result!.url))).arrayBuffer()));
  expect(await readVideo(file)).toMatchObject({ frames: 9, height: 64, width: 64 });
  const part = await fetch(url(result!.url), { headers: { range: "bytes=0-9" } });
  expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
});

it("gives each job files of its own and queues the second", async () => {
  await start();
  const events = await listen((job) => job.parameters.seed === 2 && isOver(job));
  const first = await post({ prompt: "same", seed: 1 });
  const second = await post({ prompt: "same", seed: 2 });
  expect([second.answer.status, second.answer.ahead]).toEqual(["queued", 1]);
  const jobs = await events.jobs;
  const order = jobs.filter(({ status }) => status !== "queued").map(({ parameters }) => parameters.seed);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  const addresses = [first, second].map(({ answer }) => jobs.findLast(({ id }) => id === answer.id)!.result!.url);
  expect(addresses[0]).not.toBe(addresses[1]);
  const [one, two] = await Promise.all(
    addresses.map(async (it) => Buffer.from(await (await fetch(url(it))).arrayBuffer())),
  );
  expect(one!.equals(two!)).toBe(false);
});

it("makes a picture of one frame", async () => {
  await start();
  const events = await listen(isOver);
  await post({ prompt: "a disc", frames: 1 });
  const { result } = (await events.jobs).at(-1)!;
  expect(result!.kind).toBe("image");
  expect((await fetch(url(result!.url))).headers.get("content-type")).toBe("image/png");
});

it("cancels the running job and goes on with the next", async () => {
  const reached = gate();
  const hold = gate();
  let first = true;
  await start({
    beforeStep: async (index) => {
      if (!first || index < 3) return;
      first = false;
      reached.resolve();
      await hold.promise;
    },
  });
  const events = await listen((job) => job.parameters.seed === 2 && isOver(job));
  const { answer } = await post({ prompt: "x", seed: 1 });
  await post({ prompt: "x", seed: 2 });
  await reached.promise;
  expect((await fetch(url(`/api/jobs/${answer.id}`), { method: "DELETE" })).status).toBe(200);
  hold.resolve();
  const jobs = await events.jobs;
  expect(jobs.findLast(({ id }) => id === answer.id)).toMatchObject({ status: "cancelled", step: 2, result: null });
  expect(jobs.at(-1)!.status).toBe("done");
  expect((await fetch(url("/api/jobs/nobody"), { method: "DELETE" })).status).toBe(404);
});

it("answers bad input with a sentence", async () => {
  await start();
  expect(await post("{not json")).toMatchObject({ status: 400, answer: { error: expect.stringMatching(/no JSON/) } });
  expect(await post({ prompt: "x", frames: 18 })).toMatchObject({
    status: 400,
    answer: { error: expect.stringMatching(/frames is 18/) },
  });
  expect(await post({ prompt: "x" }, "text/plain")).toMatchObject({ status: 415 });
  expect(await post({ prompt: "x".repeat(70_000) })).toMatchObject({ status: 413 });
  expect((await fetch(url("/api/jobs/../../etc/passwd"))).status).toBe(404);
  expect((await fetch(url("/api/jobs/x/clip.mp4"))).status).toBe(404);
});

it("passes the sentence of a failing run on", async () => {
  await start({ fail: new ConfigError("the caption is empty after cleaning; write another") });
  const events = await listen(isOver);
  await post({ prompt: "!" });
  expect((await events.jobs).at(-1)).toMatchObject({
    status: "failed",
    error: "the caption is empty after cleaning; write another",
  });
});

it("serves the page, and says so when there is no run", async () => {
  const problem = "There is no trained run yet. Make one with `npm run quickstart`.";
  await start(
    {},
    {
      describe: async () => ({ ready: false, problem }),
      open: async () => {
        throw new ConfigError(problem);
      },
      close: async () => {},
    },
  );
  expect(await (await fetch(studio.url)).text()).toContain("the page");
  expect(await (await fetch(url("/api/studio"))).json()).toEqual({ ready: false, problem });
  expect(await post({ prompt: "x" })).toMatchObject({ status: 409, answer: { error: problem } });
});

it("removes the session's clips when it closes", async () => {
  await start();
  const events = await listen(isOver);
  await post({ prompt: "x" });
  await events.jobs;
  expect(await sessions()).toHaveLength(1);
  await studio.close();
  expect(await sessions()).toEqual([]);
});

const sessions = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith("noisereel-studio-"));

function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
