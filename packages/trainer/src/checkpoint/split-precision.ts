// Weights on the disk in two halves: bfloat16, which others can load at half the size, and the rest, which makes them float32 again.
import { type Checkpoint, CheckpointError, type CheckpointStore, type StoredTensor } from "@noisereel/core";

const parts = ["weights", "ema"] as const;
/** In the meta data: the names that were split. */
const marker = "splitPrecision";
/** `weights/a` to `weights-rest/a`. */
const lowerName = (name: string): string => name.replace("/", "-rest/");

/**
 * Wraps a store so that `weights` and `ema` lie there as BF16, the upper half of each float32 (cut off, not rounded), and
 * `weights-rest` and `ema-rest` hold the lower halves as U8 `[…, 2]`. Together they are the float32 master weights bit by bit,
 * so that a run resumes exactly; whoever samples copies the first file alone. Checkpoints written without it load too.
 */
export function splitPrecision(store: CheckpointStore): CheckpointStore {
  return {
    ...store,
    name: `split precision in ${store.name}`,
    save: (id, checkpoint, options) => store.save(id, split(checkpoint), options),
    load: async (id, options) => join(await store.load(id, options)),
  };
}

function split({ tensors, meta }: Checkpoint): Checkpoint {
  const result = new Map<string, StoredTensor>();
  const names: string[] = [];
  for (const [name, tensor] of tensors) {
    const part = partOf(name);
    if (part === undefined || tensor.dtype !== "F32") {
      result.set(name, tensor);
      continue;
    }
    const { shape, bytes } = tensor;
    const upper = new Uint8Array(bytes.length / 2);
    const lower = new Uint8Array(bytes.length / 2);
    // Little endian: the lower half comes first.
    for (let from = 0, to = 0; from < bytes.length; from += 4, to += 2) {
      lower[to] = bytes[from]!;
      lower[to + 1] = bytes[from + 1]!;
      upper[to] = bytes[from + 2]!;
      upper[to + 1] = bytes[from + 3]!;
    }
    names.push(name);
    result.set(name, { dtype: "BF16", shape, bytes: upper });
    result.set(lowerName(name), { dtype: "U8", shape: [...shape, 2], bytes: lower });
  }
  return { tensors: result, meta: { ...meta, [marker]: names } };
}

function join({ tensors, meta }: Checkpoint): Checkpoint {
  const { [marker]: names, ...rest } = meta;
  if (names === undefined) return { tensors, meta };
  const split = new Set(names as readonly string[]);
  const lower = new Set([...split].map((name) => lowerName(name)));
  const result = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    if (lower.has(name)) continue;
    result.set(name, split.has(name) ? joined(name, tensor, tensors.get(lowerName(name))) : tensor);
  }
  return { tensors: result, meta: rest };
}

function joined(name: string, upper: StoredTensor, lower: StoredTensor | undefined): StoredTensor {
  if (lower === undefined || lower.bytes.length !== upper.bytes.length) {
    throw new CheckpointError(`${name} has no lower half ${lowerName(name)}; it can be sampled from but not resumed`);
  }
  const bytes = new Uint8Array(2 * upper.bytes.length);
  for (let to = 0, from = 0; to < bytes.length; to += 4, from += 2) {
    bytes[to] = lower.bytes[from]!;
    bytes[to + 1] = lower.bytes[from + 1]!;
    bytes[to + 2] = upper.bytes[from]!;
    bytes[to + 3] = upper.bytes[from + 1]!;
  }
  return { dtype: "F32", shape: upper.shape, bytes };
}

/** The part that a tensor belongs to, when it is one that is split. */
function partOf(name: string): string | undefined {
  return parts.find((part) => name.startsWith(`${part}/`));
}
