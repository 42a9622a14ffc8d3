// The models themselves. Their weights come from the Hugging Face hub, or from a folder: see README.md.
import {
  AutoProcessor,
  AutoTokenizer,
  CLIPTextModelWithProjection,
  CLIPVisionModelWithProjection,
  env,
  pipeline,
  RawImage,
  type Tensor,
} from "@huggingface/transformers";
import type { Picture } from "./captioner.js";
import type { ClipVectors } from "./clip-vectors.js";

/** Reads weights below this folder and nothing from the network. */
export function useLocalModels(folder: string): void {
  env.localModelPath = folder;
  env.allowRemoteModels = false;
}

const toImage = ({ pixels, height, width }: Picture): RawImage =>
  new RawImage(new Uint8ClampedArray(pixels), width, height, 3);

/** A function from one picture to a sentence. */
export async function loadDescriber(model: string): Promise<(picture: Picture) => Promise<string>> {
  const describe = await pipeline("image-to-text", model);
  return async (picture) => {
    const [first] = (await describe(toImage(picture))).flat();
    return first?.generated_text ?? "";
  };
}

export async function loadClipVectors(model: string): Promise<ClipVectors> {
  const [processor, tokenizer, vision, text] = await Promise.all([
    AutoProcessor.from_pretrained(model),
    AutoTokenizer.from_pretrained(model),
    CLIPVisionModelWithProjection.from_pretrained(model),
    CLIPTextModelWithProjection.from_pretrained(model),
  ]);
  return {
    name: model,
    async embedImages(pictures) {
      const inputs = (await processor(pictures.map(toImage))) as object;
      const { image_embeds } = (await vision(inputs)) as { readonly image_embeds: Tensor };
      return rowsOf(image_embeds);
    },
    async embedTexts(texts) {
      const inputs = tokenizer([...texts], { padding: true, truncation: true }) as object;
      const { text_embeds } = (await text(inputs)) as { readonly text_embeds: Tensor };
      return rowsOf(text_embeds);
    },
  };
}

function rowsOf(tensor: Tensor): Float32Array[] {
  const [rows, width] = tensor.dims as [number, number];
  const data = tensor.data as Float32Array;
  return Array.from({ length: rows }, (_, row) => data.slice(row * width, (row + 1) * width));
}
