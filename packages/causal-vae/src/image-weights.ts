// The names of 2D image VAEs' weights: LDM's, which are ours but for a level, and diffusers' AutoencoderKL's.
import type { StateDict, StoredTensor } from "@noisereel/core";

/** LDM checkpoints of whole diffusion models hold the VAE under this prefix. */
const firstStage = "first_stage_model.";

/** Attention's names in diffusers, old and new, and LDM's. */
const attentionNames: Readonly<Record<string, string>> = {
  group_norm: "norm",
  to_q: "q",
  query: "q",
  to_k: "k",
  key: "k",
  to_v: "v",
  value: "v",
  "to_out.0": "proj_out",
  proj_attn: "proj_out",
};

/** A 2D VAE's weights under LDM's names, whichever of the two namings they came in; training losses are left out. */
export function ldmWeights(state: StateDict): StateDict {
  const inside = [...state.keys()].some((name) => name.startsWith(firstStage));
  const result = new Map<string, StoredTensor>();
  const levels = levelCount(state);
  for (const [name, tensor] of state) {
    if (inside && !name.startsWith(firstStage)) continue;
    const bare = inside ? name.slice(firstStage.length) : name;
    if (bare.startsWith("loss.")) continue;
    const renamed = levels === 0 ? bare : ldmName(bare, levels);
    result.set(renamed, /\.attn_1\.(q|k|v|proj_out)\.weight$/.test(renamed) ? asConvolution(tensor) : tensor);
  }
  return result;
}

/** Number of decoder levels by diffusers' names; 0 when the names are not diffusers'. */
function levelCount(state: StateDict): number {
  const indices = [...state.keys()].map((name) => Number(/decoder\.up_blocks\.(\d+)\./.exec(name)?.[1] ?? -1));
  return indices.reduce((a, b) => Math.max(a, b), -1) + 1;
}

function ldmName(name: string, levels: number): string {
  return name
    .replace(/down_blocks\.(\d+)\.resnets\.(\d+)/, "down.$1.block.$2")
    .replace(/down_blocks\.(\d+)\.downsamplers\.0/, "down.$1.downsample")
    .replace(/up_blocks\.(\d+)\.resnets\.(\d+)/, (_, level, block) => `up.${levels - 1 - Number(level)}.block.${block}`)
    .replace(/up_blocks\.(\d+)\.upsamplers\.0/, (_, level) => `up.${levels - 1 - Number(level)}.upsample`)
    .replace(/mid_block\.resnets\.(\d+)/, (_, block) => `mid.block_${Number(block) + 1}`)
    .replace(/mid_block\.attentions\.0\.(.+)\.(weight|bias)$/, (whole, layer: string, kind: string) => {
      const known = attentionNames[layer];
      return known === undefined ? whole : `mid.attn_1.${known}.${kind}`;
    })
    .replace("conv_norm_out", "norm_out")
    .replace("conv_shortcut", "nin_shortcut");
}

/** A linear layer `[out, in]` as a convolution `[out, in, 1, 1]`. */
function asConvolution(tensor: StoredTensor): StoredTensor {
  if (tensor.shape.length !== 2) return tensor;
  return { ...tensor, shape: [...tensor.shape, 1, 1] };
}
