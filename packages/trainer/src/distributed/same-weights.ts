// Whether every rank holds the same numbers.
import type { Parameter } from "@noisereel/core";
import { TrainingError } from "../errors.js";
import type { Collective } from "./collective.js";

/** Throws TrainingError on every rank when the parameters are not the same bits on all of them. */
export async function checkSameWeights(
  parameters: Iterable<Parameter>,
  collective: Collective,
  step: number,
): Promise<void> {
  const own = await hashOf(parameters);
  const first = own.slice();
  await collective.broadcast(first);
  const differs = own.some((byte, index) => byte !== first[index]) ? 1 : 0;
  const count = Float32Array.of(differs);
  await collective.sum(count);
  if (count[0] === 0) return;
  throw new TrainingError(
    `after step ${step} ${count[0]} of ${collective.size} ranks hold other weights than rank 0; give every rank the same recipe, data, checkpoints and versions`,
    { step },
  );
}

/** 64 bits, FNV-1a over 32-bit words in two lanes; in plain code because this part also runs where there is no crypto. */
async function hashOf(parameters: Iterable<Parameter>): Promise<Uint8Array> {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (const { variable } of parameters) {
    const values = (await variable.data()) as Float32Array;
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (const word of words) {
      low = Math.imul(low ^ word, 0x01000193);
      high = Math.imul(high ^ ((word >>> 13) | (word << 19)), 0x85ebca6b);
      high ^= low >>> 16;
    }
  }
  return new Uint8Array(Uint32Array.of(low >>> 0, high >>> 0).buffer);
}
