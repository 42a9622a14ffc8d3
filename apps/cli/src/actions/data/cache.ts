// Looks into a latent cache.
import { inspectLatentCache } from "@noisereel/data";
import type { CommandContext } from "../../context.js";
import { exitCodes, StoppedError } from "../../errors.js";
import { alignColumns, shorten } from "../../format.js";

export interface CacheArguments {
  readonly verify?: true;
  readonly prune?: true;
  readonly json?: true;
}

export async function cache(folder: string, options: CacheArguments, context: CommandContext): Promise<void> {
  const { verify, prune, json } = options;
  const { terminal } = context;
  const inspected = await inspectLatentCache({ folder });
  const damaged = verify === true ? await inspected.verify() : undefined;
  const deleted = prune === true ? await inspected.prune() : undefined;
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
    if (damaged?.length === 0) terminal.print("every shard is as it was written");
  }
  if (damaged !== undefined && damaged.length > 0 && deleted === undefined) {
    throw new StoppedError(`${damaged.length} shards are damaged; --prune deletes them.`, exitCodes.failure);
  }
}
