// Safetensors on disk: lazy reading, one file or shards, atomic writing.
import { open, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { StateDict, StoredTensor } from "../contracts.js";
import { CheckpointError } from "../errors.js";
import { writeFileAtomically } from "../files.js";
import { headerLength, parseHeader, serializeHeader, type SafetensorsHeader } from "./format.js";

export interface SafetensorsFile extends SafetensorsHeader {
  /** Reads one tensor's bytes. */
  read(name: string): Promise<StoredTensor>;
  close(): Promise<void>;
}

/** Opens a file and reads its header only; tensors are read one at a time. Close it when done. */
export async function openSafetensors(file: string): Promise<SafetensorsFile> {
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw new CheckpointError(`cannot open ${file}: ${(cause as Error).message}`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const readRange = async (start: number, end: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(end - start);
      let done = 0;
      while (done < bytes.byteLength) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(bytes.byteLength - done, 2 ** 30), start + done);
        if (bytesRead === 0) throw new CheckpointError(`${file} ends early, at byte ${start + done}; it is damaged`);
        done += bytesRead;
      }
      return bytes;
    };
    const length = headerLength(await readRange(0, Math.min(8, size)), size, file);
    const header = parseHeader(await readRange(8, 8 + length), size, file);
    return {
      ...header,
      async read(name) {
        const entry = header.entries.get(name);
        if (entry === undefined) throw new CheckpointError(`${file} holds no tensor ${name}`, { missing: [name] });
        return { dtype: entry.dtype, shape: entry.shape, bytes: await readRange(entry.start, entry.end) };
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Every tensor of one file. */
export async function readSafetensors(
  file: string,
): Promise<{ readonly tensors: StateDict; readonly metadata: Readonly<Record<string, string>> }> {
  const opened = await openSafetensors(file);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const name of opened.entries.keys()) tensors.set(name, await opened.read(name));
    return { tensors, metadata: opened.metadata };
  } finally {
    await opened.close();
  }
}

/** Writes a file that is either whole or absent. */
export async function writeSafetensors(
  file: string,
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const chunks = [serializeHeader(tensors, metadata), ...[...tensors.values()].map(({ bytes }) => bytes)];
  await writeFileAtomically(file, chunks);
}

/**
 * The weights in a model folder: `<name>.safetensors`, or the shards that `<name>.safetensors.index.json` lists.
 * Names tried in order, default diffusers' and transformers'.
 */
export async function readWeights(
  folder: string,
  names: readonly string[] = ["diffusion_pytorch_model", "model"],
): Promise<StateDict> {
  for (const name of names) {
    const single = path.join(folder, `${name}.safetensors`);
    if (await exists(single)) return (await readSafetensors(single)).tensors;
    const index = `${single}.index.json`;
    if (await exists(index)) return readShards(folder, index);
  }
  const tried = names.map((name) => `${name}.safetensors`).join(", ");
  throw new CheckpointError(`${folder} holds no weights: looked for ${tried} and their .index.json`);
}

async function readShards(folder: string, indexFile: string): Promise<StateDict> {
  const index = JSON.parse(await readFile(indexFile, "utf8")) as { weight_map?: Record<string, string> };
  if (index.weight_map === undefined)
    throw new CheckpointError(`${indexFile} has no weight_map; it is not a shard index`);
  const tensors = new Map<string, StoredTensor>();
  for (const shard of new Set(Object.values(index.weight_map))) {
    if (path.basename(shard) !== shard)
      throw new CheckpointError(`${indexFile} names ${shard}; shards must lie beside it`);
    for (const [name, tensor] of (await readSafetensors(path.join(folder, shard))).tensors) tensors.set(name, tensor);
  }
  const missing = Object.keys(index.weight_map).filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    throw new CheckpointError(`${indexFile} lists ${missing.length} tensors that its shards lack (${missing[0]}, …)`, {
      missing,
    });
  }
  return tensors;
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
