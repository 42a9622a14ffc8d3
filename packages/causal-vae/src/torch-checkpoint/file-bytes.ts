// Ranges of bytes of a file, read when asked for.
import { CheckpointError } from "@noisereel/core";

export interface FileBytes {
  /** Its path, for messages. */
  readonly file: string;
  /** Bytes in the file. */
  readonly size: number;
  /** Bytes `start .. end`. Throws `CheckpointError` when the file is shorter. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** One read from the file. */
const maxReadBytes = 2 ** 30;

/** Opens `file`. Throws `CheckpointError` for one that cannot be opened. */
export async function openFileBytes(file: string): Promise<FileBytes> {
  const { open } = await import("node:fs/promises");
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw new CheckpointError(`cannot open ${file}: ${(cause as Error).message}; check the path`, { cause });
  });
  try {
    const { size } = await handle.stat();
    return {
      file,
      size,
      async read(start, end) {
        if (end > size) throw new CheckpointError(`${file} ends early, at byte ${size}; it is damaged`);
        const bytes = new Uint8Array(end - start);
        let done = 0;
        while (done < bytes.byteLength) {
          const length = Math.min(bytes.byteLength - done, maxReadBytes);
          const { bytesRead } = await handle.read(bytes, done, length, start + done);
          if (bytesRead === 0) throw new CheckpointError(`${file} ends early, at byte ${start + done}; it is damaged`);
          done += bytesRead;
        }
        return bytes;
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
