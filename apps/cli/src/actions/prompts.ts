// The prompts of a sampling command: one argument, or a file with one prompt a line.
import { ConfigError } from "@noisereel/core";
import { emptyAfterCleaning } from "@noisereel/text-encoder";
import { readFile } from "node:fs/promises";

export async function readPrompts(options: {
  readonly prompt: string | undefined;
  readonly file: string | undefined;
}): Promise<readonly string[]> {
  const { prompt, file } = options;
  if (prompt !== undefined && file !== undefined) {
    throw new ConfigError("there is a prompt and --prompts; use one of them");
  }
  if (file === undefined) {
    if (prompt === undefined) throw new ConfigError('there is no prompt; write one in quotes: noisereel sample "…"');
    if (prompt.trim() === "") throw new ConfigError("the prompt is empty; describe what the clip shows");
    if (emptyAfterCleaning(prompt)) throw new ConfigError(nothingLeft(prompt, "the prompt"));
    return [prompt.trim()];
  }
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "does not exist" : `cannot be read (${cause.code ?? cause.message})`;
    throw new ConfigError(`the file of prompts ${file} ${why}; check the path`, { cause });
  });
  const prompts = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (prompts.length === 0) throw new ConfigError(`${file} holds no prompts; write one on each line`);
  // Found now rather than after the clips of the lines before.
  const bad = prompts.findIndex((line) => emptyAfterCleaning(line));
  if (bad >= 0) throw new ConfigError(nothingLeft(prompts[bad]!, `prompt ${bad + 1} of ${file}`));
  return prompts;
}

function nothingLeft(prompt: string, where: string): string {
  return `${where}, ${JSON.stringify(prompt)}, is empty once links, file names, sizes and the like are removed; describe what the clip shows in words`;
}
