// The weights and inputs of a work in a safetensors file, so that both sides compute the same numbers.
import {
  createRng,
  initialize,
  type NamedTensors,
  type Rng,
  type StoredTensor,
  storeFloats,
  toFloat32,
} from "@noisereel/core";
import { openSafetensors, writeSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import type { Work } from "./works.js";

const inputPrefix = "input.";

/** Draws first weights and inputs and writes them in PyTorch's layouts. */
export async function writeWork(work: Work, file: string): Promise<void> {
  const rng = createRng(7);
  initialize(work.module, rng);
  livenGates(work, rng);
  const tensors = new Map<string, StoredTensor>(await work.module.stateDict());
  for (const [name, shape] of Object.entries(work.inputs)) {
    const count = shape.reduce((size, length) => size * length, 1);
    tensors.set(inputPrefix + name, storeFloats(rng.fork(name).normals(count), shape));
  }
  await writeSafetensors(file, tensors);
}

/** Layers whose last factors start at zero would do nothing, and errors in them would not show. */
function livenGates({ module }: Work, rng: Rng): void {
  for (const [name, parameter] of module.namedParameters()) {
    const scale = name.endsWith("scale_shift_table") ? 0.1 : 0.02;
    if (!/scale_shift_table|attn2.to_out|adaln_single.linear|proj_out/.test(name)) continue;
    parameter.assign(
      rng
        .fork(name)
        .normals(parameter.variable.size)
        .map((value) => value * scale),
    );
  }
}

/** Loads weights one at a time into the work's module, and returns the inputs. */
export async function loadWork({ module }: Work, file: string): Promise<NamedTensors> {
  const opened = await openSafetensors(file);
  const inputs: Record<string, tf.Tensor> = {};
  try {
    for (const name of opened.entries.keys()) {
      const stored = await opened.read(name);
      if (!name.startsWith(inputPrefix)) module.loadStateDict(new Map([[name, stored]]), { strict: false });
      else inputs[name.slice(inputPrefix.length)] = tf.tensor(toFloat32(stored), [...stored.shape]);
    }
  } finally {
    await opened.close();
  }
  return inputs;
}
