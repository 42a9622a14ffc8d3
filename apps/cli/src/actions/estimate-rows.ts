// An estimate as people read it.
import type { StageEstimate } from "@noisereel/trainer";
import { formatSeconds } from "../format.js";

/** A stage as the run would be, and the other way round with or without recomputation. */
export interface StageEstimates extends StageEstimate {
  readonly withRecompute?: StageEstimate;
  readonly withoutRecompute?: StageEstimate;
}

/** One row for each thing to know of a stage. `keep`: checkpoints that stay on the disk. */
export function estimateRows(stage: StageEstimates, keep: number): string[][] {
  const { bytes, facts, dropped } = stage;
  return [
    ...Object.entries(facts).map(([fact, value]) => [fact, String(value)]),
    ["parameters", stage.parameters.toLocaleString("en")],
    ["weights", mebibytes(bytes.weights)],
    ["optimizer", mebibytes(bytes.optimizer)],
    ["average", mebibytes(bytes.ema)],
    ["a step", bytes.working === undefined ? "not measured" : `${mebibytes(bytes.working)} of activations and graph`],
    ...recomputeRows(stage),
    ["process", bytes.peak === undefined ? "not measured" : `${mebibytes(bytes.peak)} at most`],
    [
      "time",
      `${stage.secondsPerStep.toFixed(3)} s a step, of ${stage.timedSteps} timed; ${formatSeconds(stage.secondsToStart)} to start`,
    ],
    ...timeRows(stage),
    [
      "disk",
      `${mebibytes(bytes.checkpoint)} a checkpoint, ${mebibytes(keep * bytes.checkpoint)} for the ${keep} that are kept`,
    ],
    ["left out", dropped.length === 0 ? "no clip" : `${dropped.length} clips`],
    ...dropped.map(({ id, reason }) => [`  ${id}`, reason]),
  ];
}

/** The last line: all stages together. */
export function totalLine(stages: readonly StageEstimate[]): string {
  const seconds = stages.reduce((sum, { secondsTotal }) => sum + secondsTotal, 0);
  const missing = stages.some((stage) => unmeasured(stage).length > 0);
  return `all: ${formatSeconds(seconds)}${missing ? ", and what was not measured" : ""}`;
}

/** What a step takes the other way. */
function recomputeRows({ withRecompute, withoutRecompute }: StageEstimates): string[][] {
  const rows = [
    ["  recomputing", withRecompute],
    ["  keeping all", withoutRecompute],
  ] as const;
  return rows.flatMap(([name, stage]) =>
    stage?.bytes.working === undefined
      ? []
      : [[name, `${mebibytes(stage.bytes.working)}, ${stage.secondsPerStep.toFixed(3)} s a step`]],
  );
}

/** The parts of the total, and the total. */
function timeRows(stage: StageEstimate): string[][] {
  const rows = stage.sideWork.map(({ name, times, seconds, reason }) => [
    `  ${name}`,
    seconds === undefined
      ? `not measured: ${reason}`
      : `${formatSeconds(seconds)}${times === undefined || times === 1 ? "" : `, ${times} times`}`,
  ]);
  const missing = unmeasured(stage);
  const rest = missing.length === 0 ? "" : `, and what was not measured: ${missing.join(", ")}`;
  return [
    ["  steps", `${formatSeconds(stage.secondsOfSteps)}, ${stage.totalSteps} times`],
    ...rows,
    ["  in all", formatSeconds(stage.secondsTotal) + rest],
  ];
}

function unmeasured({ sideWork }: StageEstimate): string[] {
  return sideWork.filter(({ seconds }) => seconds === undefined).map(({ name }) => name);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
