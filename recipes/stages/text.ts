// The text side of the stages: a frozen T5 from a folder, or a small encoder that is trained along.
import { createRng, type Module, type TextEncoder } from "@noisereel/core";
import type { TrainableTextEncoder } from "@noisereel/diffusion";
import { cached, smallTextEncoder, T5Encoder, t5TextEncoder, unigramTokenizer } from "@noisereel/text-encoder";
import type { RecipeContext } from "@noisereel/trainer";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { StagesOptions } from "./options.js";

export interface StageText {
  /** For sampling. */
  readonly encoder: TextEncoder;
  /** What the training task takes. */
  readonly forTask: { readonly textEncoder: TextEncoder } | { readonly trainedTextEncoder: TrainableTextEncoder };
  /** Its weights when they are trained, to be written beside the denoiser's. */
  readonly trained: (Module & { savePretrained(folder: string): Promise<void> }) | undefined;
  readonly width: number;
}

export async function openText(options: StagesOptions, context: RecipeContext): Promise<StageText> {
  const { pretrained, maxTokens, width, layers, heads } = options.textEncoder;
  const { executor } = context;
  if (pretrained === null) {
    const rng = createRng(options.seed).fork("text-weights");
    const encoder = smallTextEncoder({ width, layers, heads, maxTokens, rng, executor });
    return { encoder, forTask: { trainedTextEncoder: encoder }, trained: encoder.model, width };
  }
  const model = await T5Encoder.fromPretrained(pretrained);
  const tokenizer = unigramTokenizer({ model: await readFile(path.join(pretrained, "spiece.model")) });
  const encoder = cached(t5TextEncoder({ model, tokenizer, maxTokens, executor }));
  return { encoder, forTask: { textEncoder: encoder }, trained: undefined, width: encoder.width };
}
