// A training run as a checkpoint and back: weights, their average, slots, randomness, counters and plugins.
import {
  type Checkpoint,
  CheckpointError,
  ConfigError,
  type JsonValue,
  type Module,
  type Optimizer,
  type Rng,
  sameShape,
  type StateDict,
  type StoredTensor,
  type TrainerPlugin,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { ClipRule } from "../clip.js";
import { type Ema, withEma } from "../ema.js";
import { addPart, takePart } from "./parts.js";

/** Everything that a resumed run needs. */
export interface TrainingParts {
  readonly taskName: string;
  readonly modules: Readonly<Record<string, Module>>;
  readonly optimizers: Readonly<Record<string, Optimizer>>;
  readonly ema: Ema | undefined;
  readonly rng: Rng;
  readonly clip: ClipRule | undefined;
  readonly plugins: readonly TrainerPlugin[];
}

/** A step that was skipped because its numbers were not finite. */
export interface SkippedStep {
  /** From 1. */
  readonly step: number;
  readonly items: readonly string[];
}

export interface Counters {
  /** Finished steps, the skipped ones included. */
  readonly step: number;
  /** Steps that were applied. */
  readonly updates: number;
  readonly skipped: readonly SkippedStep[];
  /** How often the run went back to an earlier checkpoint. Default 0. */
  readonly rollbacks?: number;
  /** Steps that were not finite since the last one that was. Default 0. */
  readonly brokenInARow?: number;
}

export interface CollectOptions extends Counters {
  readonly totalSteps: number;
  readonly executor: string;
}

const format = "noisereel-training";
const version = 1;

/** The run as it is now. The modules' variables must be current. */
export async function collectCheckpoint(parts: TrainingParts, options: CollectOptions): Promise<Checkpoint> {
  const tensors = new Map<string, StoredTensor>();
  addPart(tensors, "weights", await modulesState(parts.modules));
  const { ema } = parts;
  if (ema !== undefined) addPart(tensors, "ema", await withEma(ema, () => modulesState(ema.modules)));
  for (const [part, optimizer] of optimizerParts(parts.optimizers)) {
    for (const [name, slot] of optimizer.slots()) tensors.set(`${part}/${name}`, await slot.store());
  }
  const plugins: Record<string, Checkpoint["meta"]> = {};
  for (const plugin of parts.plugins) {
    const state = plugin.state?.();
    if (state === undefined) continue;
    plugins[plugin.name] = state.meta;
    addPart(tensors, `plugin-${plugin.name}`, state.tensors);
  }
  const meta = {
    format,
    version,
    task: parts.taskName,
    step: options.step,
    updates: options.updates,
    totalSteps: options.totalSteps,
    done: options.step >= options.totalSteps,
    skipped: options.skipped.map(({ step, items }) => ({ step, items: [...items] })),
    rollbacks: options.rollbacks ?? 0,
    brokenInARow: options.brokenInARow ?? 0,
    ema: ema === undefined ? [] : Object.keys(ema.modules),
    rng: parts.rng.state(),
    clip: parts.clip?.state() ?? null,
    plugins,
    executor: options.executor,
    backend: tf.getBackend(),
    versions: { tfjs: tf.version.tfjs },
  };
  return { tensors, meta };
}

/** Puts a checkpoint back into the run's objects and returns where it was. */
export function restoreCheckpoint(parts: TrainingParts, checkpoint: Checkpoint): Counters {
  const meta = readMeta(checkpoint);
  if (meta.task !== parts.taskName) {
    throw new CheckpointError(
      `the checkpoint is of task "${meta.task}" but this run trains "${parts.taskName}"; use another folder, or resume: false`,
    );
  }
  const kept = Object.keys(parts.ema?.modules ?? {});
  if (kept.join() !== meta.ema.join()) {
    const list = (keys: readonly string[]) => (keys.length === 0 ? "none" : keys.join(", "));
    throw new CheckpointError(
      `the checkpoint has moving averages of ${list(meta.ema)} but this run keeps ${list(kept)}; give it the same ema, or begin a new run with startFrom`,
    );
  }
  if (parts.ema !== undefined) {
    loadModules(parts.ema.modules, checkpoint, "ema");
    parts.ema.reset();
  }
  loadModules(parts.modules, checkpoint, "weights");
  for (const [part, optimizer] of optimizerParts(parts.optimizers)) {
    loadSlots(optimizer, takePart(checkpoint.tensors, part));
  }
  parts.rng.restore(meta.rng);
  if (meta.clip !== null) parts.clip?.restore(meta.clip);
  for (const plugin of parts.plugins) {
    const state = meta.plugins[plugin.name];
    if (state === undefined) continue;
    if (plugin.restore === undefined) {
      throw new ConfigError(`the checkpoint holds a state of plugin "${plugin.name}", which has no restore(); add it`);
    }
    plugin.restore({ tensors: takePart(checkpoint.tensors, `plugin-${plugin.name}`), meta: state });
  }
  const { step, updates, skipped, rollbacks = 0, brokenInARow = 0 } = meta;
  return { step, updates, skipped, rollbacks, brokenInARow };
}

/**
 * Loads only the weights of a checkpoint, or their moving average, into modules keyed as the task's that wrote it.
 * Every module must be there whole.
 */
export function loadModules(
  modules: Readonly<Record<string, Module>>,
  checkpoint: Checkpoint,
  which: "weights" | "ema" = "weights",
): void {
  for (const [key, module] of Object.entries(modules)) {
    const state = takePart(checkpoint.tensors, which, `${key}.`);
    if (state.size === 0) {
      const held = new Set([...takePart(checkpoint.tensors, which).keys()].map((name) => name.split(".")[0]));
      throw new CheckpointError(
        `the checkpoint has no ${which} of module "${key}"; it has ${held.size === 0 ? "none at all" : [...held].join(", ")}`,
      );
    }
    module.loadStateDict(state);
  }
}

/** How far a checkpoint's run had come. */
export function checkpointProgress(checkpoint: Checkpoint): {
  readonly step: number;
  readonly totalSteps: number;
  readonly done: boolean;
} {
  const { step, totalSteps, done } = readMeta(checkpoint);
  return { step, totalSteps, done };
}

interface TrainingMeta extends Counters {
  readonly task: string;
  readonly totalSteps: number;
  readonly done: boolean;
  readonly ema: readonly string[];
  readonly rng: JsonValue;
  readonly clip: JsonValue;
  readonly plugins: Readonly<Record<string, Checkpoint["meta"]>>;
}

function readMeta({ meta }: Checkpoint): TrainingMeta {
  if (meta["format"] !== format || meta["version"] !== version) {
    throw new CheckpointError(
      `the checkpoint's format is ${JSON.stringify(meta["format"])}, version ${JSON.stringify(meta["version"])}; this trainer reads "${format}", version ${version}`,
    );
  }
  return meta as unknown as TrainingMeta;
}

async function modulesState(modules: Readonly<Record<string, Module>>): Promise<StateDict> {
  const result = new Map<string, StoredTensor>();
  for (const [key, module] of Object.entries(modules)) {
    for (const [name, tensor] of await module.stateDict()) result.set(`${key}.${name}`, tensor);
  }
  return result;
}

/** Each optimizer once, under the name of the first phase that uses it. */
function* optimizerParts(optimizers: Readonly<Record<string, Optimizer>>): Generator<readonly [string, Optimizer]> {
  const seen = new Set<Optimizer>();
  for (const [phase, optimizer] of Object.entries(optimizers)) {
    if (!seen.has(optimizer)) yield [`optimizer-${phase}`, optimizer];
    seen.add(optimizer);
  }
}

function loadSlots(optimizer: Optimizer, stored: StateDict): void {
  const slots = new Map(optimizer.slots());
  const missing = [...slots.keys()].filter((name) => !stored.has(name));
  const unexpected = [...stored.keys()].filter((name) => !slots.has(name));
  const mismatched = [...slots].flatMap(([name, { storedShape: expected }]) => {
    const found = stored.get(name)?.shape ?? expected;
    return sameShape(found, expected) ? [] : [{ name, expected, found }];
  });
  if (missing.length + unexpected.length + mismatched.length > 0) {
    const first = missing[0] ?? unexpected[0] ?? mismatched[0]?.name;
    throw new CheckpointError(
      `the checkpoint's optimizer state does not fit ${optimizer.name}: ${missing.length} slots missing, ${unexpected.length} unexpected, ${mismatched.length} of another shape (${first}, …); use the optimizer of that run, or begin a new one with startFrom`,
      { missing, unexpected, mismatched },
    );
  }
  for (const [name, slot] of slots) slot.load(stored.get(name)!);
}
