// The zip archive that `torch.save` writes (PyTorch 1.6 and later): every entry lies in it uncompressed.
import { CheckpointError } from "@noisereel/core";
import type { FileBytes } from "./file-bytes.js";

/** Parts of a checkpoint by name. */
export interface TorchEntries {
  /** The checkpoint's path, for messages. */
  readonly file: string;
  /** Bytes of an entry, named as in an archive but without its folder: `data/0`. Undefined where there is none. */
  size(name: string): number | undefined;
  /** Bytes `start .. end` of an entry. */
  read(name: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

export interface TorchArchive extends TorchEntries {
  close(): void;
}

interface ArchiveEntry {
  readonly size: number;
  /** Where its bytes begin in the file. */
  start(): Promise<number>;
}

/** More entries than any checkpoint has tensors. */
const maxEntries = 200_000;

/**
 * Lists the entries of the archive in `bytes`; nothing else is read. Throws `CheckpointError` for a file that is no such
 * archive, or holds compressed, encrypted or overlapping entries, which torch never writes.
 */
export async function openTorchArchive(bytes: FileBytes): Promise<TorchArchive> {
  const { file } = bytes;
  const yauzl = await import("yauzl");
  const zip = await yauzl.default.openPromise(file, { autoClose: false, lazyEntries: true }).catch(damaged(file));
  try {
    const entries = await listEntries(file, bytes.size, zip);
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
        return bytes.read(first + start, first + end);
      },
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
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
