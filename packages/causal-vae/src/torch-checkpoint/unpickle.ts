// From the bytes of a pickle to values, with no way to run anything.
import { CheckpointError } from "@noisereel/core";
import { Parser } from "pickleparser";
import { checkedPickle } from "./opcodes.js";
import { resolveGlobal, resolveStorage, type TorchStorage, type TorchValue } from "./values.js";

/** What a pickle describes. */
export interface Unpickled {
  readonly value: TorchValue;
  /** Bytes of the pickle, its end mark included; what follows is not looked at. */
  readonly bytes: number;
}

/**
 * Reads a pickle of weights. Throws `CheckpointError` naming the first class or function in it that is not one of a
 * checkpoint's; `where` names the file. `onStorage` is told every storage that a tensor refers to.
 */
export function unpickle(
  pickle: Uint8Array,
  where: string,
  onStorage: (storage: TorchStorage) => void = () => {},
): Unpickled {
  const parser = new Parser({
    unpicklingTypeOfDictionary: "Map",
    persistentResolver: {
      resolve(id: unknown) {
        const storage = resolveStorage(id);
        onStorage(storage);
        return storage;
      },
    },
    nameResolver: {
      resolve(module: unknown, name: unknown) {
        const found = typeof module === "string" && typeof name === "string" ? resolveGlobal(module, name) : undefined;
        if (found !== undefined) return found as () => unknown;
        throw new CheckpointError(
          `${where} asks for ${shown(module)}.${shown(name)}, which no checkpoint of weights needs; nothing was run and nothing loaded. If you trust the file, save its tensors alone: torch.save(model.state_dict(), "weights.pt")`,
        );
      },
    },
  });
  try {
    const checked = checkedPickle(pickle);
    return { value: parser.parse<TorchValue>(checked), bytes: checked.length };
  } catch (cause) {
    if (CheckpointError.isInstance(cause)) throw cause;
    const reason = (cause as Error).message;
    throw new CheckpointError(
      `${where} is damaged or not a checkpoint of weights: its pickle cannot be read (${reason}); fetch it again`,
      { cause },
    );
  }
}

/** A name out of an untrusted file, printable and short. */
function shown(name: unknown): string {
  const text = typeof name === "string" ? name : typeof name;
  return text.slice(0, 60).replace(/[^\w.<>]/g, "?");
}
