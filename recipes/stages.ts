// Training in stages as the report does it: short and small first, then long, then large, each from the stage before.
import { ConfigError } from "@noisereel/core";
import { checkVideoShape } from "@noisereel/data";
import { defineRecipe, type Recipe, type RecipeContext, type Stage } from "@noisereel/trainer";
import { autoencoderStage } from "./stages/autoencoder.js";
import { denoiserStage } from "./stages/denoiser.js";
import { type StageOptions, type StagesDefaults, type StagesOptions, stagesSchema } from "./stages/options.js";

/** The four shapes of the report. Needs a trained autoencoder and a T5 encoder, and hardware to match. */
export const reportStages = stagesRecipe({
  name: "stages-report",
  description: "The report's four stages, 17×256×256 to 65×1024×1024, with its XL model.",
  defaults: {
    sampleRate: 1,
    views: 1,
    videoOnly: false,
    autoencoder: "models/causal-vae",
    textEncoder: "models/t5",
    maxTokens: 300,
    denoiser: {
      num_attention_heads: 16,
      attention_head_dim: 72,
      num_layers: 28,
      prediction_type: "epsilon",
      learned_variance: true,
      recompute: true,
    },
    warmUpSteps: 0,
    emaDecay: 0.9999,
    saveEvery: 500,
    measureEvery: 500,
    sampleEvery: 2500,
    sampling: { prompts: 2, steps: 50, guidanceScale: 7.5 },
    stages: {
      "stage-1": { frames: 17, height: 256, width: 256, stills: 4, batch: 4, steps: 40_000, learningRate: 2e-5 },
      "stage-2": { frames: 65, height: 256, width: 256, stills: 4, batch: 4, steps: 20_000, learningRate: 2e-5 },
      "stage-3": { frames: 65, height: 512, width: 512, stills: 16, batch: 2, steps: 10_000, learningRate: 2e-5 },
      "stage-4": { frames: 65, height: 1024, width: 1024, stills: 16, batch: 1, steps: 10_000, learningRate: 2e-5 },
    },
  },
});

/** The same four at an eighth of the size, with an autoencoder of its own, on the shipped clips and a CPU in minutes. */
export const smallStages = stagesRecipe({
  name: "stages-small",
  description: "The four stages at an eighth of the report's sizes: minutes on a CPU, on the shipped clips.",
  defaults: {
    sampleRate: 1,
    views: 8,
    videoOnly: true,
    autoencoder: null,
    textEncoder: null,
    maxTokens: 192,
    denoiser: {
      num_attention_heads: 4,
      attention_head_dim: 32,
      num_layers: 2,
      prediction_type: "sample",
      learned_variance: false,
      recompute: false,
    },
    warmUpSteps: 20,
    emaDecay: 0.98,
    saveEvery: 50,
    measureEvery: 20,
    sampleEvery: 100,
    sampling: { prompts: 1, steps: 12, guidanceScale: 3 },
    stages: {
      "stage-1": { frames: 17, height: 32, width: 32, stills: 4, batch: 4, steps: 200, learningRate: 1e-3 },
      "stage-2": { frames: 65, height: 32, width: 32, stills: 4, batch: 4, steps: 100, learningRate: 5e-4 },
      "stage-3": { frames: 65, height: 64, width: 64, stills: 4, batch: 4, steps: 60, learningRate: 3e-4 },
      "stage-4": { frames: 65, height: 128, width: 128, stills: 4, batch: 2, steps: 40, learningRate: 2e-4 },
    },
  },
});

/** Recipes by the name that the command line knows them by. */
export const presets = { "stages-report": reportStages, "stages-small": smallStages } as const;

/** A recipe of such stages with other numbers. */
export function stagesRecipe(given: {
  readonly name: string;
  readonly description: string;
  readonly defaults: StagesDefaults;
}): Recipe<StagesOptions> {
  return defineRecipe({
    name: given.name,
    description: given.description,
    options: stagesSchema(given.defaults),
    stages: makeStages,
  });
}

function makeStages(options: StagesOptions, context: RecipeContext): Stage[] {
  const stages: Stage[] = options.autoencoder.pretrained === null ? [autoencoderStage(options, context)] : [];
  let from: string | undefined;
  for (const [name, shape] of Object.entries(options.stages)) {
    checkShape(name, shape, options);
    stages.push(denoiserStage({ name, from, shape, options, context }));
    if (from === undefined && options.videoOnly) {
      const alone = withoutStills(shape);
      stages.push(
        denoiserStage({
          name: `${name}-video-only`,
          from: undefined,
          shape: alone,
          jointStage: name,
          options,
          context,
        }),
      );
    }
    from = name;
  }
  return stages;
}

/** As many latent frames in all, none of them a still. */
function withoutStills(shape: StageOptions): StageOptions {
  const slots = (shape.frames - 1) / 4 + 1;
  return { ...shape, stills: 0, steps: Math.round((shape.steps * (slots + shape.stills)) / slots) };
}

function checkShape(name: string, shape: StageOptions, { denoiser }: StagesOptions): void {
  try {
    checkVideoShape(shape, { stride: { time: 4, height: 8, width: 8 }, patch: denoiser.patch_size });
  } catch (cause) {
    throw new ConfigError(`stages.${name}: ${(cause as Error).message}`, { cause });
  }
  if (shape.accumulate !== null && shape.batch % shape.accumulate !== 0) {
    throw new ConfigError(
      `stages.${name}.accumulate is ${shape.accumulate}, which does not divide the batch of ${shape.batch}; use a divisor`,
    );
  }
}
