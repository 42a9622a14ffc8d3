// Files written by `torch.save`, read without running anything in them.
import { CheckpointError, type StoredTensor } from "@noisereel/core";
import { openTorchArchive } from "./archive.js";
import { readTensor } from "./tensors.js";
import type { TorchTensor, TorchValue } from "./values.js";
import { unpickle } from "./unpickle.js";

/** Largest pickle that is read. Tensors lie beside it, so that real ones have a few hundred kilobytes. */
const maxPickleBytes = 8 * 2 ** 20;

export interface TorchCheckpoint {
  /** What was saved, its tensors not read yet. */
  readonly root: TorchValue;
  /** Reads one tensor, made contiguous. `name` is for messages. 8- and 16-bit integers come as I32. */
  read(tensor: TorchTensor, name: string): Promise<StoredTensor>;
  close(): Promise<void>;
}

/**
 * Opens a checkpoint (`.ckpt`, `.pt`, `.pth`, `.bin`) of PyTorch 1.6 or later and reads its structure. Close it when
 * done. The pickle inside is checked, not executed: a name in it that is not a tensor's or a training library's is a
 * `CheckpointError`, and so are damaged and compressed files and those from before 1.6.
 */
export async function openTorchCheckpoint(file: string): Promise<TorchCheckpoint> {
  const archive = await openTorchArchive(file);
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
    return {
      root: unpickle(await archive.read("data.pkl", 0, size), file),
      read: (tensor, name) => readTensor(archive, tensor, name),
      close: () => archive.close(),
    };
  } catch (error) {
    await archive.close();
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
