// From the bytes of `data.pkl` to values, with no way to run anything.
import { CheckpointError } from "@noisereel/core";
import { Parser } from "pickleparser";
import { checkedPickle } from "./opcodes.js";
import { resolveGlobal, resolveStorage, type TorchValue } from "./values.js";

/**
 * Reads a pickle of weights. Throws `CheckpointError` naming the first class or function in it that is not one of a
 * checkpoint's; `where` names the file.
 */
export function unpickle(pickle: Uint8Array, where: string): TorchValue {
  const parser = new Parser({
    unpicklingTypeOfDictionary: "Map",
    persistentResolver: { resolve: (id: unknown) => resolveStorage(id) },
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
    return parser.parse<TorchValue>(checkedPickle(pickle));
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
