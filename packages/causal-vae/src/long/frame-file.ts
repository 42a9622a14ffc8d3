// Frames that lie in a temporary file, so that a clip may be longer and larger than the memory.
import { ClipError, ShapeError } from "@noisereel/core";
import type { FileHandle } from "node:fs/promises";

export interface FrameFileOptions {
  /** Frames that there are from the beginning, all 0. Default none. */
  readonly frames?: number;
  readonly height: number;
  readonly width: number;
  /** Bytes are what videos hold; floats are what tiles are summed in. */
  readonly type: "uint8" | "float32";
  /** Folder of the temporary file. Default the system's. */
  readonly folder?: string;
}

/** Half-open: rows `top .. top + height`, columns `left .. left + width`. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

type Values = Uint8Array | Float32Array;

/** RGB frames `[T, H, W, 3]` in a file that `close` removes. Writing a frame behind the last makes it longer. */
export class FrameFile {
  readonly height: number;
  readonly width: number;
  readonly #handle: FileHandle;
  readonly #remove: () => Promise<void>;
  readonly #bytesPerValue: 1 | 4;
  #frames: number;

  private constructor(options: FrameFileOptions, handle: FileHandle, remove: () => Promise<void>) {
    this.#frames = options.frames ?? 0;
    this.height = options.height;
    this.width = options.width;
    this.#bytesPerValue = options.type === "uint8" ? 1 : 4;
    this.#handle = handle;
    this.#remove = remove;
  }

  /** Makes the file; it takes its full size on the disk as frames are written. */
  static async create(options: FrameFileOptions): Promise<FrameFile> {
    const { mkdtemp, open, rm } = await import("node:fs/promises");
    const os = await import("node:os");
    const path = await import("node:path");
    const folder = await mkdtemp(path.join(options.folder ?? os.tmpdir(), "noisereel-frames-"));
    const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
    try {
      const handle = await open(path.join(folder, "frames"), "wx+");
      const file = new FrameFile(options, handle, remove);
      await handle.truncate(file.frames * file.#rowBytes * options.height);
      return file;
    } catch (error) {
      await remove();
      throw error;
    }
  }

  get frames(): number {
    return this.#frames;
  }

  get #rowBytes(): number {
    return this.width * 3 * this.#bytesPerValue;
  }

  /** Values of a region of one frame, `[height, width, 3]`. */
  async read(frame: number, region: Region): Promise<Values> {
    const rows = await this.#readRows(frame, region.top, region.height);
    if (region.left === 0 && region.width === this.width) return rows;
    const result = new (rows.constructor as new (length: number) => Values)(region.height * region.width * 3);
    for (let row = 0; row < region.height; row++) {
      const from = (row * this.width + region.left) * 3;
      result.set(rows.subarray(from, from + region.width * 3), row * region.width * 3);
    }
    return result;
  }

  /** Writes one whole frame, `[H, W, 3]`. */
  async write(frame: number, values: Values): Promise<void> {
    if (values.length !== this.height * this.width * 3 || values.BYTES_PER_ELEMENT !== this.#bytesPerValue) {
      throw new ShapeError(
        `a frame of ${values.length} values of ${values.BYTES_PER_ELEMENT} bytes does not fit a file of ${this.height} x ${this.width} x 3 of ${this.#bytesPerValue}; give whole frames of the file's type`,
      );
    }
    await this.#writeRows(frame, 0, values);
    this.#frames = Math.max(this.#frames, frame + 1);
  }

  /** Adds `values` `[height, width, 3]`, each times the weights of its row and column, to a region of a float frame. */
  async add(
    frame: number,
    region: Region,
    values: Float32Array,
    weights: { readonly rows: Float32Array; readonly columns: Float32Array },
  ): Promise<void> {
    const rows = await this.#readRows(frame, region.top, region.height);
    for (let row = 0, from = 0; row < region.height; row++) {
      let to = (row * this.width + region.left) * 3;
      for (let column = 0; column < region.width; column++) {
        const weight = weights.rows[row]! * weights.columns[column]!;
        for (let colour = 0; colour < 3; colour++) rows[to++]! += weight * values[from++]!;
      }
    }
    await this.#writeRows(frame, region.top, rows);
  }

  /** Closes and removes the file. */
  async close(): Promise<void> {
    await this.#handle.close();
    await this.#remove();
  }

  async #readRows(frame: number, top: number, count: number): Promise<Values> {
    const bytes = new Uint8Array(count * this.#rowBytes);
    const start = (frame * this.height + top) * this.#rowBytes;
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) throw new ClipError(`frame ${frame} is not in the temporary file of ${this.frames} frames`);
      done += bytesRead;
    }
    return this.#bytesPerValue === 1 ? bytes : new Float32Array(bytes.buffer);
  }

  async #writeRows(frame: number, top: number, values: Values): Promise<void> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const start = (frame * this.height + top) * this.#rowBytes;
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, start + done);
      done += bytesWritten;
    }
  }
}
