import { eagerExecutor } from "@noisereel/core";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeWandb, fakeWandb } from "../../test/fake-wandb.js";
import recipe from "../../test/tiny-recipe.js";
import { folderStore, readRun, runPaths, runRecipe, type RunRecipeOptions } from "../node.js";

let root = "";
let folder = "";
let server: FakeWandb;
const notes: string[] = [];
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "wandb-run-"));
  folder = path.join(root, "reel");
  server = await fakeWandb();
  notes.length = 0;
});
afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

type Options = RunRecipeOptions<Parameters<typeof recipe.stages>[0]>;

function begin(options: Partial<Options> = {}): ReturnType<typeof runRecipe> {
  const wandb = {
    project: "reels",
    apiKey: server.key,
    baseUrl: server.url,
    environment: { HOME: root },
    retries: { attempts: 2, firstWait: 0.001 },
  };
  const onNote = (note: string): void => void notes.push(note);
  return runRecipe({ recipe, folder, executor: eagerExecutor(), wandb, onNote, ...options });
}

/** Runs to the end, or stops at the step of that number as Ctrl-C does. */
async function run(options: Partial<Options> = {}, stopAt = Infinity): Promise<void> {
  const controller = new AbortController();
  const steps = begin({ signal: controller.signal, ...options });
  for (let count = 1; (await steps.next()).done !== true; count++) if (count === stopAt) controller.abort();
}

/** As the run's own log has them: `step name value`. */
async function logged(stage: string): Promise<string[]> {
  const { curves } = (await readRun(folder)).stages.find(({ name }) => name === stage)!;
  const found = Object.entries(curves).flatMap(([name, { steps, values }]) =>
    steps.map((step, index) => `${step} ${name.replaceAll(".", "/")} ${values[index]}`),
  );
  return found.toSorted();
}

function onServer(id: string): string[] {
  const found = server.rows(id).flatMap(({ _step, ...values }) =>
    Object.entries(values)
      .filter(([name]) => !name.startsWith("_") && !name.startsWith("sample"))
      .map(([name, value]) => `${Number(_step)} ${name} ${Number(value)}`),
  );
  return found.toSorted();
}

const states = (): unknown[] => server.runs.map(({ displayName, exitCode }) => [displayName, exitCode]);

test("a run that is stopped, killed and resumed has every step once there, one run for each stage", async () => {
  await run({}, 3);
  expect(states()).toEqual([["reel short", 255]]);
  // As a kill: nothing of it runs any more after its fourth and sixth step.
  const killed = begin();
  for (const _ of [4, 5, 6, 7]) await killed.next();
  await run();
  const [short, long] = server.runs;
  expect(states()).toEqual([["reel short", 0], ["reel long", 0]]); // prettier-ignore
  expect(long!.group).toBe(short!.group);
  expect([short!.id, long!.id]).toEqual([`${short!.group!.slice(-8)}-short`, `${short!.group!.slice(-8)}-long`]);
  expect(long!.config).toMatchObject({ stage: "long", recipe: "tiny", options: { seed: 0 }, processes: 1 });
  for (const { id } of server.runs) expect(server.rows(id).map(({ _step }) => _step)).toEqual([0, 1, 2, 3, 4]);
  expect(onServer(short!.id)).toEqual(await logged("short"));
  expect(onServer(long!.id)).toEqual(await logged("long"));
  expect(server.rows(long!.id)[4]).toMatchObject({ sample_0_raw: { _type: "image-file" } });
  const again = server.requests.length;
  await run();
  expect(server.requests.slice(again)).toEqual([expect.stringContaining("Viewer")]);
});

test("when the newest checkpoint is damaged, the curves go on in another run that has all of it", async () => {
  await run({}, 3);
  const checkpoints = runPaths.checkpoints(folder, "short");
  const newest = (await folderStore(checkpoints).list()).at(-1)!;
  expect(newest).toBe("step-000003");
  await rm(path.join(checkpoints, newest, "weights.safetensors"));
  await run();
  expect(states()).toEqual([
    ["reel short (left at step 3)", 1],
    ["reel short (2)", 0],
    ["reel long", 0],
  ]);
  expect(onServer(server.runs[1]!.id)).toEqual(await logged("short"));
});

test("rollbacks and a failure leave what the checkpoints hold", async () => {
  await expect(run({ settings: { brokenFrom: 2 } })).rejects.toThrow("after 2 rollbacks");
  expect(states()).toEqual([["reel short", 1]]);
  expect(server.rows(server.runs[0]!.id).map(({ _step }) => _step)).toEqual([0, 1, 2]);
});

test("training goes on without the network, and the same command sends the rest later", async () => {
  server.away = true;
  await run();
  expect((await readRun(folder)).info.status).toBe("finished");
  expect(server.runs).toEqual([]);
  expect(notes.filter((note) => note.includes("is sent later"))).toHaveLength(2);
  server.away = false;
  await run();
  expect(states()).toEqual([["reel short", 0], ["reel long", 0]]); // prettier-ignore
  expect(onServer(server.runs[1]!.id)).toEqual(await logged("long"));
});

test("a refusal between two stages ends nothing; one at the start does", async () => {
  const steps = begin();
  for (let next = await steps.next(); next.done !== true; next = await steps.next()) {
    if (next.value.stage === "short" && next.value.step === 3) server.refuses = true;
  }
  expect((await readRun(folder)).info.status).toBe("finished");
  const refusal =
    /^nothing more is sent to Weights & Biases: .*not any more.*; it waits in .*(short|long) for the next start$/;
  expect(notes.filter((note) => refusal.test(note))).toHaveLength(2);
  await expect(run({ folder: path.join(root, "other") })).rejects.toThrow('does not take a run in project "reels"');
  server.refuses = false;
  await run();
  expect(states()).toEqual([["reel short", 0], ["reel long", 0]]); // prettier-ignore
  expect(onServer(server.runs[0]!.id)).toEqual(await logged("short"));
  expect(onServer(server.runs[1]!.id)).toEqual(await logged("long"));
});

test("films that the run writes are the ones that are shown", async () => {
  const file = async (name: string): Promise<void> =>
    (await import("node:fs/promises")).writeFile(name, path.basename(name));
  await run({ clips: { extension: ".mp4", file } });
  const { files } = server.runs[0]!;
  expect([...files.values()].map(String)).toEqual(["000000-sample-0-raw.mp4", "000004-sample-0-raw.mp4"]);
  expect(server.rows(server.runs[0]!.id)[4]).toMatchObject({ sample_0_raw: { _type: "video-file" } });
});

test("a wrong key leaves nothing, another project is refused, and the key is in no file", async () => {
  await expect(run({ wandb: { project: "reels", apiKey: "x".repeat(40), baseUrl: server.url } })).rejects.toThrow(
    "does not accept the key in WANDB_API_KEY",
  );
  await expect(readdir(folder)).rejects.toThrow("ENOENT");
  await run({}, 1);
  await expect(run({ wandb: { project: "other", apiKey: server.key, baseUrl: server.url } })).rejects.toThrow(
    'Weights & Biases project "reels"; name that, or use another folder',
  );
  expect((await readRun(folder)).info.status).toBe("stopped");
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    expect((await readFile(path.join(entry.parentPath, entry.name))).includes(server.key)).toBe(false);
  }
});
