// What a run's folder says about it, before any weights are loaded.
import { ConfigError } from "@noisereel/core";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { QuickstartConfig } from "../quickstart/config.js";

/** Configuration and manifest of the finished run in `folder`. Throws ConfigError when there is none. */
export async function readRunConfig(
  folder: string,
): Promise<{ readonly config: QuickstartConfig; readonly manifest: string }> {
  const read = (file: string) =>
    readFile(path.join(folder, file), "utf8").catch((cause: unknown) => {
      throw new ConfigError(`${folder} holds no finished run; make one with "npm run quickstart"`, { cause });
    });
  const stored = JSON.parse(await read("config.json")) as QuickstartConfig & {
    readonly manifest: string;
    readonly autoencoderOf?: string;
  };
  await read("models/denoiser/config.json");
  const { manifest, autoencoderOf: _, ...config } = stored;
  return { config, manifest: path.resolve(folder, manifest) };
}
