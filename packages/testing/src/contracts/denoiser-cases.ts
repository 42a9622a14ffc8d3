// The cases of the denoiser suite. Each throws what is wrong. B batch, S slots, h w C latents, P captions, L tokens, W width.
import {
  createRng,
  type Denoiser,
  type DenoiserInput,
  type LatentTensor,
  type MaybePromise,
  type NamedTensors,
  NoisereelError,
  type TextCondition,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { assert } from "./executor-tools.js";
import { keepsTensors, largestDifference, valuesOf, withoutGlobalRandomness } from "./ownership.js";

export interface DenoiserUnderTest {
  readonly make: () => MaybePromise<Denoiser>;
  readonly textWidth: number;
  readonly clip: readonly [frames: number, height: number, width: number];
  readonly tokens: number;
  readonly tolerance: number;
}

export interface DenoiserCase {
  readonly name: string;
  readonly check: (under: DenoiserUnderTest) => Promise<void>;
  readonly needsStills?: boolean;
}

interface InputChange {
  /** Default 2. */
  readonly batch?: number;
  /** Default 0. */
  readonly stills?: number;
  /** Default 1. */
  readonly captions?: number;
  readonly channels?: number;
}

/** Inputs of a clip; the same numbers at every call. */
function inputFor(denoiser: Denoiser, under: DenoiserUnderTest, change: InputChange = {}): DenoiserInput {
  const { batch = 2, stills = 0, captions = 1, channels = denoiser.latentChannels } = change;
  const [frames, height, width] = under.clip;
  const rng = createRng(11);
  const condition: TextCondition = {
    embeddings: rng.fork("text").normal([batch, captions, under.tokens, under.textWidth]) as tf.Tensor4D,
    mask: tf.ones<tf.Rank.R3>([batch, captions, under.tokens]),
  };
  return {
    latents: rng.fork("latents").normal([batch, frames + stills, height, width, channels]) as LatentTensor,
    stills,
    timesteps: tf.tensor1d(Array.from({ length: batch }, (_, i) => 700.5 - 300 * i)),
    condition,
  };
}

function tensorsOf({ latents, timesteps, condition }: DenoiserInput): tf.Tensor[] {
  return [latents, timesteps, condition.embeddings, condition.mask];
}

/** Item `index` of a batch, alone. */
function itemOf<T extends tf.Tensor>(x: T, index: number): T {
  return tf.slice(x, [index, ...x.shape.slice(1).map(() => 0)], [1, ...x.shape.slice(1)]);
}

/** Makes a denoiser, runs the check inside a tidy scope of its own and disposes it. */
async function withDenoiser(under: DenoiserUnderTest, check: (denoiser: Denoiser) => void): Promise<void> {
  const denoiser = await under.make();
  try {
    tf.tidy(() => check(denoiser));
  } finally {
    denoiser.dispose();
  }
}

export const denoiserCases: readonly DenoiserCase[] = [
  {
    name: "says what it is",
    check: (under) =>
      withDenoiser(under, ({ name, latentChannels, predicts }) => {
        assert(name !== "", "name is empty");
        assert(Number.isInteger(latentChannels) && latentChannels > 0, `latentChannels is ${latentChannels}`);
        assert(["noise", "velocity", "sample"].includes(predicts), `predicts is "${predicts}"`);
      }),
  },
  {
    name: "returns finite latents of its input's shape, with twice the channels when it learns the variance",
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const input = inputFor(denoiser, under);
        const output = denoiser.predict(input);
        const channels = denoiser.latentChannels * (denoiser.learnsVariance ? 2 : 1);
        const expected = [...input.latents.shape.slice(0, 4), channels];
        assert(output instanceof tf.Tensor, "predict returned no tensor; it is synchronous");
        assert(
          output.shape.join() === expected.join(),
          `output is [${output.shape.join()}], expected [${expected.join()}]`,
        );
        assert(output.dtype === "float32", `output is ${output.dtype}`);
        assert(valuesOf(output).every(Number.isFinite), "output holds numbers that are not finite");
      }),
  },
  {
    name: "makes one tensor, and leaves its arguments as they are",
    check: async (under) => {
      const denoiser = await under.make();
      const input = inputFor(denoiser, under);
      const before = tensorsOf(input).map(valuesOf);
      const output = await keepsTensors(1, () => denoiser.predict(input));
      for (const [i, tensor] of tensorsOf(input).entries()) {
        assert(!tensor.isDisposed, "an argument was disposed; arguments are borrowed");
        assert(valuesOf(tensor).join() === before[i]!.join(), "an argument was changed");
      }
      tf.dispose([output, tensorsOf(input)]);
      denoiser.dispose();
    },
  },
  {
    name: "is a function: the same bits again, and nothing drawn at random",
    check: (under) =>
      withoutGlobalRandomness(() =>
        withDenoiser(under, (denoiser) => {
          const input = inputFor(denoiser, under);
          const difference = largestDifference(denoiser.predict(input), denoiser.predict(input));
          assert(difference === 0, `two calls with the same input differ by ${difference}`);
        }),
      ),
  },
  {
    name: "treats every batch item alone",
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const input = inputFor(denoiser, under);
        const together = denoiser.predict(input);
        for (const index of [0, 1]) {
          const alone = denoiser.predict({
            latents: itemOf(input.latents, index),
            stills: 0,
            timesteps: itemOf(input.timesteps, index),
            condition: {
              embeddings: itemOf(input.condition.embeddings, index),
              mask: itemOf(input.condition.mask, index),
            },
          });
          const difference = largestDifference(itemOf(together, index), alone);
          assert(difference <= under.tolerance, `item ${index} differs by ${difference} when it is alone in its batch`);
        }
      }),
  },
  {
    name: "looks at no token that the mask hides",
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const input = inputFor(denoiser, under);
        const { embeddings } = input.condition;
        const [batch, captions, tokens] = embeddings.shape;
        const real = Math.max(1, tokens - 2);
        const row = Array.from({ length: tokens }, (_, token) => (token < real ? 1 : 0));
        const mask = tf.tensor3d(Array.from({ length: batch * captions }, () => row).flat(), [batch, captions, tokens]);
        const hidden = tf.reshape(tf.sub(1, mask), [batch, captions, tokens, 1]);
        const changed = tf.add(embeddings, tf.mul(hidden, 3)) as tf.Tensor4D;
        const difference = largestDifference(
          denoiser.predict({ ...input, condition: { embeddings, mask } }),
          denoiser.predict({ ...input, condition: { embeddings: changed, mask } }),
        );
        assert(difference <= under.tolerance, `hidden tokens change the output by ${difference}`);
      }),
  },
  {
    name: "keeps stills and video apart",
    needsStills: true,
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const [frames] = under.clip;
        const input = inputFor(denoiser, under, { stills: 2, captions: 3 });
        const slots = (x: tf.Tensor5D, first: number, count: number) =>
          tf.slice(x, [0, first, 0, 0, 0], [-1, count, -1, -1, -1]);
        const output = denoiser.predict(input);
        const [video, images] = [slots(input.latents, 0, frames), slots(input.latents, frames, 2)];
        const otherVideo = denoiser.predict({ ...input, latents: tf.concat([tf.neg(video), images], 1) });
        const otherImages = denoiser.predict({ ...input, latents: tf.concat([video, tf.neg(images)], 1) });
        const onImages = largestDifference(slots(output, frames, 2), slots(otherVideo, frames, 2));
        const onVideo = largestDifference(slots(output, 0, frames), slots(otherImages, 0, frames));
        assert(onImages <= under.tolerance, `the video changes the stills by ${onImages}`);
        assert(onVideo <= under.tolerance, `the stills change the video by ${onVideo}`);
      }),
  },
  {
    name: "denoises nothing but stills",
    needsStills: true,
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const input = inputFor(denoiser, under);
        const [frames] = under.clip;
        const output = denoiser.predict({ ...input, stills: frames });
        assert(valuesOf(output).every(Number.isFinite), "output holds numbers that are not finite");
      }),
  },
  {
    name: "runs inside a gradient",
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const input = inputFor(denoiser, under);
        const gradient = tf.grad((x) => tf.mean(tf.square(denoiser.predict({ ...input, latents: x as LatentTensor }))))(
          input.latents,
        );
        assert(valuesOf(gradient).every(Number.isFinite), "the gradient holds numbers that are not finite");
      }),
  },
  {
    name: "gives the same when it reads the text once, if it can",
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const reader = denoiser as Partial<{
          readCondition(condition: TextCondition): NamedTensors;
          predictRead(input: Omit<DenoiserInput, "condition">, read: NamedTensors): tf.Tensor5D;
        }>;
        if (reader.readCondition === undefined || reader.predictRead === undefined) return;
        const input = inputFor(denoiser, under);
        const read = reader.readCondition(input.condition);
        const difference = largestDifference(denoiser.predict(input), reader.predictRead(input, read));
        assert(difference <= under.tolerance, `predictRead differs from predict by ${difference}`);
      }),
  },
  {
    name: "refuses latents of another number of channels, in a sentence",
    check: (under) =>
      withDenoiser(under, (denoiser) => {
        const input = inputFor(denoiser, under, { channels: denoiser.latentChannels + 1 });
        let thrown: unknown;
        try {
          denoiser.predict(input);
        } catch (error) {
          thrown = error;
        }
        assert(
          NoisereelError.isInstance(thrown) && (thrown as Error).message.includes("channels"),
          `expected a ShapeError that speaks of channels, got ${String(thrown)}`,
        );
      }),
  },
  {
    name: "frees its weights when it is disposed",
    check: (under) =>
      keepsTensors(0, async () => {
        const denoiser = await under.make();
        denoiser.dispose();
      }),
  },
];
