// noisereel data: everything between raw files and training.
import type { Command } from "commander";
import type { CommandContext } from "../../context.js";
import { addCache } from "./cache.js";
import { addCheck } from "./check.js";
import { addCut } from "./cut.js";
import { addFilter } from "./filter.js";
import { addShow } from "./show.js";
import { addStats } from "./stats.js";

export function addData(program: Command, context: CommandContext): void {
  const data = program
    .command("data")
    .summary("prepare and check the clips that a model is trained on")
    .description(
      "Works on manifests: lists of clips with captions, as .jsonl, .json, .csv, .tsv, .parquet, WebDataset .tar, or a " +
        "folder of videos with .txt captions. Sources are only read; nothing is ever deleted.",
    )
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data cut film.mp4 --out clips.jsonl
  $ noisereel data check clips.jsonl --frames 17 --size 256 --out report.html
  $ noisereel data filter clips.jsonl --out good.jsonl --require "motion >= 0.003"
  $ noisereel data stats clips.jsonl
  $ noisereel data show clips.jsonl --out sheet.png`,
    );
  for (const add of [addCheck, addCut, addFilter, addStats, addCache, addShow]) add(data, context);
}
