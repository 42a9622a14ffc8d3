// Files written by `torch.save`, read without running anything in them.
import { CheckpointError, type StoredTensor } from "@noisereel/core";
import { openTorchArchive } from "./archive.js";
import { type FileBytes, openFileBytes } from "./file-bytes.js";
import { maxPickleBytes, readPickleStream } from "./pickle-stream.js";
import { readTensor } from "./tensors.js";
import { unpickle } from "./unpickle.js";
import type { TorchTensor, TorchValue } from "./values.js";

export interface TorchCheckpoint {
  /** What was saved, its tensors not read yet. */
  readonly root: TorchValue;
  /** Reads one tensor, made contiguous. `name` is for messages. 8- and 16-bit integers come as I32. */
  read(tensor: TorchTensor, name: string): Promise<StoredTensor>;
  close(): Promise<void>;
}

/**
 * Opens a checkpoint (`.ckpt`, `.pt`, `.pth`, `.bin`) and reads its structure: a zip archive, or the stream of pickles that
 * PyTorch wrote before version 1.6. Close it when done. Pickles are checked, not executed: a name in one that is not a
 * tensor's or a training library's is a `CheckpointError`, and so are damaged and compressed files.
 */
export async function openTorchCheckpoint(file: string): Promise<TorchCheckpoint> {
  const bytes = await openFileBytes(file);
  try {
    if ((await formatOf(bytes)) === "archive") return await openArchive(bytes);
    const { root, entries } = await readPickleStream(bytes);
    return { root, read: (tensor, name) => readTensor(entries, tensor, name), close: () => bytes.close() };
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** What the first bytes say. */
async function formatOf(bytes: FileBytes): Promise<"archive" | "pickles"> {
  const first = await bytes.read(0, Math.min(2, bytes.size));
  if (first[0] === 0x50 && first[1] === 0x4b) return "archive"; // "PK"
  if (first[0] === 0x80) return "pickles"; // PROTO
  throw new CheckpointError(
    `${bytes.file} is not a PyTorch checkpoint: it begins neither as a zip archive nor as a pickle; give a file written by torch.save, or safetensors`,
  );
}

async function openArchive(bytes: FileBytes): Promise<TorchCheckpoint> {
  const { file } = bytes;
  const archive = await openTorchArchive(bytes);
  try {
    const size = archive.size("data.pkl");
    if (size === undefined) {
      throw new CheckpointError(`${file} is a zip archive without data.pkl; give a file written by torch.save`);
    }
    if (size > maxPickleBytes) {
      throw new CheckpointError(
        `${file} describes its content in ${size} bytes, more than ${maxPickleBytes}; save its tensors alone: torch.save(model.state_dict(), "weights.pt")`,
      );
    }
    await checkByteOrder();
    const { value } = unpickle(await archive.read("data.pkl", 0, size), file);
    return {
      root: value,
      read: (tensor, name) => readTensor(archive, tensor, name),
      async close() {
        archive.close();
        await bytes.close();
      },
    };
  } catch (error) {
    archive.close();
    throw error;
  }

  async function checkByteOrder(): Promise<void> {
    const length = archive.size("byteorder");
    if (length === undefined) return; // files from before PyTorch 2.1 do not say
    const text = new TextDecoder().decode(await archive.read("byteorder", 0, Math.min(length, 16)));
    if (text.trim() === "big") {
      throw new CheckpointError(`${file} was saved on a big-endian machine, which is not read; save it on another`);
    }
  }
}
