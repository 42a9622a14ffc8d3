// One process's share of a list of work: Slurm arrays, Kubernetes indexed Jobs, or a number given by hand.
import { ConfigError } from "@noisereel/core";

export interface Shard {
  /** From 0. */
  readonly rank: number;
  readonly size: number;
}

/**
 * `"3/8"` as rank 3 of 8 (ranks count from 0); `"auto"` asks the environment: `SLURM_ARRAY_TASK_ID` with its companions, or
 * `JOB_COMPLETION_INDEX` of a Kubernetes indexed Job together with `NOISEREEL_SHARDS`, its number of completions.
 */
export function parseShard(text: string, environment: Readonly<NodeJS.ProcessEnv> = process.env): Shard {
  if (text === "auto") return shardOfEnvironment(environment);
  const match = /^(\d+)\/(\d+)$/.exec(text.trim());
  if (match === null) throw new ConfigError(`the shard is "${text}"; write rank/size, for example 0/8 to 7/8, or auto`);
  return checkedShard({ rank: Number(match[1]), size: Number(match[2]) }, `the shard "${text}"`);
}

function shardOfEnvironment(environment: Readonly<NodeJS.ProcessEnv>): Shard {
  const number = (name: string): number | undefined => {
    const text = environment[name];
    if (text === undefined || text === "") return undefined;
    if (/^\d+$/.test(text)) return Number(text);
    throw new ConfigError(`${name} is "${text}"; it must be a whole number from 0`);
  };
  const task = number("SLURM_ARRAY_TASK_ID");
  if (task !== undefined) {
    const size = number("SLURM_ARRAY_TASK_COUNT");
    if (size === undefined) throw new ConfigError("SLURM_ARRAY_TASK_ID is set but SLURM_ARRAY_TASK_COUNT is not");
    const first = number("SLURM_ARRAY_TASK_MIN") ?? 0;
    const rank = (task - first) / (number("SLURM_ARRAY_TASK_STEP") ?? 1);
    return checkedShard({ rank, size }, "the Slurm array task (use --array=0-N without gaps)");
  }
  const index = number("JOB_COMPLETION_INDEX");
  if (index !== undefined) {
    const size = number("NOISEREEL_SHARDS");
    if (size === undefined) {
      throw new ConfigError("JOB_COMPLETION_INDEX is set but NOISEREEL_SHARDS is not; set it to the Job's completions");
    }
    return checkedShard({ rank: index, size }, "the Kubernetes Job (NOISEREEL_SHARDS must be its completions)");
  }
  throw new ConfigError(
    "the shard is auto, but neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set; write rank/size, for example 0/8",
  );
}

/** Throws a `ConfigError` unless rank and size are integers and the rank is below the size. */
export function checkedShard(shard: Shard, what = "shard"): Shard {
  const { rank, size } = shard;
  if (!Number.isInteger(size) || size < 1 || !Number.isInteger(rank) || rank < 0 || rank >= size) {
    throw new ConfigError(`${what} is rank ${rank} of ${size}; ranks are integers from 0 to one below the size`);
  }
  return shard;
}

/** Every `size`-th item, so that shards are alike in length whatever the order of the list is. */
export const inShard = (index: number, { rank, size }: Shard): boolean => index % size === rank;
