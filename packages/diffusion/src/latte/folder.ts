// Model folders in the diffusers layout: config.json beside safetensors.
import { CheckpointError, ConfigError, type Module } from "@noisereel/core";
import type { LatteConfig, LatteConfigInput } from "./config.js";

// File-system code is imported when it is called, so that the rest of the package also runs in browsers.
const nodeFiles = () => import("@noisereel/core/node");

/** Builds a model from a folder's `config.json` and loads its weights strictly. */
export async function loadLatteFolder<Model extends Module>(
  folder: string,
  build: (config: LatteConfigInput) => Model,
): Promise<Model> {
  const { readFile } = await import("node:fs/promises");
  const file = `${folder}/config.json`;
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new CheckpointError(`cannot read ${file}: ${(cause as Error).message}; pass a model folder`, { cause });
  });
  let config: LatteConfigInput;
  try {
    config = JSON.parse(text) as LatteConfigInput;
  } catch (cause) {
    throw new ConfigError(`${file} is not JSON: ${(cause as Error).message}; restore the model's own file`, { cause });
  }
  const { readWeights } = await nodeFiles();
  const weights = await readWeights(folder);
  const model = build(config);
  try {
    model.loadStateDict(weights);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/** Writes a folder that is whole or absent. */
export async function saveLatteFolder(
  folder: string,
  model: Module & { readonly config: LatteConfig },
  className: string,
): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  const { writeFolderAtomically, writeSafetensors } = await nodeFiles();
  const config = `${JSON.stringify({ ...model.config, _class_name: className }, null, 2)}\n`;
  const weights = await model.stateDict();
  await writeFolderAtomically(folder, async (temporary) => {
    await writeFile(`${temporary}/config.json`, config);
    await writeSafetensors(`${temporary}/diffusion_pytorch_model.safetensors`, weights, { format: "pt" });
  });
}
