// One training step as one tensor function: it reads and assigns variables, so an executor can run it as a graph with state.
import {
  ConfigError,
  type LossContext,
  type Module,
  type NamedTensors,
  type Optimizer,
  type Parameter,
  type TensorFunction,
  type TrainPhase,
  type TrainTask,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { GradientAccumulator } from "./accumulate.js";
import type { Ema } from "./ema.js";
import { clipFactor, globalNorm, isFinite, lossAndGradients } from "./gradients.js";
import { isTraced } from "./optimizers/optimizer.js";

export interface TrainStepOptions<Batch extends NamedTensors> {
  readonly task: TrainTask<never, Batch>;
  /** By phase. Phases may share one. */
  readonly optimizers: Readonly<Record<string, Optimizer>>;
  /** Limit the global norm of each phase's gradients to the input `step.clipNorm.<phase>`. Default false. */
  readonly clip?: boolean;
  readonly ema?: Ema;
  /** Adds up micro-batches: the function then runs once for each, told by `step.first` and `step.last`. */
  readonly accumulator?: GradientAccumulator;
}

/** Names of what changes from step to step and is no part of the batch. All are scalars. */
export const stepInputs = {
  /** The number of the step, from 0. */
  number: "step.number",
  /** How many steps have been applied with this one: what optimizers count, from 1. */
  update: "step.update",
  /** 1 - decay of the moving average. Its small difference would be lost if the decay came as float32. */
  emaRate: "step.emaRate",
  /** 1 at a step's first micro-batch, else 0. Only with an accumulator. */
  first: "step.first",
  /** 1 at a step's last micro-batch, which is applied, else 0. Only with an accumulator. */
  last: "step.last",
  /** Largest norm of a phase's gradients, finite. Only with `clip`. */
  clipNorm: (phase: string) => `step.clipNorm.${phase}`,
  learningRate: (phase: string) => `step.learningRate.${phase}`,
} as const;

const batchPrefix = "batch.";

/** The inputs of a step function for this batch. */
export function batchInputs(batch: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [batchPrefix + name, tensor]));
}

/**
 * The step as a function of `batch.*` and `step.*`. It returns the scalars `loss.<phase>`, `gradientNorm.<phase>` (before
 * clipping), `scalar.<name>` and `finite`: 1, or 0 when a loss or a norm was not finite. From that phase on, such a step
 * changes no parameter, no slot and no average.
 */
export function trainStepFunction<Batch extends NamedTensors>(options: TrainStepOptions<Batch>): TensorFunction {
  const { clip = false, accumulator } = options;
  const phases = preparePhases(options);
  return (inputs) => {
    const batch = takeBatch(inputs) as Batch;
    const context: LossContext = { kept: new Map(), step: inputs[stepInputs.number] as tf.Scalar };
    const outputs: Record<string, tf.Tensor> = {};
    let finite: tf.Scalar | undefined;
    for (const { phase, parameters, optimizer } of phases) {
      const result = lossAndGradients(phase, parameters, batch, context);
      const { loss, gradients } =
        accumulator?.add(phase.name, parameters, result, isOne(inputs[stepInputs.first]!)) ?? result;
      const norm = globalNorm(gradients);
      const own = tf.logicalAnd<tf.Scalar>(isFinite(loss), isFinite(norm));
      finite = finite === undefined ? own : tf.logicalAnd<tf.Scalar>(finite, own);
      const limit = inputs[stepInputs.clipNorm(phase.name)] as tf.Scalar;
      const factor = clip ? clipFactor(norm, limit) : undefined;
      const rate = inputs[stepInputs.learningRate(phase.name)] as tf.Scalar;
      const applied = counts(finite, inputs);
      applyGuarded(optimizer, parameters, cleanGradients(gradients, factor, applied), {
        step: inputs[stepInputs.update] as tf.Scalar,
        learningRate: tf.where(applied, rate, tf.scalar(0)),
        applied,
      });
      outputs[`loss.${phase.name}`] = loss;
      outputs[`gradientNorm.${phase.name}`] = norm;
      addScalars(outputs, result.scalars);
    }
    const emaRate = inputs[stepInputs.emaRate] as tf.Scalar;
    options.ema?.update(tf.where(counts(finite!, inputs), emaRate, tf.scalar(0)));
    outputs["finite"] = tf.cast(finite!, "float32");
    return outputs;
  };
}

