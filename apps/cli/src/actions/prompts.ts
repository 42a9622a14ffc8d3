// The prompts of a sampling command: one argument, or a file with one prompt a line.
import { ConfigError } from "@noisereel/core";
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
  return prompts;
}
