// The zip archive that `torch.save` writes (PyTorch 1.6 and later): every entry lies in it uncompressed.
import { CheckpointError } from "@noisereel/core";

export interface TorchArchive {
  /** The archive's path, for messages. */
  readonly file: string;
  /** Bytes of an entry, named without the archive's folder: `data.pkl`, `data/0`. Undefined where there is none. */
  size(name: string): number | undefined;
  /** Bytes `start .. end` of an entry. */
  read(name: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

interface ArchiveEntry {
  readonly size: number;
  /** Where its bytes begin in the file. */
  start(): Promise<number>;
}

/** More entries than any checkpoint has tensors. */
const maxEntries = 200_000;
/** One read from the file. */
const maxReadBytes = 2 ** 30;

/**
 * Opens `file` and lists its entries; nothing else is read. Throws `CheckpointError` for a file that is no such
 * archive, or holds compressed, encrypted or overlapping entries, which torch never writes.
 */
export async function openTorchArchive(file: string): Promise<TorchArchive> {
  const { open } = await import("node:fs/promises");
  const yauzl = await import("yauzl");
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw new CheckpointError(`cannot open ${file}: ${(cause as Error).message}; check the path`, { cause });
  });
  try {
    const { size: fileBytes } = await handle.stat();
    const readRange = (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> =>
      readFully(handle, file, start, end);
    checkSignature(file, await readRange(0, Math.min(16, fileBytes)));
    const zip = await yauzl.default.openPromise(file, { autoClose: false, lazyEntries: true }).catch(damaged(file));
    try {
      const entries = await listEntries(file, fileBytes, zip);
      return {
        file,
        size: (name) => entries.get(name)?.size,
        async read(name, start, end) {
          const entry = entries.get(name);
          if (entry === undefined) throw new CheckpointError(`${file} has no entry ${name}; it is damaged`);
          if (start < 0 || end > entry.size) {
            throw new CheckpointError(
              `${file}: entry ${name} has ${entry.size} bytes, but bytes ${start} to ${end} are referred to; it is damaged`,
            );
          }
          const first = await entry.start().catch(damaged(file));
          return readRange(first + start, first + end);
        },
        async close() {
          zip.close();
          await handle.close();
        },
      };
    } catch (error) {
      zip.close();
      throw error;
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
}

type ZipFile = Awaited<ReturnType<(typeof import("yauzl"))["openPromise"]>>;

async function listEntries(file: string, fileBytes: number, zip: ZipFile): Promise<ReadonlyMap<string, ArchiveEntry>> {
  const entries = new Map<string, ArchiveEntry>();
  let total = 0;
  if (zip.entryCount > maxEntries) {
    throw new CheckpointError(`${file} claims ${zip.entryCount} entries; no checkpoint has more than ${maxEntries}`);
  }
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName, compressionMethod, compressedSize, uncompressedSize } = entry;
      if (compressionMethod !== 0 || entry.isEncrypted() || compressedSize !== uncompressedSize) {
        throw new CheckpointError(
          `${file} holds a compressed or encrypted entry, which torch does not write; save the weights again with torch.save`,
        );
      }
      // Entries that share bytes would let a small file claim any size.
      total += uncompressedSize;
      if (total > fileBytes) throw new CheckpointError(`${file} claims more bytes than it has; it is damaged`);
      const inner = fileName.slice(fileName.indexOf("/") + 1);
      entries.set(inner, {
        size: uncompressedSize,
        start: async () => (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart,
      });
    }
  } catch (error) {
    return damaged(file)(error);
  }
  return entries;
}

/** Says what a file is that is not a zip archive. */
function checkSignature(file: string, first: Uint8Array): void {
  const starts = (...bytes: readonly number[]): boolean => bytes.every((byte, index) => first[index] === byte);
  if (starts(0x50, 0x4b)) return; // "PK"
  if (starts(0x80)) {
    throw new CheckpointError(
      `${file} is in PyTorch's format from before version 1.6, which is not read; write it again in PyTorch: torch.save(torch.load("old", map_location="cpu"), "new")`,
    );
  }
  throw new CheckpointError(
    `${file} is not a PyTorch checkpoint: it does not begin as a zip archive; give a file written by torch.save, or safetensors`,
  );
}

interface ReadableHandle {
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

async function readFully(
  handle: ReadableHandle,
  file: string,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(bytes.byteLength - done, maxReadBytes);
    const { bytesRead } = await handle.read(bytes, done, length, start + done);
    if (bytesRead === 0) throw new CheckpointError(`${file} ends early, at byte ${start + done}; it is damaged`);
    done += bytesRead;
  }
  return bytes;
}

/** Turns what the zip reader throws into one sentence that names the file. */
function damaged(file: string): (error: unknown) => never {
  return (error) => {
    if (CheckpointError.isInstance(error)) throw error;
    throw new CheckpointError(
      `${file} is not a whole PyTorch checkpoint (${(error as Error).message}); it may be cut short: fetch it again`,
      { cause: error },
    );
  };
}
