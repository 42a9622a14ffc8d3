// Frames as numbered PNG files in a folder of their own: exact, and what other programs take apart or put together.
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ClipError, ConfigError, ShapeError } from "@noisereel/core";
import { temporaryPrefix } from "@noisereel/core/node";
import { createClip } from "../clip.js";
import type { VideoFrame } from "./frame.js";
import { encodePng } from "./image.js";

interface NamePattern {
  readonly before: string;
  readonly digits: number;
  readonly after: string;
}

/** True for names such as `frames/%05d.png`. */
export const isPngSequence = (file: string): boolean => patternOf(file) !== undefined;

/**
 * Writes `folder/%05d.png` as `folder/00000.png`, `folder/00001.png` and so on. The folder appears when it is whole. One that is
 * there already is replaced if it holds nothing but such files; otherwise a `ConfigError` names what else is in it. Returns the
 * number of frames.
 */
export async function writePngSequence(
  file: string,
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  const { signal } = options;
  const pattern = patternOf(file)!;
  const folder = path.resolve(path.dirname(file));
  await requireReplaceable(folder, pattern);
  const temporary = path.join(
    path.dirname(folder),
    `${temporaryPrefix}${randomUUID().slice(0, 8)}-${path.basename(folder)}`,
  );
  try {
    await mkdir(temporary, { recursive: true });
    let first: VideoFrame | undefined;
    let count = 0;
    for await (const frame of frames) {
      signal?.throwIfAborted();
      const { height, width, fps, pixels } = frame;
      first ??= frame;
      if (height !== first.height || width !== first.width) {
        throw new ShapeError(
          `frame ${count} is ${width}x${height} but ${file} began with ${first.width}x${first.height}; frames of one sequence need one size`,
        );
      }
      const picture = await encodePng(createClip(pixels, { id: file, height, width, fps }));
      await writeFile(path.join(temporary, nameOf(pattern, count)), picture);
      count++;
    }
    if (count === 0) throw new ClipError(`cannot write ${file}: there are no frames`, { path: file });
    await replaceFolder(folder, temporary);
    return count;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined); // the first error is the one to tell
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new ClipError(`cannot write ${file}: ${(error as Error).message}`, { path: file, cause: error });
  }
}

function patternOf(file: string): NamePattern | undefined {
  const match = /^([^%]*)%(?:0(\d))?d([^%]*\.png)$/i.exec(path.basename(file));
  return match === null ? undefined : { before: match[1]!, digits: Number(match[2] ?? 1), after: match[3]! };
}

const nameOf = ({ before, digits, after }: NamePattern, number: number): string =>
  `${before}${String(number).padStart(digits, "0")}${after}`;

async function requireReplaceable(folder: string, { before, after }: NamePattern): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new ClipError(`cannot write into ${folder}: ${error.message}`, { path: folder, cause: error });
  });
  const other = names.find((name) => {
    const isOurs = name.startsWith(before) && name.endsWith(after);
    return !isOurs || !/^\d+$/.test(name.slice(before.length, name.length - after.length));
  });
  if (other === undefined) return;
  throw new ConfigError(
    `${folder} holds ${other}, which is no frame of the sequence; give the sequence a folder of its own`,
  );
}

/** The new folder in the place of the old one; when that fails the old one is back. */
async function replaceFolder(folder: string, fresh: string): Promise<void> {
  const old = `${fresh}-old`;
  const existed = await rename(folder, old).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  try {
    await rename(fresh, folder);
  } catch (error) {
    if (existed) await rename(old, folder);
    throw error;
  }
  if (existed) await rm(old, { recursive: true, force: true });
}
