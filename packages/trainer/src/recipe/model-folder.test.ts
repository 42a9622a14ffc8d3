import { createRng, initialize, Linear } from "@noisereel/core";
import { writeSafetensors } from "@noisereel/core/node";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadModules } from "../index.js";
import { resolveStart } from "../node.js";

let root = "";
beforeEach(async () => (root = await mkdtemp(path.join(tmpdir(), "model-folder-"))));
afterEach(() => rm(root, { recursive: true }));

function layer(seed: number): Linear {
  const made = new Linear({ in: 2, out: 3 });
  initialize(made, createRng(seed));
  return made;
}

const values = (module: Linear): number[] => [...module.weight.variable.dataSync()];

/** A function that reads what `--from folder` names. */
async function startFrom(folder: string) {
  const start = await resolveStart(folder, ["one"]);
  if (typeof start === "string") throw new Error("no stage is meant");
  return start;
}

test("a flat model folder starts a run of one module, as weights and as their average", async () => {
  const model = layer(1);
  const folder = path.join(root, "flat");
  await mkdir(folder);
  await writeSafetensors(path.join(folder, "diffusion_pytorch_model.safetensors"), await model.stateDict());
  const start = await startFrom(folder);
  for (const which of ["weights", "ema"] as const) {
    const target = layer(2);
    loadModules({ denoiser: target }, await start({ modules: ["denoiser"] }), which);
    expect(values(target)).toEqual(values(model));
  }
  await expect(start({ modules: ["denoiser", "text"] })).rejects.toThrow(
    "holds one model but the stage trains denoiser and text",
  );
});

test("a pipeline's folders are found by diffusers' names, in shards too", async () => {
  const [denoiser, text] = [layer(1), layer(2)];
  const [first, second] = [path.join(root, "transformer"), path.join(root, "text_encoder")];
  await mkdir(first);
  await mkdir(second);
  const state = [...(await denoiser.stateDict())];
  const map: Record<string, string> = {};
  for (const [index, [name, tensor]] of state.entries()) {
    const shard = `shard-${index}.safetensors`;
    map[name] = shard;
    await writeSafetensors(path.join(first, shard), new Map([[name, tensor]]));
  }
  await writeFile(
    path.join(first, "diffusion_pytorch_model.safetensors.index.json"),
    JSON.stringify({ weight_map: map }),
  );
  const start = await startFrom(root);
  await expect(start({ modules: ["denoiser", "text"] })).rejects.toThrow(
    "has no weights for text; looked in text, text-encoder, text_encoder",
  );
  await writeSafetensors(path.join(second, "model.safetensors"), await text.stateDict());
  const targets = { denoiser: layer(3), text: layer(4) };
  loadModules(targets, await start({ modules: ["denoiser", "text"] }), "ema");
  expect([values(targets.denoiser), values(targets.text)]).toEqual([values(denoiser), values(text)]);
});

test("an empty folder is neither", async () => {
  await expect(resolveStart(root, ["one"])).rejects.toThrow("holds no checkpoint that verifies and no model");
});
