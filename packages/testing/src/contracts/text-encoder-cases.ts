// The cases of the text encoder suite. Each throws what is wrong. B batch, P captions, L tokens, W width.
import { type MaybePromise, NoisereelError, type TextCondition, type TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { assert } from "./executor-tools.js";
import { keepsTensors, valuesOf, withoutGlobalRandomness } from "./ownership.js";

export interface TextEncoderUnderTest {
  readonly encoder: TextEncoder;
  readonly make: () => MaybePromise<TextEncoder>;
  readonly prompts: readonly [string, string];
  readonly tolerance: number;
}

export interface TextEncoderCase {
  readonly name: string;
  readonly check: (under: TextEncoderUnderTest) => Promise<void>;
}

/** A condition on the host. */
interface Encoded {
  readonly shape: readonly number[];
  readonly maskShape: readonly number[];
  readonly embeddings: readonly number[];
  readonly mask: readonly number[];
}

async function encode(encoder: TextEncoder, prompts: readonly (readonly string[])[]): Promise<Encoded> {
  const { embeddings, mask } = await encoder.encode(prompts);
  const result = {
    shape: [...embeddings.shape],
    maskShape: [...mask.shape],
    embeddings: valuesOf(embeddings),
    mask: valuesOf(mask),
  };
  tf.dispose([embeddings, mask]);
  return result;
}

/** Embeddings of the real tokens of one caption, in order. */
function realTokens({ shape, embeddings, mask }: Encoded, caption: number): number[] {
  const [tokens, width] = [shape[2]!, shape[3]!];
  return Array.from({ length: tokens }, (_, token) => caption * tokens + token)
    .filter((token) => mask[token] === 1)
    .flatMap((token) => embeddings.slice(token * width, (token + 1) * width));
}

function assertNear(name: string, a: readonly number[], b: readonly number[], tolerance: number): void {
  assert(a.length === b.length, `${name}: ${a.length} numbers against ${b.length}`);
  const largest = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
  assert(largest <= tolerance, `${name} differ by ${largest}`);
}

async function rejection(run: () => MaybePromise<unknown>): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

export const textEncoderCases: readonly TextEncoderCase[] = [
  {
    name: "returns embeddings and a mask of the shapes that it promises",
    async check({ encoder, prompts: [a, b] }) {
      const result = await encode(encoder, [
        [a, b, a],
        [b, b, a],
      ]);
      const [batch, captions, tokens, width] = result.shape;
      assert(
        batch === 2 && captions === 3 && width === encoder.width,
        `embeddings are [${result.shape.join()}], expected [2, 3, tokens, ${encoder.width}]`,
      );
      assert(tokens! >= 1 && tokens! <= encoder.maxTokens, `${tokens} tokens, but maxTokens is ${encoder.maxTokens}`);
      assert(result.maskShape.join() === result.shape.slice(0, 3).join(), `the mask is [${result.maskShape.join()}]`);
      assert(result.embeddings.every(Number.isFinite), "embeddings hold numbers that are not finite");
      assert(
        result.mask.every((value) => value === 0 || value === 1),
        "the mask holds numbers other than 0 and 1",
      );
    },
  },
  {
    name: "gives every prompt a real token, the empty one too",
    async check({ encoder, prompts: [a] }) {
      const result = await encode(encoder, [[a], [""]]);
      for (const caption of [0, 1]) {
        assert(realTokens(result, caption).length > 0, `caption ${caption} has no real token to attend to`);
      }
    },
  },
  {
    name: "tells prompts apart",
    async check({ encoder, prompts: [a, b] }) {
      const result = await encode(encoder, [[a, b, ""]]);
      const [first, second, empty] = [0, 1, 2].map((caption) => realTokens(result, caption).join());
      assert(first !== second, `"${a}" and "${b}" have the same embeddings`);
      assert(first !== empty && second !== empty, "a prompt has the embeddings of the empty one");
    },
  },
  {
    name: "encodes a prompt alike alone and beside others, and again",
    async check({ encoder, prompts: [a, b], tolerance }) {
      await withoutGlobalRandomness(async () => {
        const together = await encode(encoder, [[b, a]]);
        const alone = await encode(encoder, [[a]]);
        const again = await encode(encoder, [[a]]);
        assertNear("embeddings alone and beside others", realTokens(together, 1), realTokens(alone, 0), tolerance);
        assert(alone.embeddings.join() === again.embeddings.join(), "encoding a prompt again gives other bits");
      });
    },
  },
  {
    name: "cuts or refuses a prompt that is too long, and never exceeds maxTokens",
    async check({ encoder, prompts: [a] }) {
      const long = Array.from({ length: encoder.maxTokens + 1 }, () => a).join(" ");
      const outcome = await rejection(async () => {
        const { shape } = await encode(encoder, [[long]]);
        assert(shape[2]! <= encoder.maxTokens, `${shape[2]} tokens, but maxTokens is ${encoder.maxTokens}`);
      });
      assert(
        outcome === undefined || NoisereelError.isInstance(outcome),
        `expected a ConfigError or a cut prompt, got ${String(outcome)}`,
      );
    },
  },
  {
    name: "hands over two tensors and keeps no other",
    async check({ encoder, prompts: [a, b] }) {
      await encode(encoder, [[a]]); // what is made once
      const condition: TextCondition = await keepsTensors(2, () => encoder.encode([[a], [b]]));
      tf.dispose([condition.embeddings, condition.mask]);
      await encode(encoder, [[a]]);
      tf.dispose(await keepsTensors(2, async () => ({ ...(await encoder.encode([[b]])) })));
    },
  },
  {
    name: "stops when the signal is aborted, and leaves nothing behind",
    async check({ encoder, prompts: [a, b] }) {
      await encode(encoder, [[a]]);
      const reason = new Error("stopped by the test");
      await keepsTensors(0, async () => {
        const error = await rejection(() => encoder.encode([[b]], { signal: AbortSignal.abort(reason) }));
        assert(error === reason, `expected the signal's reason to be thrown, got ${String(error)}`);
      });
    },
  },
  {
    name: "refuses rows of different lengths and rows without captions",
    async check({ encoder, prompts: [a, b] }) {
      for (const rows of [[[a], [a, b]], [[]]]) {
        const error = await rejection(() => encoder.encode(rows));
        assert(
          NoisereelError.isInstance(error),
          `expected a ShapeError for ${JSON.stringify(rows)}, got ${String(error)}`,
        );
      }
    },
  },
  {
    name: "frees its weights when it is disposed",
    async check({ make, prompts: [a] }) {
      await keepsTensors(0, async () => {
        const other = await make();
        await encode(other, [[a]]);
        other.dispose();
      });
    },
  },
];
