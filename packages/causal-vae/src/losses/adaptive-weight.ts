// The weight that balances the adversarial term against the reconstruction (Esser et al., arXiv 2012.09841, eq. 7).
import type { Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/**
 * `clamp(|d nll / d w| / (|d g / d w| + 1e-4), 0, 1e4)` with Frobenius norms, `w` the weight of the last layer. `nll`
 * and `gan` compute the two terms from `w`. The result is a constant to an enclosing gradient.
 */
export function adaptiveWeight(
  lastWeight: Parameter,
  terms: { readonly nll: () => tf.Scalar; readonly gan: () => tf.Scalar },
): tf.Scalar {
  return offTape(() =>
    tf.tidy(() => {
      const { variable } = lastWeight;
      const norm = (term: () => tf.Scalar): tf.Tensor =>
        tf.norm(tf.variableGrads(term, [variable]).grads[variable.name]!);
      const ratio = tf.div<tf.Scalar>(norm(terms.nll), tf.add(norm(terms.gan), 1e-4));
      return tf.clipByValue(ratio, 0, 1e4);
    }),
  );
}

/**
 * Runs `compute` so that an enclosing gradient neither sees its ops nor loses its own tape to the gradients inside:
 * tfjs has one tape for all of them and no op that stops a gradient.
 */
function offTape<T>(compute: () => T): T {
  const state = tf.engine().state;
  const { activeTape, gradientDepth, kernelDepth } = state;
  state.gradientDepth = 0;
  state.kernelDepth = 0;
  try {
    return compute();
  } finally {
    if (activeTape !== undefined) state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
    state.kernelDepth = kernelDepth;
  }
}
