// The options of the staged presets: every number, with its range, in one schema.
import { z } from "zod";

const count = z.int().positive();
const amount = z.number().positive();
const share = z.number().min(0).lt(1);

/** One stage of the denoiser. */
export interface StageDefaults {
  /** Pixel frames, 4k + 1. */
  readonly frames: number;
  /** Pixels, multiples of 8 times the patch. */
  readonly height: number;
  readonly width: number;
  /** Still images trained beside each clip. */
  readonly stills: number;
  /** Clips of a step. */
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
}

export interface StagesDefaults {
  readonly sampleRate: number;
  /** Looks at each clip: the clip itself, then others with drawn crops, some mirrored. */
  readonly views: number;
  /** Also train the first stage without stills, for as many latent frames. */
  readonly videoOnly: boolean;
  /** A folder with a trained autoencoder, or null to train one first. */
  readonly autoencoder: string | null;
  /** A folder with a T5 encoder and its `spiece.model`, or null for a small one that is trained along. */
  readonly textEncoder: string | null;
  /** Tokens of a caption, padding included. */
  readonly maxTokens: number;
  readonly denoiser: {
    readonly num_attention_heads: number;
    readonly attention_head_dim: number;
    readonly num_layers: number;
    readonly prediction_type: "epsilon" | "v_prediction" | "sample";
    readonly learned_variance: boolean;
    readonly recompute: boolean;
  };
  readonly warmUpSteps: number;
  readonly emaDecay: number;
  readonly saveEvery: number;
  readonly measureEvery: number;
  readonly sampleEvery: number;
  readonly sampling: { readonly prompts: number; readonly steps: number; readonly guidanceScale: number };
  readonly stages: Readonly<Record<string, StageDefaults>>;
}

/** The schema of a preset: each option can be left out. */
export function stagesSchema(defaults: StagesDefaults) {
  const { denoiser, sampling } = defaults;
  const stage = (own: StageDefaults) =>
    z
      .strictObject({
        frames: count.default(own.frames),
        height: count.default(own.height),
        width: count.default(own.width),
        stills: z.int().nonnegative().default(own.stills),
        batch: count.default(own.batch),
        /** Micro-batches a step, a divisor of the batch; null for one on each process. */
        accumulate: count.nullable().default(null),
        steps: count.default(own.steps),
        learningRate: amount.default(own.learningRate),
      })
      .prefault({});
  return z.strictObject({
    seed: z.int().nonnegative().default(0),
    /** Clips with captions; null for those that ship. */
    manifest: z.string().nullable().default(null),
    /** Every so many frames of a file. */
    sampleRate: count.default(defaults.sampleRate),
    /** Versions of each clip that a denoiser trains on: itself, then drawn crops, some mirrored. Few clips want some. */
    views: count.default(defaults.views),
    /** Clips at the end of the manifest that are measured and not trained on. */
    heldOut: z.int().nonnegative().default(1),
    autoencoder: z
      .strictObject({
        pretrained: z.string().nullable().default(defaults.autoencoder),
        /** Encode and decode in overlapping tiles: for frames above 256 pixels. */
        tiled: z.boolean().default(defaults.autoencoder !== null),
        // The rest is for one that is trained here.
        hidden_size: count.default(16),
        frames: count.default(5),
        size: count.default(64),
        stills: z.int().nonnegative().default(4),
        /** Clips of a step, each with its stills. */
        batch: count.default(1),
        steps: count.default(160),
        learningRate: amount.default(2e-3),
        klWeight: z.number().nonnegative().default(1e-6),
        emaDecay: share.default(0.99),
      })
      .prefault({}),
    textEncoder: z
      .strictObject({
        pretrained: z.string().nullable().default(defaults.textEncoder),
        maxTokens: count.default(defaults.maxTokens),
        width: count.default(96),
        layers: count.default(1),
        heads: count.default(4),
      })
      .prefault({}),
    denoiser: z
      .strictObject({
        num_attention_heads: count.default(denoiser.num_attention_heads),
        attention_head_dim: count.default(denoiser.attention_head_dim),
        num_layers: count.default(denoiser.num_layers),
        patch_size: count.default(2),
        prediction_type: z.enum(["epsilon", "v_prediction", "sample"]).default(denoiser.prediction_type),
        learned_variance: z.boolean().default(denoiser.learned_variance),
        /** Keep only the inputs of the blocks and compute the rest again for gradients: less memory, a third more time. */
        recompute: z.boolean().default(denoiser.recompute),
      })
      .prefault({}),
    captionDropout: share.default(0.1),
    weightDecay: share.default(0.01),
    /** Largest norm of the gradients. */
    clipNorm: amount.default(1),
    emaDecay: share.default(defaults.emaDecay),
    warmUpSteps: z.int().nonnegative().default(defaults.warmUpSteps),
    saveEvery: count.default(defaults.saveEvery),
    /** Steps between two measurements of the held-out loss. */
    measureEvery: count.default(defaults.measureEvery),
    /** The timesteps it is measured at, each with its own fixed noise. */
    timesteps: z.array(z.int().min(0).max(999)).min(1).default([50, 250, 450, 650, 850]),
    sampleEvery: count.default(defaults.sampleEvery),
    sampling: z
      .strictObject({
        /** The first captions of the manifest; 0 makes no samples. */
        prompts: z.int().nonnegative().default(sampling.prompts),
        steps: count.default(sampling.steps),
        guidanceScale: amount.default(sampling.guidanceScale),
        fps: amount.default(8),
      })
      .prefault({}),
    /** Also train the first stage without stills, for as many latent frames: what joint training is compared with. */
    videoOnly: z.boolean().default(defaults.videoOnly),
    stages: z
      .strictObject(Object.fromEntries(Object.entries(defaults.stages).map(([name, own]) => [name, stage(own)])))
      .prefault({}),
  });
}

export type StagesOptions = z.output<ReturnType<typeof stagesSchema>>;
export type StageOptions = StagesOptions["stages"][string];
