import type { Clip } from "@noisereel/core";
import { describeTracker } from "@noisereel/testing";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { type FakeWandb, fakeWandb, parseRow } from "../../../test/fake-wandb.js";
import { type WandbOptions, type WandbTracker, wandbTracker } from "./tracker.js";

let root = "";
let server: FakeWandb;
let notes: string[] = [];
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "wandb-"));
  server = await fakeWandb();
  notes = [];
});
afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

const open = (options: Partial<WandbOptions> = {}, from: FakeWandb = server, folder = root): Promise<WandbTracker> =>
  wandbTracker({
    folder: path.join(folder, "outbox"),
    project: "reels",
    runId: "run-a",
    apiKey: from.key,
    baseUrl: from.url,
    environment: { HOME: folder },
    retries: { attempts: 3, firstWait: 0.001, timeout: 5 },
    onNote: (message) => void notes.push(message),
    ...options,
  });

/** Tells steps and saves the last, as a run does, and waits for what is sent. */
async function tell(tracker: WandbTracker, steps: readonly number[], factor = 1, save = true): Promise<void> {
  for (const step of steps) await tracker.scalars(step, { loss: factor * step });
  if (save) await tracker.saved!(steps.at(-1)!);
  await tracker.idle();
}

const losses = (id = "run-a"): unknown[] => server.rows(id).map(({ _step, loss }) => [_step, loss]);
const clipOf = (frames: number): Clip => ({
  id: "c",
  frames,
  height: 4,
  width: 6,
  fps: 8,
  caption: 'a reel,\n"two" lines\u2028three',
  pixels: Uint8Array.from({ length: frames * 72 }, (_, index) => index % 256),
});

describeTracker(
  "wandb",
  async () => {
    const [fake, folder] = [await fakeWandb(), await mkdtemp(path.join(tmpdir(), "wandb-"))];
    return {
      async open() {
        const tracker = await open({}, fake, folder);
        // What was sent before a kill is what came to be sent by then.
        return { ...tracker, saved: async (step) => (await tracker.saved!(step), tracker.idle()) };
      },
      read: () => fake.values(),
      async dispose() {
        await fake.close();
        await rm(folder, { recursive: true });
      },
    };
  },
  { describe, it },
);