/** Whether the step changes anything: its numbers are finite and it is not waiting for more micro-batches. */
function counts(finite: tf.Scalar, inputs: NamedTensors): tf.Scalar {
  const last = inputs[stepInputs.last];
  return last === undefined ? finite : tf.logicalAnd(finite, isOne(last));
}

const isOne = (scalar: tf.Tensor): tf.Scalar => tf.greater(scalar, 0.5);

/** The checkpoint's name of every parameter: its module's key, then its path. */
export function parameterNames(modules: Readonly<Record<string, Module>>): ReadonlyMap<Parameter, string> {
  const names = new Map<Parameter, string>();
  for (const [key, module] of Object.entries(modules)) {
    for (const [name, parameter] of module.namedParameters(`${key}.`)) names.set(parameter, name);
  }
  return names;
}

export interface PreparedPhase<Batch extends NamedTensors> {
  readonly phase: TrainPhase<Batch>;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly optimizer: Optimizer;
}

/** Names the parameters and makes the optimizers' slots: neither may happen within a trace. */
export function preparePhases<Batch extends NamedTensors>(options: TrainStepOptions<Batch>): PreparedPhase<Batch>[] {
  const { task, optimizers, accumulator } = options;
  if (task.phases.length === 0) throw new ConfigError(`task ${task.name} has no phases; give it at least one`);
  const names = parameterNames(task.modules);
  return task.phases.map((phase) => {
    const optimizer = optimizers[phase.name];
    if (optimizer === undefined) {
      throw new ConfigError(`optimizers has none for phase "${phase.name}"; add one under that name`);
    }
    const parameters = new Map<string, Parameter>();
    for (const [localName, parameter] of phase.parameters()) {
      const name = names.get(parameter);
      if (name === undefined) {
        throw new ConfigError(
          `phase "${phase.name}" trains ${localName}, which is in none of the task's modules, so no checkpoint would hold it; add its module to \`modules\``,
        );
      }
      if (parameter.trainable) parameters.set(name, parameter);
    }
    if (parameters.size === 0) throw new ConfigError(`phase "${phase.name}" has no trainable parameter`);
    if (isTraced(optimizer)) optimizer.prepare(parameters);
    accumulator?.prepare(phase.name, parameters);
    return { phase, parameters, optimizer };
  });
}

/** The batch among the inputs of a step function. */
export function takeBatch(inputs: NamedTensors): NamedTensors {
  const entries = Object.entries(inputs).filter(([name]) => name.startsWith(batchPrefix));
  return Object.fromEntries(entries.map(([name, tensor]) => [name.slice(batchPrefix.length), tensor]));
}

/** Clipped gradients, all zero when the step does not count, so that no NaN reaches a slot. */
export function cleanGradients(
  gradients: ReadonlyMap<string, tf.Tensor>,
  factor: tf.Scalar | undefined,
  finite: tf.Scalar,
): ReadonlyMap<string, tf.Tensor> {
  return new Map(
    [...gradients].map(([name, gradient]) => {
      const clipped = factor === undefined ? gradient : tf.mul(gradient, factor);
      return [name, tf.where(finite, clipped, tf.zerosLike(clipped))];
    }),
  );
}

/** Applies the optimizer; one that does not know `applied` gets its old values put back when the step does not count. */
export function applyGuarded(
  optimizer: Optimizer,
  parameters: ReadonlyMap<string, Parameter>,
  gradients: ReadonlyMap<string, tf.Tensor>,
  step: { readonly step: tf.Scalar; readonly learningRate: tf.Scalar; readonly applied: tf.Scalar },
): void {
  if (isTraced(optimizer)) return optimizer.apply(parameters, gradients, step);
  const touched = [...parameters, ...optimizer.slots()].map(([, parameter]) => parameter);
  const before = touched.map(({ variable }) => tf.clone(variable));
  optimizer.apply(parameters, gradients, { step: step.step, learningRate: step.learningRate });
  for (const [index, { variable }] of touched.entries()) {
    variable.assign(tf.where(step.applied, variable, before[index]!));
  }
}

export function addScalars(outputs: Record<string, tf.Tensor>, scalars: Readonly<Record<string, tf.Tensor>>): void {
  for (const [name, scalar] of Object.entries(scalars)) {
    const key = `scalar.${name}`;
    if (key in outputs) throw new ConfigError(`two phases return a scalar named "${name}"; give them different names`);
    outputs[key] = scalar;
  }
}
