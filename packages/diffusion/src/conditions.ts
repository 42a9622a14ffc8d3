// Arithmetic on text conditions. B batch, P captions, L tokens, W width.
import { ShapeError, type TextCondition } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Several conditions as one batch, in order. Shorter ones are padded with masked tokens, and a condition of batch 1 is used
 * for every item where another has more. The caller owns the result.
 */
export function stackConditions(conditions: readonly TextCondition[]): TextCondition {
  const length = Math.max(...conditions.map(({ mask }) => mask.shape[2]));
  const batch = Math.max(...conditions.map(({ mask }) => mask.shape[0]));
  const captions = Math.max(...conditions.map(({ mask }) => mask.shape[1]));
  const [embeddings, mask] = tf.tidy(() => {
    const fitted = conditions.map((condition) => fit(condition, batch, captions, length));
    return [
      tf.concat(fitted.map((condition) => condition.embeddings)),
      tf.concat(fitted.map((condition) => condition.mask)),
    ];
  }) as [tf.Tensor4D, tf.Tensor3D];
  return { embeddings, mask };
}

/** Frees both tensors. */
export function disposeCondition({ embeddings, mask }: TextCondition): void {
  tf.dispose([embeddings, mask]);
}

function fit({ embeddings, mask }: TextCondition, batch: number, captions: number, length: number): TextCondition {
  const [found, foundCaptions, tokens] = mask.shape;
  if ((found !== batch && found !== 1) || (foundCaptions !== captions && foundCaptions !== 1)) {
    throw new ShapeError(
      `a condition has [${found}, ${foundCaptions}] captions beside one of [${batch}, ${captions}]; give the same number, or one for all`,
    );
  }
  const missing = length - tokens;
  const longer =
    missing === 0
      ? { embeddings, mask }
      : {
          embeddings: tf.concat([embeddings, tf.zeros([found, foundCaptions, missing, embeddings.shape[3]])], 2),
          mask: tf.concat([mask, tf.zeros([found, foundCaptions, missing])], 2),
        };
  const repeat = <T extends tf.Tensor>(x: T, count: number, axis: number): T =>
    x.shape[axis] === count
      ? x
      : tf.concat(
          Array.from({ length: count }, () => x),
          axis,
        );
  return {
    embeddings: repeat(repeat(longer.embeddings, captions, 1), batch, 0) as tf.Tensor4D,
    mask: repeat(repeat(longer.mask, captions, 1), batch, 0) as tf.Tensor3D,
  };
}
