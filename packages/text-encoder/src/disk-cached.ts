// Embeddings of prompts on disk, for encoders that are too large to run again or even to load. L tokens, D width.
import {
  type CallOptions,
  ConfigError,
  type MaybePromise,
  NoisereelError,
  type StoredTensor,
  type TextEncoder,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { captionCount, type Entry, joinEntries } from "./entries.js";

/** An encoder that is made when a prompt is not in the cache, and never when all are. */
export interface LazyTextEncoder extends Pick<TextEncoder, "name" | "width" | "maxTokens"> {
  load(): MaybePromise<TextEncoder>;
}

export interface DiskCachedOptions {
  /** Made when missing. One folder may serve several encoders and processes at once. */
  readonly folder: string;
  /**
   * What the embeddings depend on beside the prompt: weights, tokenizer, cleaning. `hashFolder` of the model's folder, or any
   * text that changes when one of them does.
   */
  readonly encoderHash: string;
  /** Told of an entry that was damaged, before it is encoded again. */
  readonly onDamaged?: ((file: string, reason: string) => void) | undefined;
}

interface StoredEntry extends Entry {
  /** Real tokens, up to the last one that the mask shows. */
  readonly tokens: number;
}

/**
 * Keeps the embeddings of each prompt in a file of its own, named by a hash of encoder and prompt. Files are whole or absent,
 * whatever kills the process, and verified by a checksum when they are read. Tokens after the last real one come back as zeros,
 * whether they were cached or not. Put `cached` around it to keep the last prompts in memory too. Needs a file system.
 */
export function diskCached(encoder: TextEncoder | LazyTextEncoder, options: DiskCachedOptions): TextEncoder {
  const { folder, encoderHash } = options;
  if (encoderHash === "") throw new ConfigError("encoderHash is empty; use hashFolder of the encoder's model folder");
  const { width, maxTokens } = encoder;
  let made: TextEncoder | undefined = "load" in encoder ? undefined : encoder;

  async function encodeMissing(
    missing: ReadonlyMap<string, string>,
    call: CallOptions,
  ): Promise<Map<string, StoredEntry>> {
    const entries = new Map<string, StoredEntry>();
    if (missing.size === 0) return entries;
    made ??= await (encoder as LazyTextEncoder).load();
    if (made.width !== width || made.maxTokens < maxTokens) {
      throw new ConfigError(
        `load() made an encoder of width ${made.width} and ${made.maxTokens} tokens where ${width} and ${maxTokens} were announced; correct them`,
      );
    }
    const prompts = [...missing.keys()];
    const { embeddings, mask } = await made.encode(
      prompts.map((prompt) => [prompt]),
      call,
    ); // [P, 1, L, D]
    try {
      const length = mask.shape[2];
      const [values, masks] = await Promise.all([embeddings.data(), mask.data()]);
      for (const [i, prompt] of prompts.entries()) {
        const row = Float32Array.from(masks.subarray(i * length, (i + 1) * length));
        const tokens = row.findLastIndex((value) => value === 1) + 1;
        const entry: StoredEntry = {
          tokens,
          embedding: Float32Array.from(values.subarray(i * length * width, (i * length + tokens) * width)),
          mask: row.subarray(0, tokens),
        };
        await writeEntry(missing.get(prompt)!, entry, { width, prompt, encoder: encoder.name });
        entries.set(prompt, entry);
      }
      return entries;
    } finally {
      tf.dispose([embeddings, mask]);
    }
  }

  return {
    name: `diskCached(${encoder.name})`,
    width,
    maxTokens,
    async encode(prompts, call = {}) {
      captionCount(prompts); // before anything is read or encoded
      call.signal?.throwIfAborted();
      const entries = new Map<string, StoredEntry>();
      const missing = new Map<string, string>();
      for (const prompt of new Set(prompts.flat())) {
        const file = await entryFile(folder, encoderHash, prompt);
        const entry = await readEntry(file, { width, maxTokens, onDamaged: options.onDamaged });
        if (entry === undefined) missing.set(prompt, file);
        else entries.set(prompt, entry);
      }
      for (const [prompt, entry] of await encodeMissing(missing, call)) entries.set(prompt, entry);
      return joinEntries(prompts, entries, encoder);
    },
    dispose() {
      made?.dispose();
    },
  };
}

/** sha256 of the names and bytes of every file directly in `folder`, in the order of their names, as hex digits. */
export async function hashFolder(folder: string, options: CallOptions = {}): Promise<string> {
  const [{ createHash }, { createReadStream }, { readdir }, path] = await Promise.all([
    import("node:crypto"),
    import("node:fs"),
    import("node:fs/promises"),
    import("node:path"),
  ]);
  const files = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  if (files.length === 0) throw new ConfigError(`${folder} holds no files to hash; pass the folder of a model`);
  const whole = createHash("sha256");
  for (const { name } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path.join(folder, name), { highWaterMark: 2 ** 22 })) {
      options.signal?.throwIfAborted();
      hash.update(chunk as Uint8Array);
    }
    whole.update(`${name}\n${hash.digest("hex")}\n`);
  }
  return whole.digest("hex");
}

