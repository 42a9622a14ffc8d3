// Weights of a model folder as a checkpoint to start from: diffusers' layout, ours or another project's.
import { type Checkpoint, CheckpointError, type StoredTensor } from "@noisereel/core";
import { readWeights } from "@noisereel/core/node";
import { stat } from "node:fs/promises";
import path from "node:path";
import { addPart } from "../checkpoint/parts.js";

/** Folders that hold a module besides one of its own name: ours, and those of diffusers' pipelines. */
const folderNames: Readonly<Record<string, readonly string[]>> = {
  denoiser: ["transformer"],
  text: ["text-encoder", "text_encoder"],
};

const weightFiles = ["diffusion_pytorch_model.safetensors", "model.safetensors"].flatMap((name) => [
  name,
  `${name}.index.json`,
]);

/** Whether `folder` holds weights itself, in one file or in shards. */
export async function holdsWeights(folder: string): Promise<boolean> {
  for (const name of weightFiles) if (await exists(path.join(folder, name))) return true;
  return false;
}

/** Whether `folder` holds a model, or folders of models. */
export async function isModelFolder(folder: string): Promise<boolean> {
  if (await holdsWeights(folder)) return true;
  for (const [module, names] of Object.entries(folderNames)) {
    for (const name of [module, ...names]) if (await holdsWeights(path.join(folder, name))) return true;
  }
  return false;
}

/**
 * The weights of `modules` as a checkpoint, as the trained ones and as their average: a model folder has one kind. A folder with
 * weights of its own is for a run of one module; else each module has a folder in it. Throws CheckpointError that says what is
 * missing.
 */
export async function readModelFolder(folder: string, modules: readonly string[]): Promise<Checkpoint> {
  const tensors = new Map<string, StoredTensor>();
  for (const [module, place] of await findModules(folder, modules)) {
    const named = [...(await readWeights(place))].map(([name, tensor]) => [`${module}.${name}`, tensor] as const);
    for (const part of ["weights", "ema"]) addPart(tensors, part, new Map(named));
  }
  return { tensors, meta: { format: "model-folder" } };
}

async function findModules(folder: string, modules: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (await holdsWeights(folder)) {
    if (modules.length === 1) return new Map([[modules[0]!, folder]]);
    throw new CheckpointError(
      `${folder} holds one model but the stage trains ${modules.join(" and ")}; name the folder above, with a folder for each`,
    );
  }
  const found = new Map<string, string>();
  for (const module of modules) {
    const names = [module, ...(folderNames[module] ?? [])];
    for (const name of names) {
      const place = path.join(folder, name);
      if (!found.has(module) && (await holdsWeights(place))) found.set(module, place);
    }
    if (!found.has(module)) {
      throw new CheckpointError(`${folder} has no weights for ${module}; looked in ${names.join(", ")}`);
    }
  }
  return found;
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
