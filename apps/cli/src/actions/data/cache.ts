// Looks into a latent cache.
import { ConfigError } from "@noisereel/core";
import { inspectLatentCache } from "@noisereel/data";
import { rm } from "node:fs/promises";
import path from "node:path";
import type { CommandContext } from "../../context.js";
import { exitCodes, StoppedError } from "../../errors.js";
import { alignColumns, shorten } from "../../format.js";
import { ownCount, type PartArguments, partsOf } from "./parts.js";

export interface CacheArguments extends PartArguments {
  readonly verify?: true;
  readonly prune?: true;
  readonly json?: true;
}

export async function cache(folder: string, options: CacheArguments, context: CommandContext): Promise<void> {
  const { verify, prune, json, shard, merge } = options;
  const { terminal, signal } = context;
  const isShared = shard !== undefined || merge === true;
  if (isShared && verify !== true && prune !== true) {
    throw new ConfigError("--shard and --merge share the reading of a cache; give --verify or --prune with them");
  }
  const parts = isShared ? partsOf(path.resolve(folder), options) : undefined;
  const call = { shared: parts?.shared, signal };
  const inspected = await inspectLatentCache({ folder });
  const damaged = verify === true ? await inspected.verify(call) : undefined;
  const deleted = prune === true ? await inspected.prune(call) : undefined;
  // What was found is told now; a later verification reads everything again.
  if (parts?.kind === "merge") await rm(parts.shared.folder, { recursive: true, force: true });
  const { contents } = deleted === undefined ? inspected : await inspectLatentCache({ folder });
  if (json === true) terminal.print(JSON.stringify({ folder, ...contents, damaged, deleted }, null, 2));
  else {
    const rows = [
      ["entries", `${contents.entries} in ${contents.shards} shards, ${(contents.bytes / 2 ** 20).toFixed(1)} MiB`],
      ...contents.groups.map(({ encoder, transform, entries }) => [
        `${entries} of`,
        `encoder ${shorten(encoder, 40)}, transform ${transform.slice(0, 12)}`,
      ]),
      ...contents.ignored.map(({ file, reason }) => ["not used", `${file}: ${reason}`]),
      ...(damaged ?? []).map(({ reason }) => ["damaged", reason]),
      ...(deleted ?? []).map((file) => ["deleted", file]),
    ];
    for (const line of alignColumns(rows, "")) terminal.print(line);
    if (parts?.kind === "shard") {
      const { rank, size } = parts.shared.shard!;
      const read = ownCount(inspected.contents.shards, parts);
      terminal.print(`share ${rank}/${size}: ${read} of ${inspected.contents.shards} shards were read`);
      terminal.print(
        "When all shares are finished, the same command with --merge instead of --shard says what they found.",
      );
    } else if (damaged?.length === 0) terminal.print("every shard is as it was written");
  }
  if (damaged !== undefined && damaged.length > 0 && deleted === undefined) {
    throw new StoppedError(`${damaged.length} shards are damaged; --prune deletes them.`, exitCodes.failure);
  }
}
