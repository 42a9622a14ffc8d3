// A training step in two halves for each phase, so that gradients can leave the graph between them.
import type { LossContext, NamedTensors, TensorFunction } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { clipFactor, globalNorm, isFinite, lossAndGradients } from "../gradients.js";
import {
  addScalars,
  applyGuarded,
  cleanGradients,
  preparePhases,
  stepInputs,
  takeBatch,
  type TrainStepOptions,
} from "../step.js";

export interface SplitPhase {
  readonly name: string;
  /**
   * `batch.*`, `step.number` and `kept.*` to `loss.<phase>`, `scalar.*`, `gradient.<parameter>` and the `kept.*` that the
   * phases so far have kept.
   */
  readonly gradients: TensorFunction;
  /** `gradient.*`, `loss`, `finite` (of the phases before) and `step.*` to `gradientNorm.<phase>` and `finite`. Assigns. */
  readonly apply: TensorFunction;
}

export interface SplitStep {
  readonly phases: readonly SplitPhase[];
  /** `step.emaRate` and `finite` to `finite`; moves the average. Undefined without one. */
  readonly average: TensorFunction | undefined;
}

export const splitInputs = { gradient: "gradient.", kept: "kept.", loss: "loss", finite: "finite" } as const;

/** The same arithmetic as `trainStepFunction`, cut between gradients and update. */
export function splitStepFunctions<Batch extends NamedTensors>(options: TrainStepOptions<Batch>): SplitStep {
  const { clip = false, ema } = options;
  const phases = preparePhases(options).map(({ phase, parameters, optimizer }): SplitPhase => {
    return {
      name: phase.name,
      gradients(inputs) {
        const kept = new Map(withPrefix(inputs, splitInputs.kept));
        const context: LossContext = { kept, step: inputs[stepInputs.number] as tf.Scalar };
        const { loss, scalars, gradients } = lossAndGradients(phase, parameters, takeBatch(inputs) as Batch, context);
        const outputs: Record<string, tf.Tensor> = { [`loss.${phase.name}`]: loss };
        addScalars(outputs, scalars);
        for (const [name, gradient] of gradients) outputs[splitInputs.gradient + name] = gradient;
        for (const [name, tensor] of kept) outputs[splitInputs.kept + name] = tf.clone(tensor);
        return outputs;
      },
      apply(inputs) {
        const gradients = new Map(withPrefix(inputs, splitInputs.gradient));
        const norm = globalNorm(gradients);
        const own = tf.logicalAnd<tf.Scalar>(isFinite(inputs[splitInputs.loss] as tf.Scalar), isFinite(norm));
        const finite = tf.logicalAnd<tf.Scalar>(tf.greater(inputs[splitInputs.finite]!, 0.5), own);
        const factor = clip ? clipFactor(norm, inputs[stepInputs.clipNorm(phase.name)] as tf.Scalar) : undefined;
        const rate = inputs[stepInputs.learningRate(phase.name)] as tf.Scalar;
        applyGuarded(optimizer, parameters, cleanGradients(gradients, factor, finite), {
          step: inputs[stepInputs.update] as tf.Scalar,
          learningRate: tf.where(finite, rate, tf.scalar(0)),
          applied: finite,
        });
        return { [`gradientNorm.${phase.name}`]: norm, finite: tf.cast(finite, "float32") };
      },
    };
  });
  if (ema === undefined) return { phases, average: undefined };
  return {
    phases,
    average(inputs) {
      const finite = inputs[splitInputs.finite]!;
      ema.update(tf.where(tf.greater(finite, 0.5), inputs[stepInputs.emaRate] as tf.Scalar, tf.scalar(0)));
      return { finite: tf.mul(finite, 1) };
    },
  };
}

function withPrefix(inputs: NamedTensors, prefix: string): [string, tf.Tensor][] {
  return Object.entries(inputs)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, tensor]) => [name.slice(prefix.length), tensor]);
}
