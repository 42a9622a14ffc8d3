// Clips as files that Weights & Biases shows: a film as it is when it has a format for it, else its frames side by side.
import type { Clip } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { filmStrip } from "../png.js";
import type { WandbMedia } from "./line.js";

/** The files that W&B plays. */
export const playedExtensions: readonly string[] = [".mp4", ".webm", ".gif"];

export interface StoredClip {
  /** Below which the media lie, under their paths. */
  readonly folder: string;
  readonly step: number;
  /** As W&B is told it, slashes included. */
  readonly name: string;
  readonly clip: Clip;
  /** A file of this clip; taken when W&B plays its kind and the clip has more than one frame. */
  readonly film: string | undefined;
}

export async function storeClip({ folder, step, name, clip, film }: StoredClip): Promise<WandbMedia> {
  const extension = film === undefined ? "" : path.extname(film).toLowerCase();
  const caption = clip.caption === undefined ? {} : { caption: clip.caption };
  const base = `${name.replaceAll("/", "_")}_${step}`;
  if (film !== undefined && clip.frames > 1 && playedExtensions.includes(extension)) {
    const file = await store(folder, `media/videos/${base}`, extension, await readFile(film));
    return { _type: "video-file", ...file, ...caption };
  }
  const { png, width, height } = filmStrip(clip);
  const file = await store(folder, `media/images/${base}`, ".png", png);
  return { _type: "image-file", ...file, ...caption, format: "png", width, height };
}

/** Writes `bytes` under a name that has their sum in it, so that a replaced clip is another file. */
async function store(
  folder: string,
  base: string,
  extension: string,
  bytes: Uint8Array,
): Promise<Pick<WandbMedia, "path" | "sha256" | "size">> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const name = `${base}_${sha256.slice(0, 20)}${extension}`;
  await writeFileAtomically(path.join(folder, ...name.split("/")), bytes);
  return { path: name, sha256, size: bytes.byteLength };
}
