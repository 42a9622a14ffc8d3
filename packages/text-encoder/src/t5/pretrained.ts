// T5 in the folder layout of transformers: config.json beside the weights.
import { CheckpointError } from "@noisereel/core";
import type { StateDict } from "@noisereel/core";
import { parseT5Config, type T5Config } from "./config.js";

export interface T5Files {
  readonly config: T5Config;
  readonly weights: StateDict;
}

// Node's modules are imported on use, so that the package also loads in browsers.

export async function readT5Config(folder: string): Promise<T5Config> {
  const [{ readFile }, path] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  const file = path.join(folder, "config.json");
  let config: unknown;
  try {
    config = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new CheckpointError(`cannot read ${file}: ${(cause as Error).message}; pass a folder that holds a T5 model`, {
      cause,
    });
  }
  return parseT5Config(config);
}

export async function writeT5Folder(folder: string, { config, weights }: T5Files): Promise<void> {
  const [path, { writeFileAtomically, writeSafetensors }] = await Promise.all([
    import("node:path"),
    import("@noisereel/core/node"),
  ]);
  await writeSafetensors(path.join(folder, "model.safetensors"), weights, { format: "pt" });
  const content = { architectures: ["T5EncoderModel"], model_type: "t5", ...config };
  await writeFileAtomically(path.join(folder, "config.json"), `${JSON.stringify(content, null, 2)}\n`);
}
