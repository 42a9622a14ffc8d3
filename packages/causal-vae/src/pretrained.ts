// Model folders: config.json beside the weights.
import { CheckpointError, ConfigError, type StateDict } from "@noisereel/core";
import { type CausalVaeConfig, parseConfig, storedConfig } from "./config.js";
import type { CausalVae } from "./model.js";

/** File names of weights, without `.safetensors`. */
const weightNames = ["diffusion_pytorch_model", "model"];

/** Weights that belong to the reference's training losses and not to the model. */
export const isLossKey = (name: string): boolean => name.startsWith("loss.");

/** The configuration and the weights in a model folder. Throws `ConfigError` or `CheckpointError`. */
export async function readPretrained(
  folder: string,
): Promise<{ readonly config: CausalVaeConfig; readonly weights: StateDict }> {
  const { readFile } = await import("node:fs/promises");
  const path = await import("node:path");
  const { readWeights } = await import("@noisereel/core/node");
  const file = path.join(folder, "config.json");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new CheckpointError(`cannot read ${file}: ${(cause as Error).message}; give a folder with a config.json`, {
      cause,
    });
  });
  const config = parseConfig(parseJson(text, file));
  return { config, weights: await readWeights(folder, weightNames) };
}

/** Writes `folder` whole or not at all: `config.json` and `diffusion_pytorch_model.safetensors`. */
export async function savePretrained(vae: CausalVae, folder: string): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  const path = await import("node:path");
  const { writeFolderAtomically, writeSafetensors } = await import("@noisereel/core/node");
  const state = await vae.stateDict();
  await writeFolderAtomically(folder, async (temporary) => {
    await writeFile(path.join(temporary, "config.json"), `${JSON.stringify(storedConfig(vae.config), null, 2)}\n`);
    await writeSafetensors(path.join(temporary, `${weightNames[0]}.safetensors`), state, { format: "pt" });
  });
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ConfigError(`${file} is not JSON: ${(cause as Error).message}; write it again`, { cause });
  }
}
