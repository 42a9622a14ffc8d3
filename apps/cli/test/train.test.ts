import { BackendError } from "@noisereel/core";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../src/command-line.js";
import { fakeContext } from "./fakes.js";

const recipe = fileURLToPath(new URL("tiny-recipe.ts", import.meta.url));

let folder = "";
const inside = (...parts: string[]): string => path.join(folder, ...parts);
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "noisereel-train-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function noisereel(args: string[], abort = false) {
  const context = fakeContext({});
  if (abort) context.controller.abort();
  const code = await runCommandLine(args, context);
  return { code, printed: context.terminal.printed, noted: context.terminal.noted };
}

/** Takes what a run of Weights & Biases is told; `@noisereel/trainer` tests what it has to be. */
async function wandbServer() {
  const steps: number[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { variables, files } = JSON.parse(body) as {
      variables?: { name: string; project: string; entity: string };
      files?: { "wandb-history.jsonl"?: { content: string[] } };
    };
    for (const line of files?.["wandb-history.jsonl"]?.content ?? [])
      steps.push(Number(/"_step":(\d+)/.exec(line)![1]));
    const { name = "", project = "", entity = "" } = variables ?? {};
    const bucket = { name, project: { name: project, entity: { name: entity } } };
    response.end(JSON.stringify({ data: { viewer: { entity: "me" }, model: null, upsertBucket: { bucket } } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    steps: () => steps,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("train", () => {
  it("trains a recipe from a file, says what was left out, and does nothing twice", async () => {
    const first = await noisereel(["train", recipe, "--out", inside("run"), "--set", "steps=6", "--tensorboard"]);
    expect(first.noted).toContain("  note: fit: clip clip-9 is left out: needs 5 frames, has 1");
    expect(first.code).toBe(0);
    expect(first.noted.at(-1)).toMatch(/^✓ fit: 6 steps in .* loss\.fit/);
    expect(first.printed[1]).toMatch(/^ {2}fit {5}6 steps in .*, fit \d/);
    expect((await readdir(inside("run"))).toSorted()).toEqual([
      "checkpoints",
      "logs",
      "run.html",
      "run.json",
      "tensorboard",
    ]);
    const again = await noisereel(["train", recipe, "--out", inside("run"), "--set", "steps=6"]);
    expect([again.code, again.printed[1]]).toEqual([0, "  fit     done before"]);
  });

  it("sends curves to Weights & Biases when a project is named, and says which variable a key is in", async () => {
    const without = { ...process.env };
    const server = await wandbServer();
    try {
      delete process.env["WANDB_API_KEY"];
      Object.assign(process.env, { HOME: folder, WANDB_BASE_URL: server.url });
      const args = ["train", recipe, "--out", inside("run"), "--set", "steps=2", "--wandb"];
      const missing = await noisereel([...args, "reels"]);
      expect([missing.code, missing.noted.at(-1)]).toEqual([
        1,
        expect.stringMatching(/^error: there is no .* key .*; set WANDB_API_KEY/),
      ]);
      expect(await readdir(folder)).toEqual([]);
      process.env["WANDB_API_KEY"] = "k".repeat(40);
      const { code, noted } = await noisereel([...args, "team/reels"]);
      expect(code).toBe(0);
      expect(noted.find((line) => line.includes("Weights"))).toMatch(
        /note: Weights & Biases: .*\/team\/reels\/runs\/\w{8}-fit$/,
      );
      expect(server.steps()).toEqual([1, 2]);
      const wrong = await noisereel([...args, "a/b/c"]);
      expect(wrong.noted.join("\n")).toContain("Write PROJECT or ENTITY/PROJECT.");
    } finally {
      for (const name of ["WANDB_API_KEY", "HOME", "WANDB_BASE_URL"]) {
        if (without[name] === undefined) delete process.env[name];
        else process.env[name] = without[name];
      }
      await server.close();
    }
  });

  it("saves and ends with 0 when it is stopped", async () => {
    const { code, noted } = await noisereel(["train", recipe, "--out", inside("run")], true);
    expect([code, noted.at(-1)]).toEqual([
      0,
      `Stopped and saved in ${inside("run")}; the same command goes on from there.`,
    ]);
  });

  it.each([
    [
      ["--set", "stepz=3"],
      "error: recipe line: stepz is no option; there are steps, saveEvery, milliseconds, recompute",
    ],
    [["--set", "steps=many"], 'error: recipe line: steps is "many": expected number'],
    [["--set", "steps"], 'error: "steps" is no setting; write name=value or group.name=value'],
    [["--stage", "other"], 'error: there is no stage "other"; the stages are fit'],
    [["--from", "x"], "error: --from x is for one stage; name it with --stage"],
  ])("refuses %j in a sentence and leaves no checkpoints", async (extra, sentence) => {
    const { code, noted } = await noisereel(["train", recipe, "--out", inside("run"), ...extra]);
    expect([code, noted.at(-1)]).toEqual([1, sentence]);
    expect(await readdir(inside("run")).catch(() => [])).not.toContain("checkpoints");
  });

  it("refuses what is no recipe", async () => {
    const nowhere = await noisereel(["train", "nowhere.ts"]);
    expect(nowhere.noted.at(-1)).toBe(
      "error: nowhere.ts is neither a file nor a preset; presets are stages-report, stages-small",
    );
    const other = await noisereel(["train", fileURLToPath(new URL("fakes.ts", import.meta.url))]);
    expect(other.noted.at(-1)).toMatch(/fakes\.ts exports no recipe; end it with `export default defineRecipe/);
  });
});

describe("estimate", () => {
  it("says what a run will cost and writes nothing", async () => {
    const { code, printed } = await noisereel(["train", recipe, "--dry-run", "--out", inside("run")]);
    expect(code).toBe(0);
    const text = printed.join("\n");
    expect(text).toMatch(/fit\n {2}line +2x \+ 1\n {2}parameters +2\n/);
    expect(text).toMatch(/time +\d\.\d{3} s a step, of 4 timed; .* to start/);
    expect(text).toMatch(
      / {4}steps +\d\.\d s, 5 times\n {4}preparing +\d\.\d s\n {4}saving +\d\.\d s, 3 times\n {4}in all +\d\.\d s\n/,
    );
    expect(printed.at(-1)).toMatch(/^all: \d\.\d s$/);
    expect(text).toMatch(/clip-9 +needs 5 frames, has 1/);
    expect(await readdir(folder)).toEqual([]);
    const json = await noisereel(["estimate", recipe, "--json", "--steps", "1"]);
    expect(JSON.parse(json.printed.join("\n"))).toMatchObject({
      fit: { parameters: 2, timedSteps: 1, sideWork: [{ name: "preparing" }, { name: "saving", times: 3 }] },
    });
    const alone = await noisereel(["estimate", recipe, "--steps-only"]);
    expect(alone.printed.join("\n")).toMatch(
      /saving +not measured: left out\n {4}in all .*, and what was not measured: saving\n/,
    );
    expect(alone.printed.at(-1)).toMatch(/^all: \d\.\d s, and what was not measured$/);
  });
});

it("an estimate measures in processes of their own, with recomputation and without", async () => {
  const context = fakeContext({});
  const asked: (readonly string[])[] = [];
  const runSelf = async (args: readonly string[]): Promise<string> => {
    asked.push(args);
    const apart = fakeContext({});
    expect(await runCommandLine([...args], apart)).toBe(0);
    return apart.terminal.printed.join("\n");
  };
  const args = ["estimate", recipe, "--steps", "1", "--out", inside("run"), "--set", "steps=9"];
  expect(await runCommandLine(args, { ...context, runSelf })).toBe(0);
  expect(asked.map((own) => own.filter((_, index) => own[index - 1] === "--set"))).toEqual([
    ["steps=9"],
    ["steps=9", "recompute=true"],
  ]);
  expect(asked.map((own) => own.includes("--steps-only"))).toEqual([false, true]);
  const text = context.terminal.printed.join("\n");
  expect(text).toMatch(/a step +\S+ MiB of activations and graph\n {4}recomputing +\S+ MiB, \d\.\d{3} s a step\n/);
  const broken = fakeContext({});
  const failing = async (): Promise<string> => Promise.reject(new BackendError("no memory left"));
  expect(await runCommandLine(args, { ...broken, runSelf: failing })).toBe(1);
  expect(broken.terminal.noted.at(-1)).toBe("error: no memory left");
});

describe("runs", () => {
  it("lists, shows and compares", async () => {
    await noisereel(["train", recipe, "--out", inside("a")]);
    await noisereel(["train", recipe, "--out", inside("b"), "--set", "steps=9"]);
    const list = await noisereel(["runs", "list", folder]);
    expect(list.printed[1]).toMatch(/a +line +finished +\S+ \S+ +fit 5$/);
    expect(list.printed).toHaveLength(3);
    const show = (await noisereel(["runs", "show", inside("a"), "--html"])).printed.join("\n");
    expect(show).toMatch(
      /fit, step 5\n {2}line +2x \+ 1\n {2}loss\.fit +\S+ → \S+\n {2}checkpoints +step-000002, step-000004, step-000005/,
    );
    const html = inside("compare.html");
    const compare = (await noisereel(["runs", "compare", inside("a"), inside("b"), "--html", html])).printed.join("\n");
    expect(compare).toMatch(/^ +a +b\nsteps +5 +9\nfit +step 5 +step 9\n {2}loss\.fit/);
    expect(await readFile(html, "utf8")).toContain("<svg");
    expect((await noisereel(["runs", "compare", inside("a")])).noted.at(-1)).toMatch(/is one run; name two or more/);
    expect((await noisereel(["runs", "show", folder])).noted.at(-1)).toMatch(/holds no run/);
  });
});