/** Spread over 256 folders, so that none holds too many files. */
async function entryFile(folder: string, encoderHash: string, prompt: string): Promise<string> {
  const [{ createHash }, path] = await Promise.all([import("node:crypto"), import("node:path")]);
  const key = createHash("sha256").update(`${encoderHash}\0${prompt}`).digest("hex");
  return path.join(folder, key.slice(0, 2), `${key.slice(2)}.safetensors`);
}

async function checksum(tensors: readonly StoredTensor[]): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  for (const { shape, bytes } of tensors) hash.update(`${shape.join()}\n`).update(bytes);
  return hash.digest("hex");
}

async function writeEntry(
  file: string,
  { tokens, embedding, mask }: StoredEntry,
  about: { readonly width: number; readonly prompt: string; readonly encoder: string },
): Promise<void> {
  const { writeSafetensors } = await import("@noisereel/core/node");
  const stored = (values: Float32Array, shape: readonly number[]): StoredTensor => ({
    dtype: "F32",
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
  const tensors = { embedding: stored(embedding, [tokens, about.width]), mask: stored(mask, [tokens]) };
  await writeSafetensors(file, new Map(Object.entries(tensors)), {
    prompt: about.prompt,
    encoder: about.encoder,
    sha256: await checksum([tensors.embedding, tensors.mask]),
  });
}

/** Undefined when there is none, or none that can be trusted. */
async function readEntry(
  file: string,
  options: { readonly width: number; readonly maxTokens: number } & Pick<DiskCachedOptions, "onDamaged">,
): Promise<StoredEntry | undefined> {
  const [{ stat }, { readSafetensors }] = await Promise.all([
    import("node:fs/promises"),
    import("@noisereel/core/node"),
  ]);
  const found = await stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  if (!found) return undefined;
  const damaged = (reason: string): undefined => {
    options.onDamaged?.(file, reason);
    return undefined;
  };
  try {
    const { tensors, metadata } = await readSafetensors(file);
    const [embedding, mask] = [tensors.get("embedding"), tensors.get("mask")];
    if (embedding === undefined || mask === undefined) return damaged("it holds no embedding");
    if ((await checksum([embedding, mask])) !== metadata["sha256"]) return damaged("its checksum is another");
    const [tokens, width] = embedding.shape as [number, number];
    if (width !== options.width || tokens > options.maxTokens || mask.shape[0] !== tokens) {
      return damaged(`it holds ${tokens} tokens of width ${width}`);
    }
    return { tokens, embedding: floatsOf(embedding), mask: floatsOf(mask) };
  } catch (error) {
    if (NoisereelError.isInstance(error)) return damaged((error as Error).message);
    throw error;
  }
}

function floatsOf({ bytes }: StoredTensor): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
