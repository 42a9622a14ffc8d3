// A training step in two halves for each phase, so that gradients can leave the graph between them.
import { ConfigError, type LossContext, type NamedTensors, type TensorFunction } from "@noisereel/core";
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

export interface SplitStepOptions<Batch extends NamedTensors> extends Omit<TrainStepOptions<Batch>, "accumulator"> {
  /** What each micro-batch's losses, scalars and gradients are multiplied by, so that their sum is the mean. */
  readonly share: number;
}

interface SplitPhase {
  readonly name: string;
  /**
   * `batch.*`, `step.number` and `kept.*` to `loss.<phase>`, `scalar.*`, `gradient.<parameter>` and the `kept.*` that the
   * phases so far have kept.
   */
  readonly gradients: TensorFunction;
  /**
   * `gradient.*`, `loss`, `finite` (of the phases before) and `step.*` to `gradientNorm.<phase>` and `finite`. Assigns; the last
   * phase's moves the average too.
   */
  readonly apply: TensorFunction;
}

export const splitInputs = { gradient: "gradient.", kept: "kept.", loss: "loss", finite: "finite" } as const;

/** The input, of any value, that says which half of which phase is meant. */
export const halfInput = (half: "gradients" | "apply", phase: string): string => `half.${half}.${phase}`;

/**
 * The same arithmetic as `trainStepFunction`, cut between gradients and update, and still one function: an executable of it
 * holds the state of all halves, so that an update is seen by the next gradients without a copy.
 */
export function splitStepFunction<Batch extends NamedTensors>(options: SplitStepOptions<Batch>): TensorFunction {
  const phases = splitPhases(options);
  return (inputs) => {
    for (const { name, gradients, apply } of phases) {
      if (halfInput("gradients", name) in inputs) return gradients(inputs);
      if (halfInput("apply", name) in inputs) return apply(inputs);
    }
    throw new ConfigError(`inputs are ${Object.keys(inputs).join(", ")}; one has to name half a phase`);
  };
}

function splitPhases<Batch extends NamedTensors>(options: SplitStepOptions<Batch>): SplitPhase[] {
  const { clip = false, ema, share } = options;
  // New tensors, whose values may be overwritten; a share of 1 is that of a process alone, where nothing is.
  const part = <T extends tf.Tensor>(tensor: T): T => (share === 1 ? tensor : tf.mul<T>(tensor, share));
  return preparePhases(options).map(({ phase, parameters, optimizer }, index, all): SplitPhase => {
    return {
      name: phase.name,
      gradients(inputs) {
        const kept = new Map(withPrefix(inputs, splitInputs.kept));
        const context: LossContext = { kept, step: inputs[stepInputs.number] as tf.Scalar };
        const { loss, scalars, gradients } = lossAndGradients(phase, parameters, takeBatch(inputs) as Batch, context);
        const outputs: Record<string, tf.Tensor> = { [`loss.${phase.name}`]: part(loss) };
        addScalars(outputs, Object.fromEntries(Object.entries(scalars).map(([name, scalar]) => [name, part(scalar)])));
        for (const [name, gradient] of gradients) outputs[splitInputs.gradient + name] = part(gradient);
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
        if (index === all.length - 1) {
          ema?.update(tf.where(finite, inputs[stepInputs.emaRate] as tf.Scalar, tf.scalar(0)));
        }
        return { [`gradientNorm.${phase.name}`]: norm, finite: tf.cast(finite, "float32") };
      },
    };
  });
}

function withPrefix(inputs: NamedTensors, prefix: string): [string, tf.Tensor][] {
  return Object.entries(inputs)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, tensor]) => [name.slice(prefix.length), tensor]);
}
