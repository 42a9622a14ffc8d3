// A clip source as another author would write it: one file that knows nothing but the contracts.
import { type Clip, ClipError, type ClipSource, ConfigError } from "@noisereel/core";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Folders of pictures `*.ppm` (P6, 8 bits) below `folder`; each folder is a clip, its pictures in the order of their names. */
export async function ppmFolders(folder: string, options: { readonly fps: number }): Promise<ClipSource> {
  const items = await readdir(folder, { withFileTypes: true });
  const names = items
    .filter((item) => item.isDirectory())
    .map((item) => item.name)
    .toSorted();
  return {
    name: folder,
    length: names.length,
    async get(index, call = {}) {
      const name = names[index];
      if (name === undefined) throw new ConfigError(`index is ${index}; ${folder} has ${names.length} clips, from 0`);
      return readClip(path.join(folder, name), { id: name, fps: options.fps, signal: call.signal });
    },
  };
}

async function readClip(
  folder: string,
  options: { readonly id: string; readonly fps: number; readonly signal: AbortSignal | undefined },
): Promise<Clip> {
  const { id, fps, signal } = options;
  const files = (await readdir(folder)).filter((name) => name.endsWith(".ppm")).toSorted();
  if (files.length === 0) throw new ClipError(`${folder} holds no .ppm pictures`, { id, path: folder });
  const frames: Buffer[] = [];
  let size = "";
  for (const file of files) {
    signal?.throwIfAborted();
    const bytes = await readFile(path.join(folder, file));
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(bytes.subarray(0, 40).toString("latin1"));
    if (header === null) throw new ClipError(`${file} of ${folder} is no 8-bit PPM picture`, { id, path: folder });
    if (size !== "" && size !== `${header[1]}x${header[2]}`) {
      throw new ClipError(`${file} of ${folder} is ${header[1]}x${header[2]}, the pictures before it ${size}`, {
        id,
        path: folder,
      });
    }
    size = `${header[1]}x${header[2]}`;
    frames.push(bytes.subarray(header[0].length));
  }
  const [width, height] = size.split("x").map(Number) as [number, number];
  const pixels = new Uint8Array(Buffer.concat(frames)); // [T, H, W, 3]
  if (pixels.length !== files.length * height * width * 3) {
    throw new ClipError(`a picture of ${folder} is cut short`, { id, path: folder });
  }
  return { id, pixels, frames: files.length, height, width, fps };
}
