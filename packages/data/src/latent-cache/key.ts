// What a cached latent depends on, as one hash.
import { createHash } from "node:crypto";
import type { JsonValue } from "@noisereel/core";

export interface CacheKeyParts {
  /** Identity of the pixels that went in: the sha256 of the file, or `clipSha256` of the clip. */
  readonly content: string;
  /** How the clip was cut, resized and normalised. Any change of it is another key. */
  readonly transform: JsonValue;
  /** Identity of the encoder: a hash of its weights and configuration. */
  readonly encoder: string;
}

/** The sha256, in hexadecimal, of the three parts. The order of object keys does not matter. */
export function cacheKey(parts: CacheKeyParts): string {
  const { content, transform, encoder } = parts;
  return createHash("sha256").update(canonicalJson({ content, encoder, transform })).digest("hex");
}

/** JSON with sorted keys. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item as JsonValue)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
}

/** The sha256, in hexadecimal, of a clip's shape and pixels. Id, caption and fps do not count. */
export function clipSha256(clip: { frames: number; height: number; width: number; pixels: Uint8Array }): string {
  const { frames, height, width, pixels } = clip;
  return createHash("sha256").update(`${frames}x${height}x${width}\n`).update(pixels).digest("hex");
}
