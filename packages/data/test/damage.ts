// Files damaged in known ways, and what reading them must never do: crash, hang, or say nothing.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Clip, createRng, NoisereelError, type Rng } from "@noisereel/core";
import { checkManifest, createClip, encodePng, writeVideo } from "../src/index.js";
import { readFile } from "node:fs/promises";
import { entryRecord } from "../src/manifest/record.js";
import { readManifest } from "../src/manifest/read.js";
import { parquetBytes, tableText } from "../src/manifest/table.js";
import { writeShards } from "../src/manifest/shards.js";

/** Seconds after which a file counts as hanging. */
export const hangSeconds = 10;

export interface DamageResult {
  readonly name: string;
  /** `read`: as if nothing had happened; `told`: with a reason; anything else is a failure. */
  readonly outcome: "read" | "told" | "crash" | "hang" | "silent";
  readonly reason: string | undefined;
  readonly seconds: number;
}

export interface Sound {
  /** Where the sound files are: what damaged manifests speak of. */
  readonly folder: string;
  /** Name and bytes of sound files: videos and images. */
  readonly media: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Name and bytes of sound manifests of those files. */
  readonly manifests: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/** Writes one sound file of each kind into `folder`. */
export async function soundFiles(folder: string): Promise<Sound> {
  const clip = noisyClip();
  const names = ["a.mp4", "b.webm", "c.gif", "d.webp", "e.mov"];
  for (const name of names) await writeVideo(path.join(folder, name), clip);
  await writeFile(path.join(folder, "f.png"), await encodePng(clip));
  const media = await Promise.all(
    [...names, "f.png"].map(async (name) => ({ name, bytes: new Uint8Array(await readFile(path.join(folder, name))) })),
  );
  const { entries } = await readManifest(folder);
  const records = entries.map((entry) => ({
    ...entryRecord(entry, { root: folder }),
    cap: ["a caption", "and another"],
    fps: 10,
    motion: 0.5,
  }));
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const [shard] = await writeShards(entries.slice(0, 2), { folder, prefix: "shard" });
  const manifests = [
    { name: "m.jsonl", bytes: text(records.map((record) => JSON.stringify(record)).join("\n")) },
    { name: "m.json", bytes: text(JSON.stringify(records, null, 1)) },
    { name: "m.csv", bytes: text(tableText(records, ",")) },
    { name: "m.parquet", bytes: parquetBytes(records) },
    { name: "m.tar", bytes: new Uint8Array(await readFile(shard!)) },
  ];
  return { folder, media, manifests };
}

function noisyClip(): Clip {
  const rng = createRng(7);
  const pixels = Uint8Array.from({ length: 9 * 32 * 32 * 3 }, (_, i) => (i % 251) * 0.5 + rng.integer(60));
  return createClip(pixels, { id: "noisy", height: 32, width: 32, fps: 10 });
}

const damages: readonly ((bytes: Uint8Array, rng: Rng) => Uint8Array)[] = [
  (bytes, rng) => bytes.slice(0, rng.integer(bytes.length)), // cut short
  (bytes, rng) => edited(bytes, rng, 1 + rng.integer(4), (value) => value ^ (1 << rng.integer(8))), // single bits
  (bytes, rng) => edited(bytes, rng, 1 + rng.integer(64), () => rng.integer(256)), // bytes
  (bytes, rng) => filled(bytes, rng, 0), // a hole, as a failed download leaves it
  (bytes, rng) => filled(bytes, rng, 255),
  (bytes, rng) => spliced(bytes, rng), // a piece twice
  (bytes, rng) => edited(bytes.slice(), rng, 32, () => rng.integer(256), 64), // the header
  (bytes, rng) => Uint8Array.from({ length: bytes.length }, () => rng.integer(256)), // nothing but noise
];

/** The same damage for the same number. */
export function damaged(
  sound: Sound,
  number: number,
): { readonly name: string; readonly bytes: Uint8Array; readonly isManifest: boolean } {
  const rng = createRng(number).fork("damage");
  const isManifest = number % 4 === 3;
  const from = isManifest ? sound.manifests : sound.media;
  const { name, bytes } = from[rng.integer(from.length)]!;
  const damage = damages[rng.integer(damages.length)]!;
  const extension = path.extname(name);
  return { name: `${isManifest ? "list" : "clip"}-${number}${extension}`, bytes: damage(bytes, rng), isManifest };
}

/** Checks one damaged file the way a user would, and says what came of it. */
export async function readDamaged(sound: Sound, number: number, folder: string): Promise<DamageResult> {
  const { name, bytes, isManifest } = damaged(sound, number);
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  let manifest = file;
  if (!isManifest) {
    manifest = path.join(folder, `of-${number}.jsonl`);
    await writeFile(manifest, JSON.stringify({ path: name, cap: "x" }));
  }
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(new Error("hangs")), hangSeconds * 1000);
  const result = (outcome: DamageResult["outcome"], reason?: string): DamageResult => ({
    name,
    outcome,
    reason,
    seconds: seconds(),
  });
  try {
    const { counts, problems } = await checkManifest(manifest, {
      signal: timer.signal,
      ...(isManifest ? { root: sound.folder } : {}),
    });
    const unread = counts.clips - counts.readable;
    const errors = problems.filter(({ level }) => level === "error");
    if (unread > 0 && errors.length === 0) return result("silent");
    const poor = errors.find(({ reason, remedy }) => reason.length < 8 || remedy === "");
    if (poor !== undefined) return result("silent", poor.reason);
    return errors.length === 0 ? result("read") : result("told", errors[0]!.reason);
  } catch (error) {
    if (timer.signal.aborted) return result("hang");
    return NoisereelError.isInstance(error)
      ? result("told", (error as Error).message)
      : result("crash", (error as Error).stack);
  } finally {
    clearTimeout(timeout);
  }
}

function edited(
  bytes: Uint8Array,
  rng: Rng,
  count: number,
  edit: (value: number) => number,
  within = bytes.length,
): Uint8Array {
  const copy = bytes.slice();
  for (let i = 0; i < count; i++) {
    const at = rng.integer(Math.min(within, copy.length));
    copy[at] = edit(copy[at]!);
  }
  return copy;
}

function filled(bytes: Uint8Array, rng: Rng, value: number): Uint8Array {
  const start = rng.integer(bytes.length);
  return bytes.slice().fill(value, start, start + 1 + rng.integer(bytes.length - start));
}

function spliced(bytes: Uint8Array, rng: Rng): Uint8Array {
  const start = rng.integer(bytes.length);
  const end = start + 1 + rng.integer(bytes.length - start);
  const at = rng.integer(bytes.length);
  const result = new Uint8Array(bytes.length + end - start);
  result.set(bytes.subarray(0, at));
  result.set(bytes.subarray(start, end), at);
  result.set(bytes.subarray(at), at + end - start);
  return result;
}
