// Weights in one file: safetensors, or what PyTorch and Lightning save.
import { CheckpointError, type StateDict, type StoredTensor } from "@noisereel/core";
import { openTorchCheckpoint, type TorchCheckpoint } from "./torch-checkpoint/checkpoint.js";
import { TorchTensor, type TorchValue } from "./torch-checkpoint/values.js";

/** Endings of files that `torch.save` and Lightning write. */
export const torchEndings = [".ckpt", ".pt", ".pth", ".bin"] as const;

export interface WeightsFileOptions {
  /** Prefer the averaged weights of a training checkpoint that holds both. Default true. */
  readonly ema?: boolean;
  /** Names to leave out, unread. Default the training losses' (`loss.*`). */
  readonly ignore?: (name: string) => boolean;
}

/** Weights that belong to the reference's training losses and not to the model. */
export const isLossKey = (name: string): boolean => name.startsWith("loss.");

/**
 * The weights in a `.safetensors` file, or in a `.ckpt`, `.pt`, `.pth` or `.bin` file of PyTorch. A training checkpoint
 * is unwrapped: `ema_state_dict`, else `state_dict` and in it `gen_model`; a prefix `module.` on every name falls off.
 * Throws `CheckpointError` for damaged files, for pickles that name anything but weights, and for values that are not
 * finite; nothing in a file is ever executed.
 */
export async function readWeightsFile(file: string, options: WeightsFileOptions = {}): Promise<StateDict> {
  const path = await import("node:path");
  const ending = path.extname(file).toLowerCase();
  const ignore = options.ignore ?? isLossKey;
  if (ending === ".safetensors") {
    const { readSafetensors } = await import("@noisereel/core/node");
    const { tensors } = await readSafetensors(file);
    return finite(new Map([...tensors].filter(([name]) => !ignore(name))), file);
  }
  if (!(torchEndings as readonly string[]).includes(ending)) {
    throw new CheckpointError(
      `${file} ends in "${ending}"; weights are read from .safetensors, ${torchEndings.join(", ")}`,
    );
  }
  const checkpoint = await openTorchCheckpoint(file);
  try {
    return finite(await readTensors(checkpoint, file, { ema: options.ema ?? true, ignore }), file);
  } finally {
    await checkpoint.close();
  }
}

async function readTensors(
  checkpoint: TorchCheckpoint,
  file: string,
  options: Required<WeightsFileOptions>,
): Promise<StateDict> {
  const entries = withoutPrefix(unwrap(checkpoint.root, file, options.ema)).filter(([name]) => !options.ignore(name));
  const strange = entries.find(([, value]) => !(value instanceof TorchTensor));
  if (strange !== undefined || entries.length === 0) {
    throw new CheckpointError(
      `${file} holds ${strange === undefined ? "no tensors" : `"${strange[0].slice(0, 60)}", which is no tensor`} where a state dict should be; save the weights alone: torch.save(model.state_dict(), "weights.pt")`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of entries) tensors.set(name, await checkpoint.read(value as TorchTensor, name));
  return tensors;
}

/** The state dict within what a training run saves. */
function unwrap(root: TorchValue, file: string, ema: boolean): ReadonlyMap<TorchValue, TorchValue> {
  if (!(root instanceof Map)) {
    throw new CheckpointError(
      `${file} holds no dict of tensors; save the weights alone: torch.save(model.state_dict(), "weights.pt")`,
    );
  }
  const inner = (
    from: ReadonlyMap<TorchValue, TorchValue>,
    key: string,
  ): ReadonlyMap<TorchValue, TorchValue> | null => {
    const value = from.get(key);
    return value instanceof Map && value.size > 0 ? (value as ReadonlyMap<TorchValue, TorchValue>) : null;
  };
  const dict = root as ReadonlyMap<TorchValue, TorchValue>;
  const averaged = ema ? inner(dict, "ema_state_dict") : null;
  const state = inner(dict, "state_dict") ?? dict;
  return averaged ?? inner(state, "gen_model") ?? state;
}

/** Entries whose names are text, without the `module.` that data-parallel training puts before every name. */
function withoutPrefix(state: ReadonlyMap<TorchValue, TorchValue>): [string, TorchValue][] {
  const named = [...state].map(([name, value]): [string, TorchValue] => [
    typeof name === "string" ? name : "(a key that is no text)",
    value,
  ]);
  const prefixed = named.length > 0 && named.every(([name]) => name.startsWith("module."));
  return prefixed ? named.map(([name, value]) => [name.slice("module.".length), value]) : named;
}

/** `tensors`, when every value in them is finite. */
export function finite(tensors: StateDict, where: string): StateDict {
  for (const [name, tensor] of tensors) {
    if (!isFinite(tensor)) {
      throw new CheckpointError(
        `${where}: ${name} holds values that are not finite (NaN or infinity), so the model could only compute NaN; use an earlier checkpoint`,
      );
    }
  }
  return tensors;
}

/** A float is finite unless all bits of its exponent are set. Integers are. */
function isFinite({ dtype, bytes }: StoredTensor): boolean {
  const exponent = { F32: 0x7f800000, F64: 0x7ff00000, F16: 0x7c00, BF16: 0x7f80 }[dtype as string];
  if (exponent === undefined) return true;
  const width = dtype === "F32" || dtype === "F64" ? 4 : 2;
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const Words = width === 4 ? Uint32Array : Uint16Array;
  const words = new Words(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / width);
  const step = dtype === "F64" ? 2 : 1; // a float64's exponent is in its second word
  for (let index = step - 1; index < words.length; index += step) {
    if ((words[index]! & exponent) === exponent) return false;
  }
  return true;
}
