// Work that goes on after a stop, and that many machines share: what is finished lies beside the output until that is written.
import { ConfigError } from "@noisereel/core";
import { parseShard, type SharedWork } from "@noisereel/data";
import { rm } from "node:fs/promises";
import type { CommandContext } from "../../context.js";

export interface PartArguments {
  readonly shard?: string;
  readonly merge?: true;
}

export interface Parts {
  readonly shared: SharedWork;
  /** `shard`: a part of the work, and no output. `merge`: all parts become the output. */
  readonly kind: "whole" | "shard" | "merge";
}

/** The folder of the finished work is named after the output, which all shards name alike. */
export function partsOf(out: string, { shard, merge }: PartArguments): Parts {
  const folder = `${out}.parts`;
  if (shard !== undefined && merge === true) {
    throw new ConfigError("--shard and --merge are given together; run the shards first, then --merge once");
  }
  if (merge === true) return { shared: { folder, mode: "collect" }, kind: "merge" };
  if (shard === undefined) return { shared: { folder }, kind: "whole" };
  return { shared: { folder, shard: parseShard(shard) }, kind: "shard" };
}

/** How many of `count` items this process has to do. */
export function ownCount(count: number, { shared: { shard = { rank: 0, size: 1 } } }: Parts): number {
  return Math.max(0, Math.ceil((count - shard.rank) / shard.size));
}

/** Says that a shard is finished, and what comes then. */
export function tellShard({ shared: { folder, shard } }: Parts, count: number, context: CommandContext): void {
  context.terminal.print(`shard ${shard!.rank}/${shard!.size}: ${count} finished in ${folder}`);
  context.terminal.print(
    "When all shards are finished, the same command with --merge instead of --shard writes the output.",
  );
}

/** After the output of a run in one piece was written, nothing is left to go on from. Parts of shards stay. */
export async function forgetParts({ shared, kind }: Parts): Promise<void> {
  if (kind === "whole") await rm(shared.folder, { recursive: true, force: true });
}
