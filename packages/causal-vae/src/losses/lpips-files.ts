// LPIPS weights from the files they are published in.
import { CheckpointError, type StateDict, type StoredTensor } from "@noisereel/core";
import { readWeightsFile } from "../weights-file.js";
import { Lpips, vggPlaces, type VggWidths } from "./lpips.js";

/**
 * Reads a VGG16 and the weights of its stages from files that hold them together or apart: torchvision's `vgg16`
 * (`features.*`), `vgg.pth` of the lpips and taming-transformers projects (`lin0.model.1.weight`, …), or a training
 * checkpoint of the reference (`loss.perceptual_loss.*`). Each is a `.safetensors`, `.pth`, `.pt`, `.ckpt` or `.bin`
 * file. `widths`: channels of the stages, default VGG16's. Throws `CheckpointError` when together they do not hold all, or hold something twice.
 */
export async function loadLpips(
  files: readonly string[],
  options: { readonly widths?: VggWidths } = {},
): Promise<Lpips> {
  const weights = new Map<string, StoredTensor>();
  for (const file of files) {
    const found = lpipsWeights(await readWeightsFile(file, { ignore: (name) => lpipsName(name) === null }));
    if (found.size === 0) {
      throw new CheckpointError(
        `${file} holds no weights of VGG16 or LPIPS; give torchvision's vgg16 and the vgg.pth of lpips`,
      );
    }
    for (const [name, tensor] of found) {
      if (weights.has(name))
        throw new CheckpointError(`${file} holds ${name}, which an earlier file holds too; leave one out`);
      weights.set(name, tensor);
    }
  }
  const network = new Lpips(options);
  try {
    // The published scaling is a constant that some files leave out.
    for (const [name, tensor] of await network.scaling_layer.stateDict()) {
      const full = `scaling_layer.${name}`;
      if (!weights.has(full)) weights.set(full, tensor);
    }
    network.loadStateDict(weights);
    return network;
  } catch (error) {
    network.dispose();
    throw error;
  }
}

/** Weights under `Lpips`' names; others are left out. */
export function lpipsWeights(state: StateDict): StateDict {
  const renamed = new Map<string, StoredTensor>();
  for (const [name, tensor] of state) {
    const own = lpipsName(name);
    if (own !== null) renamed.set(own, tensor);
  }
  return renamed;
}

/** `name` as `Lpips` calls it; null for weights that it does not have, such as VGG16's classifier. */
function lpipsName(name: string): string | null {
  const bare = name.replace(/^(loss\.)?perceptual_loss\./, "");
  const place = /^features\.(\d+)\.(weight|bias)$/.exec(bare);
  if (place !== null) {
    const slice = vggPlaces.findIndex((places) => (places as readonly number[]).includes(Number(place[1])));
    return slice < 0 ? null : `net.slice${slice + 1}.${place[1]}.${place[2]}`;
  }
  return /^(net\.slice[1-5]\.|lin[0-4]\.model\.1\.|scaling_layer\.)/.test(bare) ? bare : null;
}
