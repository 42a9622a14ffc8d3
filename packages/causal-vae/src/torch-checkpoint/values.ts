// What a torch pickle may describe, and the few functions it may name. Nothing of Python runs: each of them only notes
// down what it was given.
import type { StoredDtype } from "@noisereel/core";

/** Where a tensor's numbers lie: an entry of the archive. */
export interface TorchStorage {
  /** Name of the entry under `data/`. */
  readonly key: string;
  readonly kind: StorageKind;
  /** Number of elements. */
  readonly count: number;
}

/** How the elements of a storage are stored, and what they are read as. */
export interface StorageKind {
  /** Name in PyTorch. */
  readonly name: string;
  readonly bytes: 1 | 2 | 4 | 8;
  /** What the elements are called in a state dict. "I8" and "I16" widen to I32. */
  readonly dtype: StoredDtype | "I8" | "I16";
}

/** A view of a storage. Sizes, strides and the offset count elements. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: TorchStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = Object.freeze([...shape]);
    this.strides = Object.freeze([...strides]);
    Object.freeze(this); // so that no later operation of the pickle can change it
  }
}

/** A value of a class that has nothing to do with weights, such as a training library's options. */
export class OpaqueValue {
  /** Its name in Python, with the module. */
  readonly typeName: string;

  constructor(typeName: string) {
    this.typeName = typeName;
    Object.freeze(this);
  }

  /** The pickle's way to fill an object: its content is left out. */
  __setstate__(): void {}
}

/** Dicts are maps; lists, tuples and sets are arrays; integers beyond 48 bits, negative ones and bytes are bytes. */
export type TorchValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | TorchTensor
  | OpaqueValue
  | StorageKind
  | readonly TorchValue[]
  | ReadonlyMap<TorchValue, TorchValue>;

const kinds: readonly StorageKind[] = [
  { name: "FloatStorage", bytes: 4, dtype: "F32" },
  { name: "HalfStorage", bytes: 2, dtype: "F16" },
  { name: "BFloat16Storage", bytes: 2, dtype: "BF16" },
  { name: "DoubleStorage", bytes: 8, dtype: "F64" },
  { name: "LongStorage", bytes: 8, dtype: "I64" },
  { name: "IntStorage", bytes: 4, dtype: "I32" },
  { name: "ShortStorage", bytes: 2, dtype: "I16" },
  { name: "CharStorage", bytes: 1, dtype: "I8" },
  { name: "ByteStorage", bytes: 1, dtype: "U8" },
  { name: "BoolStorage", bytes: 1, dtype: "BOOL" },
];

/** Classes that training checkpoints hold beside the weights. They are read over. */
const opaqueNames: ReadonlySet<string> = new Set([
  "__builtin__.set",
  "builtins.set",
  "_codecs.encode",
  "argparse.Namespace",
  "numpy.dtype",
  "numpy.core.multiarray.scalar",
  "numpy.core.multiarray._reconstruct",
  "numpy._core.multiarray.scalar",
  "numpy._core.multiarray._reconstruct",
  "numpy.ndarray",
  "pathlib.PosixPath",
  "pathlib.Path",
  "torch.device",
  ...["float16", "float32", "float64", "bfloat16", "int32", "int64", "uint8", "bool"].map((name) => `torch.${name}`),
  ...["pytorch_lightning", "lightning.pytorch"].flatMap((library) => [
    `${library}.callbacks.model_checkpoint.ModelCheckpoint`,
    `${library}.callbacks.early_stopping.EarlyStopping`,
    `${library}.callbacks.lr_monitor.LearningRateMonitor`,
    `${library}.utilities.parsing.AttributeDict`,
  ]),
]);

type Global = StorageKind | ((...given: TorchValue[]) => unknown);

/** What the pickle gets for a name; undefined for a name that no checkpoint of weights needs. */
export function resolveGlobal(module: string, name: string): Global | undefined {
  const kind = module === "torch" ? kinds.find((candidate) => candidate.name === name) : undefined;
  if (kind !== undefined) return kind;
  const path = `${module}.${name}`;
  switch (path) {
    case "collections.OrderedDict":
      return (pairs) => new Map(pairs as [TorchValue, TorchValue][] | undefined);
    case "collections.defaultdict":
      return () => new Map();
    case "torch.Size":
      return (sizes) => sizes;
    case "torch._utils._rebuild_tensor":
    case "torch._utils._rebuild_tensor_v2":
      return rebuildTensor;
    case "torch._utils._rebuild_parameter":
      return (tensor) => tensor;
    default:
      if (!opaqueNames.has(path)) return undefined;
      // A function and not an arrow, because a pickle may also construct what it names.
      return function opaque() {
        return new OpaqueValue(path);
      };
  }
}

/**
 * The storage of a persistent id: `("storage", kind, key, device, count)`, and in files from before PyTorch 1.6 a sixth
 * value, which is None but for storages that are part of another (PyTorch 0.3).
 */
export function resolveStorage(id: unknown): TorchStorage {
  const [tag, kind, key, , count, part = null] = Array.isArray(id) ? (id as unknown[]) : [];
  if (tag !== "storage" || !kinds.includes(kind as StorageKind) || typeof key !== "string" || !isNatural(count)) {
    throw new Error("a tensor refers to a storage of an unknown kind");
  }
  if (part !== null) throw new Error("a storage is part of another, which only PyTorch 0.3 wrote");
  return Object.freeze({ key, kind: kind as StorageKind, count });
}

function rebuildTensor(...given: unknown[]): TorchTensor {
  const [storage, offset, shape, strides] = given;
  const naturals = (value: unknown): value is number[] => Array.isArray(value) && value.every(isNatural);
  const isStorage = typeof storage === "object" && storage !== null && "key" in storage;
  if (!isStorage || !isNatural(offset) || !naturals(shape) || !naturals(strides) || shape.length !== strides.length) {
    throw new Error("a tensor has no valid offset, shape and strides");
  }
  return new TorchTensor(storage as TorchStorage, offset, shape, strides);
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
