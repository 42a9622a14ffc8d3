// A shard is a safetensors file of posteriors and, beside it, an index that is written last: a shard without a sound
// index is never used, so a writer may be killed at any moment and several may write into one folder.
import { createHash, randomUUID } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { CheckpointError, storeFloats, type StoredTensor } from "@noisereel/core";
import { writeFileAtomically, writeSafetensors } from "@noisereel/core/node";
import { z } from "zod";
import { fileSha256 } from "../files.js";

/** What an encoder says about a clip: the parameters of its posterior. Sampling is left to the reader, so that noise stays fresh. */
export interface LatentPosterior {
  /** `[T, H, W, C]`, as the encoder gives it. */
  readonly shape: readonly [time: number, height: number, width: number, channels: number];
  readonly mean: Float32Array;
  readonly logVariance: Float32Array;
}

const indexSchema = z.strictObject({
  version: z.literal(1),
  file: z.string().regex(/^latents-[0-9a-f]+\.safetensors$/),
  bytes: z.int().positive(),
  sha256: z.string().length(64),
  entries: z.array(
    z.strictObject({
      key: z.string().length(64),
      content: z.string(),
      encoder: z.string(),
      transform: z.string().length(64),
    }),
  ),
});

export type ShardIndex = z.infer<typeof indexSchema>;
export type ShardEntry = ShardIndex["entries"][number];

export const indexEnding = ".index.json";

/** Writes one shard and then its index. */
export async function writeShard(
  folder: string,
  items: readonly (ShardEntry & { readonly posterior: LatentPosterior })[],
  dtype: "F32" | "F16" | "BF16",
): Promise<ShardIndex> {
  const tensors = new Map<string, StoredTensor>();
  for (const { key, posterior } of items) {
    tensors.set(`${key}.mean`, storeFloats(posterior.mean, posterior.shape, dtype));
    tensors.set(`${key}.logvar`, storeFloats(posterior.logVariance, posterior.shape, dtype));
  }
  const file = `latents-${randomUUID().replaceAll("-", "").slice(0, 16)}.safetensors`;
  const target = path.join(folder, file);
  await writeSafetensors(target, tensors, { format: "noisereel-latents" });
  const index: ShardIndex = {
    version: 1,
    file,
    bytes: (await stat(target)).size,
    sha256: await fileSha256(target),
    entries: items.map(({ key, content, encoder, transform }) => ({ key, content, encoder, transform })),
  };
  await writeFileAtomically(`${target}${indexEnding}`, `${JSON.stringify(index)}\n`);
  return index;
}

/** Reads an index and checks that its shard is there with the stated size. Otherwise returns the reason why not. */
export async function readShardIndex(indexFile: string): Promise<ShardIndex | { readonly reason: string }> {
  try {
    const index = indexSchema.parse(JSON.parse(await readFile(indexFile, "utf8")));
    if (`${index.file}${indexEnding}` !== path.basename(indexFile)) return { reason: `it names ${index.file}` };
    const { size } = await stat(path.join(path.dirname(indexFile), index.file));
    return size === index.bytes ? index : { reason: `${index.file} has ${size} bytes instead of ${index.bytes}` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return { reason: "its shard is missing" };
    return {
      reason: error instanceof z.ZodError || error instanceof SyntaxError ? "it is no shard index" : String(error),
    };
  }
}

/** Throws a `CheckpointError` unless the shard's bytes are the ones that were written. */
export async function verifyShard(folder: string, index: ShardIndex): Promise<void> {
  const actual = await fileSha256(path.join(folder, index.file));
  if (actual !== index.sha256) {
    throw new CheckpointError(`${index.file} was damaged after it was written: its sha256 is ${actual.slice(0, 12)}…`);
  }
}

/** A short name for a transform in an index. */
export const transformHash = (canonical: string): string => createHash("sha256").update(canonical).digest("hex");
