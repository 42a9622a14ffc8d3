// Text of a manifest to raw entries with their line numbers.
import { ConfigError } from "@noisereel/core";

export interface RawEntry {
  readonly line: number;
  readonly value: unknown;
}

/** Reads a JSON array or JSON lines; which one is seen from the first character. */
export function parseEntries(text: string, file: string): RawEntry[] {
  const clean = text.replace(/^\uFEFF/, "");
  return clean.trimStart().startsWith("[") ? parseArray(clean, file) : parseLines(clean, file);
}

function parseLines(text: string, file: string): RawEntry[] {
  return text.split(/\r?\n/).flatMap((content, index): RawEntry[] => {
    if (content.trim() === "") return [];
    try {
      return [{ line: index + 1, value: JSON.parse(content) as unknown }];
    } catch (cause) {
      throw new ConfigError(`${file}, line ${index + 1}: not JSON (${(cause as Error).message})`, { cause });
    }
  });
}

function parseArray(text: string, file: string): RawEntry[] {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${file}: not JSON (${(cause as Error).message})`, { cause });
  }
  const lines = elementLines(text);
  return (values as unknown[]).map((value, index) => ({ line: lines[index] ?? 0, value }));
}

/** The line on which each element of a valid top-level JSON array begins. */
function elementLines(text: string): number[] {
  const lines: number[] = [];
  let line = 1;
  let depth = 0;
  let inString = false;
  let expectElement = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === "\n") line++;
    if (inString) {
      if (character === "\\") i++;
      else if (character === '"') inString = false;
      continue;
    }
    if (/\s/.test(character)) continue;
    if (expectElement && character !== "]") lines.push(line);
    expectElement = (character === "[" && depth === 0) || (character === "," && depth === 1);
    if (character === '"') inString = true;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
  }
  return lines;
}
