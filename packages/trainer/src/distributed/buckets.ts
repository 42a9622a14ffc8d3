// Many tensors as a few long arrays: one message for each bucket costs less than one for each tensor.
import type { Collective } from "./collective.js";

/** 4 MiB of float32: long enough that starting a message costs nothing beside sending it. */
const bucketLength = 2 ** 20;

/**
 * Replaces every array by its sum over all ranks. The arrays must have the same lengths in the same order everywhere. A bucket
 * is on its way while the next one is filled.
 */
export async function sumAll(
  arrays: readonly Float32Array[],
  collective: Pick<Collective, "sum">,
  length = bucketLength,
): Promise<void> {
  const total = arrays.reduce((sum, array) => sum + array.length, 0);
  const cursor = { array: 0, offset: 0 };
  const target = { array: 0, offset: 0 };
  let sent: { readonly bucket: Float32Array; readonly done: Promise<void> } | undefined;
  for (let start = 0; start < total; start += length) {
    const bucket = new Float32Array(Math.min(length, total - start));
    walk(arrays, cursor, bucket.length, (part, at) => bucket.set(part, at));
    if (sent !== undefined) await receive(sent, arrays, target);
    sent = { bucket, done: collective.sum(bucket) };
  }
  if (sent !== undefined) await receive(sent, arrays, target);
}

async function receive(
  { bucket, done }: { readonly bucket: Float32Array; readonly done: Promise<void> },
  arrays: readonly Float32Array[],
  target: { array: number; offset: number },
): Promise<void> {
  await done;
  walk(arrays, target, bucket.length, (part, at) => part.set(bucket.subarray(at, at + part.length)));
}

/** Calls `visit` with the next `count` values as parts of the arrays, and where each part lies among them. */
function walk(
  arrays: readonly Float32Array[],
  cursor: { array: number; offset: number },
  count: number,
  visit: (part: Float32Array, at: number) => void,
): void {
  for (let at = 0; at < count;) {
    const array = arrays[cursor.array]!;
    const part = array.subarray(cursor.offset, cursor.offset + count - at);
    if (part.length > 0) visit(part, at);
    at += part.length;
    cursor.offset += part.length;
    if (cursor.offset >= array.length) {
      cursor.array++;
      cursor.offset = 0;
    }
  }
}
