// Models on disk: config.json beside the weights.
import { CheckpointError, ConfigError, type StateDict } from "@noisereel/core";
import { type CausalVaeConfig, type CausalVaeConfigInput, parseConfig, storedConfig } from "./config.js";
import type { CausalVae } from "./model.js";
import { finite, isLossKey, readWeightsFile } from "./weights-file.js";

/** File names of weights, without `.safetensors`. */
const weightNames = ["diffusion_pytorch_model", "model"];

export interface PretrainedOptions {
  /** In place of the `config.json` in the folder, or beside the file. */
  readonly config?: CausalVaeConfigInput;
  /** Prefer the averaged weights of a training checkpoint that holds both. Default true. */
  readonly ema?: boolean;
}

/**
 * The configuration and the weights in a model folder or a file of weights, training losses left out. Throws
 * `ConfigError` or `CheckpointError`.
 */
export async function readPretrained(
  source: string,
  options: PretrainedOptions = {},
): Promise<{ readonly config: CausalVaeConfig; readonly weights: StateDict }> {
  const { stat } = await import("node:fs/promises");
  const path = await import("node:path");
  const isFile = await stat(source).then(
    (found) => found.isFile(),
    () => false,
  );
  const config = parseConfig(options.config ?? (await readConfig(isFile ? path.dirname(source) : source)));
  const weights = isFile ? await readWeightsFile(source, options) : await readFolderWeights(source, options);
  return { config, weights };
}

async function readConfig(folder: string): Promise<unknown> {
  const { readFile } = await import("node:fs/promises");
  const path = await import("node:path");
  const file = path.join(folder, "config.json");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new CheckpointError(
      `cannot read ${file}: ${(cause as Error).message}; give a folder with a config.json, or the option config`,
      { cause },
    );
  });
  return parseJson(text, file);
}

/** Safetensors first; then diffusers' `.bin`; then the one Lightning checkpoint in the folder. */
async function readFolderWeights(folder: string, options: PretrainedOptions): Promise<StateDict> {
  const { readdir } = await import("node:fs/promises");
  const path = await import("node:path");
  const { readWeights } = await import("@noisereel/core/node");
  const files = await readdir(folder).catch((): string[] => []);
  if (files.some((file) => file.includes(".safetensors"))) {
    const weights = await readWeights(folder, weightNames);
    return finite(new Map([...weights].filter(([name]) => !isLossKey(name))), folder);
  }
  const binary = weightNames.map((name) => `${name}.bin`).filter((file) => files.includes(file));
  const checkpoints = binary.length > 0 ? binary : files.filter((file) => file.endsWith(".ckpt"));
  if (checkpoints.length > 1) {
    throw new CheckpointError(`${folder} holds ${checkpoints.toSorted().join(", ")}; give the path of one of them`);
  }
  // None: the reader of safetensors says what it looked for.
  if (checkpoints.length === 0) return readWeights(folder, weightNames);
  return readWeightsFile(path.join(folder, checkpoints[0]!), options);
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
