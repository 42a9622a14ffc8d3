// What `torch.save` wrote before PyTorch 1.6, and still writes with `_use_new_zipfile_serialization=False`: one pickle after
// another (a magic number, the format's version, the machine, what was saved, the keys of its storages), then every storage
// in the order of the keys: its number of elements as a 64-bit integer, and the elements.
import { CheckpointError } from "@noisereel/core";
import type { TorchEntries } from "./archive.js";
import type { FileBytes } from "./file-bytes.js";
import { type Unpickled, unpickle } from "./unpickle.js";
import type { TorchStorage, TorchValue } from "./values.js";

/** Largest pickle that is read. Tensors lie beside it, so that real ones have a few hundred kilobytes. */
export const maxPickleBytes = 8 * 2 ** 20;
/** The pickles before what was saved take some hundred bytes. */
const maxHeaderBytes = 2 ** 16;

/** 0x1950a86a20f9469cfc6c, the lowest byte first; read as bytes, because it is longer than any size. */
const magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const knownVersion = 1001;
const countBytes = 8;

/**
 * What was saved in `bytes`, and its storages as entries `data/KEY`; their elements are not read yet. Throws
 * `CheckpointError` for other pickles and for storages that do not lie in the file as they are described.
 */
export async function readPickleStream(
  bytes: FileBytes,
): Promise<{ readonly root: TorchValue; readonly entries: TorchEntries }> {
  const { file } = bytes;
  let position = 0;
  const next = async (limit: number, onStorage?: (storage: TorchStorage) => void): Promise<TorchValue> => {
    const found = await readPickle(bytes, position, limit, onStorage);
    position += found.bytes;
    return found.value;
  };
  const first = await next(maxHeaderBytes);
  if (!(
    first instanceof Uint8Array &&
    first.length === magic.length &&
    magic.every((byte, at) => first[at] === byte)
  )) {
    throw new CheckpointError(`${file} is a pickle, but none that torch.save wrote; save the weights with torch.save`);
  }
  const version = await next(maxHeaderBytes);
  if (version !== knownVersion) {
    throw new CheckpointError(`${file} is of an unknown version of PyTorch's format from before 1.6; it is damaged`);
  }
  const machine = await next(maxHeaderBytes);
  if (!(machine instanceof Map && machine.get("little_endian") === true)) {
    throw new CheckpointError(`${file} was not saved on a little-endian machine; save it again on one`);
  }
  const storages = new Map<string, TorchStorage>();
  const root = await next(maxPickleBytes, (storage) => {
    const { count, kind } = storages.get(storage.key) ?? storage;
    if (count !== storage.count || kind !== storage.kind) throw new Error("a storage is described in two ways");
    storages.set(storage.key, storage);
  });
  const keys = await next(maxPickleBytes);
  return { root, entries: entriesOf(bytes, await placeStorages(bytes, position, keys, storages)) };
}

async function readPickle(
  bytes: FileBytes,
  start: number,
  limit: number,
  onStorage: ((storage: TorchStorage) => void) | undefined,
): Promise<Unpickled> {
  const end = Math.min(bytes.size, start + limit);
  try {
    return unpickle(await bytes.read(start, end), bytes.file, onStorage);
  } catch (error) {
    if (end === bytes.size || !/no end mark|ends in the middle/.test((error as Error).message)) throw error;
    throw new CheckpointError(
      `${bytes.file} describes its content in more than ${limit} bytes; save its tensors alone: torch.save(model.state_dict(), "weights.pt")`,
      { cause: error },
    );
  }
}

/** Where the elements of a storage lie in the file. */
interface StoragePlace {
  readonly start: number;
  readonly size: number;
}

/** Walks over the storages from `position` on, reading nothing but their counts. */
async function placeStorages(
  bytes: FileBytes,
  position: number,
  keys: TorchValue,
  storages: ReadonlyMap<string, TorchStorage>,
): Promise<ReadonlyMap<string, StoragePlace>> {
  const damaged = (what: string): CheckpointError => new CheckpointError(`${bytes.file}: ${what}; the file is damaged`);
  if (!Array.isArray(keys)) throw damaged("the list of its storages is missing");
  const places = new Map<string, StoragePlace>();
  let start = position;
  for (const key of keys as readonly TorchValue[]) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key)) {
      throw damaged("the list of its storages names one that no tensor has, or one twice");
    }
    const count = new DataView((await bytes.read(start, start + countBytes)).buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.count)) {
      throw damaged(`a storage is said to have ${storage.count} elements and holds ${count}`);
    }
    const size = storage.count * storage.kind.bytes;
    start += countBytes;
    if (start + size > bytes.size) {
      throw damaged(`a storage of ${size} bytes begins at byte ${start} of ${bytes.size}; the file may be cut short`);
    }
    places.set(storage.key, { start, size });
    start += size;
  }
  return places;
}

function entriesOf(bytes: FileBytes, places: ReadonlyMap<string, StoragePlace>): TorchEntries {
  const placeOf = (name: string): StoragePlace | undefined => places.get(name.replace(/^data\//, ""));
  return {
    file: bytes.file,
    size: (name) => placeOf(name)?.size,
    async read(name, start, end) {
      const place = placeOf(name);
      if (place === undefined || start < 0 || end > place.size) {
        throw new CheckpointError(`${bytes.file}: bytes ${start} to ${end} of ${name} are not there; it is damaged`);
      }
      return bytes.read(place.start + start, place.start + end);
    },
  };
}
