// A view of a storage as contiguous bytes: row-major, in a state dict's element types.
import { CheckpointError, sizeOf, type StoredTensor } from "@noisereel/core";
import type { TorchEntries } from "./archive.js";
import type { TorchTensor } from "./values.js";

/** An expanded view (stride 0) may have more elements than its storage, but not more than this. */
const maxExpandedElements = 2 ** 24;

/** Reads the part of the storage that `tensor` views. `where` names the tensor in messages. */
export async function readTensor(entries: TorchEntries, tensor: TorchTensor, where: string): Promise<StoredTensor> {
  const { storage, offset, shape, strides } = tensor;
  const { bytes: width, dtype } = storage.kind;
  const count = sizeOf(shape);
  const entry = `data/${storage.key}`;
  const stored = entries.size(entry);
  if (stored === undefined || stored < storage.count * width) {
    throw new CheckpointError(
      `${entries.file}: ${where} needs ${storage.count * width} bytes of ${entry}, which has ${stored ?? 0}; the file is damaged`,
    );
  }
  // Index of the last element within the storage, from the view's first.
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
  if (count > 0 && (offset + last >= storage.count || count > Math.max(storage.count, maxExpandedElements))) {
    throw new CheckpointError(
      `${entries.file}: ${where} has shape [${shape.join(", ")}], which its storage of ${storage.count} elements does not hold; the file is damaged`,
    );
  }
  const span = count === 0 ? new Uint8Array(0) : await entries.read(entry, offset * width, (offset + last + 1) * width);
  const contiguous = isContiguous(shape, strides) ? span : gather(span, shape, strides, width);
  if (dtype === "I8" || dtype === "I16") {
    const narrow = dtype === "I8" ? new Int8Array(contiguous.buffer) : new Int16Array(contiguous.buffer);
    return { dtype: "I32", shape, bytes: new Uint8Array(Int32Array.from(narrow).buffer) };
  }
  return { dtype, shape, bytes: contiguous };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Copies element by element, the last axis fastest. */
function gather(
  span: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  width: 1 | 2 | 4 | 8,
): Uint8Array<ArrayBuffer> {
  const Elements = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[width];
  const source = new Elements(span.buffer as ArrayBuffer, span.byteOffset, span.byteLength / width);
  const count = sizeOf(shape);
  const result = new Elements(count);
  const place = shape.map(() => 0);
  for (let index = 0, from = 0; index < count; index++) {
    result[index] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
  return new Uint8Array(result.buffer);
}
