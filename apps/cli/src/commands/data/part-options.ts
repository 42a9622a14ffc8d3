// The options of commands whose work can be shared among machines.
import type { Command } from "commander";
import { nonEmpty } from "../../options.js";

export function addPartOptions(command: Command): Command {
  return command
    .option(
      "--shard <rank/size>",
      "does one share only, 0/8 to 7/8, or auto: asks Slurm (array) or Kubernetes (indexed Job)",
      nonEmpty,
    )
    .option("--merge", "writes the output from the shares that are finished");
}