test("what W&B has is a run with name, group and config, rows as its own client writes them, a summary and an end", async () => {
  const tracker = await open({ name: "my run", group: "reels-1", config: { rate: 0.1, nested: { a: [1] } } });
  await tracker.scalars(0, { "heldOut.fit": 1 });
  await tracker.scalars(3, { "loss.fit": NaN, up: Infinity, down: -Infinity, tiny: 1e-40, "sample-0": 2 });
  await tracker.close();
  const [run] = server.runs;
  expect(run).toMatchObject({ id: "run-a", entity: "me", displayName: "my run", group: "reels-1", exitCode: 0 });
  expect(run!.config).toEqual({ rate: 0.1, nested: { a: [1] } });
  expect(run!.history[1]).toMatch(
    /^\{"loss\/fit":NaN,"up":Infinity,"down":-Infinity,"tiny":1e-40,"sample_0":2,"_step":3,/,
  );
  const [first, second] = server.rows("run-a") as [Record<string, number>, Record<string, number>];
  expect(first).toMatchObject({ "heldOut/fit": 1, _step: 0 });
  expect(Math.abs(second["_timestamp"]! - Date.now() / 1000)).toBeLessThan(60);
  expect(second["_runtime"]).toBeGreaterThanOrEqual(first["_runtime"]!);
  expect(parseRow(run!.summary)).toMatchObject({ "heldOut/fit": 1, "loss/fit": NaN, tiny: 1e-40, _step: 3 });
  expect(notes).toEqual([`Weights & Biases: ${server.url}/me/reels/runs/run-a`]);
});

test("a killed run sends nothing beyond its checkpoint, and its resume nothing twice", async () => {
  const first = await open();
  await tell(first, [1, 2, 3]);
  await tell(first, [4, 5], 1, false);
  expect(losses()).toEqual([1, 2, 3].map((step) => [step, step]));
  await writeFile(path.join(root, "outbox", "history.jsonl"), '{"step":6,"ti', { flag: "a" });
  const second = await open();
  await tell(second, [4, 5, 6], 10);
  await second.close();
  expect(losses()).toEqual([[1, 1], [2, 2], [3, 3], [4, 40], [5, 50], [6, 60]]); // prettier-ignore
  expect(parseRow(server.runs[0]!.summary)).toMatchObject({ loss: 60, _step: 6 });
  const runtimes = server.rows("run-a").map(({ _runtime }) => _runtime as number);
  expect(runtimes).toEqual(runtimes.toSorted((a, b) => a - b));
  expect(server.runs).toHaveLength(1);
});

test("a rollback to the newest checkpoint stays in the run; one behind it leaves the run and tells another everything", async () => {
  const tracker = await open({ name: "reel" });
  await tracker.scalars(1, { alone: 1 });
  await tell(tracker, [1, 2]);
  await tell(tracker, [3, 4], 1, false);
  await tell(tracker, [3, 4], 10);
  expect(server.runs).toHaveLength(1);
  await tell(tracker, [2, 3], 100);
  expect(server.runs.map(({ id, displayName, exitCode }) => [id, displayName, exitCode])).toEqual([
    ["run-a", "reel (left at step 2)", 1],
    ["run-a-2", "reel (2)", undefined],
  ]);
  expect(server.runs[0]!.notes).toContain("run-a-2");
  expect(losses()).toEqual([[1, 1], [2, 2], [3, 30], [4, 40]]); // prettier-ignore
  expect(losses("run-a-2")).toEqual([[1, 1], [2, 200], [3, 300]]); // prettier-ignore
  // Also when it is only found out after a resume, and from what was told after the end of a step was sent.
  const next = await open({ name: "reel" });
  await tell(next, [3, 4], 7);
  await next.scalars(4, { late: 1 });
  await next.close();
  expect(server.runs.map(({ id }) => id)).toEqual(["run-a", "run-a-2", "run-a-3", "run-a-4"]);
  expect(losses("run-a-4")).toEqual([[1, 1], [2, 200], [3, 21], [4, 28]]); // prettier-ignore
  expect(server.rows("run-a-4").at(-1)).toMatchObject({ late: 1 });
  expect(server.runs.map(({ exitCode }) => exitCode)).toEqual([1, 1, 1, 0]);
});

test("a run goes on while the network is away, and everything is sent when it is back", async () => {
  server.away = true;
  const tracker = await open();
  expect(notes.join()).toMatch(/cannot be reached \(\w+\); what the run tells waits in .*outbox/);
  await tell(tracker, [1, 2]);
  await tell(tracker, [3, 4]);
  await tracker.clip!(4, "sample", clipOf(1));
  expect(notes).toHaveLength(2);
  server.away = false;
  await tell(tracker, [5]);
  expect(losses()).toEqual([1, 2, 3, 4, 5].map((step) => [step, step]));
  expect(server.runs[0]!.files.size).toBe(1);
  server.away = true;
  await tell(tracker, [6]);
  await tracker.close();
  expect(server.runs[0]!.exitCode).toBeUndefined();
  server.away = false;
  await (await open()).close();
  expect(losses()).toHaveLength(6);
  expect(server.runs[0]!.exitCode).toBe(0);
});

test("busy servers and lost answers neither lose a line nor send one twice", async () => {
  const tracker = await open();
  server.faults.push(429, 503, "hang up", "lost", "lost", "lost", "lost");
  for (const step of [1, 2, 3, 4]) await tell(tracker, [step]);
  await tracker.close();
  expect(losses()).toEqual([1, 2, 3, 4].map((step) => [step, step]));
  expect(server.faults).toEqual([]);
});

test("a long history is sent in parts", async () => {
  const tracker = await open();
  server.away = true;
  const steps = Array.from({ length: 1201 }, (_, index) => index);
  for (const step of steps) await tracker.scalars(step, { loss: step });
  server.away = false;
  await tracker.close();
  expect(losses()).toEqual(steps.map((step) => [step, step]));
  expect(server.requests.filter((request) => request.includes("wandb-history.jsonl"))).toHaveLength(3);
});

test("a server that refuses a line is said once, and nothing is thrown", async () => {
  const tracker = await open();
  await tell(tracker, [1]);
  server.runs.splice(0);
  server.faults.push(410);
  await tell(tracker, [2]);
  // Asked again, it knows no such run, and gets all of it anew.
  expect(losses()).toEqual([[1, 1], [2, 2]]); // prettier-ignore
  server.faults.push(403, 403);
  await tell(tracker, [3]);
  await tell(tracker, [4]);
  await tracker.close();
  expect(notes.filter((note) => note.startsWith("nothing more is sent"))).toEqual([
    expect.stringMatching(/HTTP 403 as the test wants it, Basic …; it waits in .*outbox/),
  ]);
});

test("clips are films when there is a file that W&B plays, else pictures", async () => {
  const film = path.join(root, "film.mp4");
  await writeFile(film, "a film");
  const tracker = await open({ clipFile: (step) => (step === 0 ? film : undefined) });
  await tracker.clip!(0, "sample-0-raw", clipOf(5));
  await tracker.clip!(0, "still", clipOf(1));
  await tracker.clip!(1, "sample-0-raw", clipOf(5));
  await tracker.close();
  const { files, uploaded } = server.runs[0]!;
  const [first, second] = server.rows("run-a") as Record<string, Record<string, unknown>>[];
  expect(first!["sample_0_raw"]).toMatchObject({ _type: "video-file", size: 6, caption: clipOf(1).caption });
  expect(String(files.get(String(first!["sample_0_raw"]!["path"])))).toBe("a film");
  expect(first!["still"]).toMatchObject({ _type: "image-file", format: "png", width: 6, height: 4 });
  expect(second!["sample_0_raw"]).toMatchObject({ _type: "image-file", width: 30, height: 4 });
  expect(uploaded.toSorted()).toEqual([...files.keys()].toSorted());
  for (const [name, bytes] of files) {
    expect(name).toMatch(/^media\/(videos|images)\/[\w.]+_[0-9a-f]{20}\.(mp4|png)$/);
    expect(bytes).toEqual(await readFile(path.join(root, "outbox", name)));
  }
});

test("a run that was stopped ends with what is saved, and goes on", async () => {
  const first = await open();
  await tell(first, [1, 2]);
  await tell(first, [3], 1, false);
  await first.close({ exitCode: 255 });
  expect([losses(), server.runs[0]!.exitCode]).toEqual([[[1, 1], [2, 2]], 255]); // prettier-ignore
  const second = await open();
  await tell(second, [3], 10);
  expect(server.runs[0]!.exitCode).toBeUndefined();
  await second.close();
  expect([losses(), server.runs[0]!.exitCode]).toEqual([[[1, 1], [2, 2], [3, 30]], 0]); // prettier-ignore
});

test("signs of life are given while a run is on, and none after", async () => {
  const tracker = await open({ lifeSeconds: 0.01 });
  await tell(tracker, [1]);
  while (server.runs[0]!.lifeSigns < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  await tracker.close();
  const signs = server.runs[0]!.lifeSigns;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.runs[0]!.lifeSigns).toBe(signs);
});

test("lines that were not sent from the folder are found at the start", async () => {
  await tell(await open(), [1, 2]);
  await expect(open({ folder: path.join(root, "other") })).rejects.toThrow(
    /run-a of project "reels" holds 2 lines that were not sent from .*other; use another runId/,
  );
});

test("names that cannot be told apart, or are W&B's own, are refused", async () => {
  const tracker = await open();
  await tracker.scalars(1, { "loss.fit": 1 });
  await expect(tracker.scalars(2, { "loss/fit": 1 })).rejects.toThrow('"loss/fit" and "loss.fit" are both "loss/fit"');
  await expect(tracker.scalars(2, { _step: 1 })).rejects.toThrow('a value is named "_step"');
  await expect(tracker.scalars(-1, { a: 1 })).rejects.toThrow("step is -1");
  await expect(open({ project: "a/b" })).rejects.toThrow('project is "a/b"');
});

test("wrong keys, addresses and projects are one sentence at the start, which never holds the key", async () => {
  const wrong = "f".repeat(40);
  const failures: string[] = [];
  const attempt = async (options: Partial<WandbOptions>): Promise<string> => {
    const { message, stack } = await open(options).then(
      () => new Error("it was opened"),
      (error: Error) => error,
    );
    failures.push(`${message} ${stack}`);
    return message;
  };
  expect(await attempt({ apiKey: wrong })).toMatch(/^127\.0\.0\.1:\d+ does not accept the key in WANDB_API_KEY/);
  expect(await attempt({ apiKey: "" })).toMatch(/^there is no Weights & Biases key for .*; set WANDB_API_KEY/);
  expect(await attempt({ apiKey: `${wrong}\n${wrong}` })).toMatch(/spaces or signs/);
  expect(await attempt({ baseUrl: `http://me:${wrong}@127.0.0.1:1` })).toMatch(/without a name or a password$/);
  expect(await attempt({ entity: "others" })).toMatch(
    /does not take a run in project "reels" of "others": .*permission denied; check the names/,
  );
  const tracker = await open();
  server.faults.push(401, 401);
  await tell(tracker, [1]);
  const said = [...failures, ...notes, ...server.requests].join("\n");
  for (const secret of [wrong, server.key, Buffer.from(`api:${server.key}`).toString("base64")]) {
    expect(said).not.toContain(secret);
  }
  for (const name of await readdir(path.join(root, "outbox"))) {
    expect(await readFile(path.join(root, "outbox", name), "utf8")).not.toContain(server.key);
  }
});
