// Names of sampled files: NNN-slug-seed, so that they sort by age, can be read, and never replace each other.
import { readdir } from "node:fs/promises";

/** Letters and digits of `text` in lower case, words joined by hyphens, at most `length` characters. */
export function slug(text: string, length = 40): string {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  let name = "";
  for (const word of words) {
    const longer = name === "" ? word : `${name}-${word}`;
    if (longer.length > length) break;
    name = longer;
  }
  return name === ""
    ? Array.from(words[0] ?? "clip")
        .slice(0, length)
        .join("")
    : name;
}

/** Gives each clip a number above all that are in `folder`. */
export async function outputNames(
  folder: string,
): Promise<(clip: { readonly prompt: string; readonly seed: number }) => string> {
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  let last = 0;
  for (const name of present) {
    const digits = /^(\d+)-/.exec(name)?.[1];
    if (digits !== undefined) last = Math.max(last, Number(digits));
  }
  return ({ prompt, seed }) => `${String(++last).padStart(3, "0")}-${slug(prompt)}-${seed}`;
}
