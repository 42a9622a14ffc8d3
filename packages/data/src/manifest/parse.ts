// Text of a manifest to raw entries with their line numbers.
import { ConfigError } from "@noisereel/core";
import type { FilePart } from "../files.js";

export interface RawEntry {
  readonly line: number;
  readonly value: unknown;
  /** Where the entry's file lies when that is not the file of its `path`: a member of a tar shard. */
  readonly within?: { readonly shard: string; readonly part: FilePart } | undefined;
}

/** Told about a line that cannot be read; the lines after it are read. */
export type LineReport = (problem: { readonly line: number; readonly reason: string; readonly remedy: string }) => void;

/**
 * Reads a JSON array or JSON lines; which one is seen from the first character. What is not JSON throws a `ConfigError`, or
 * is told to `report`.
 */
export function parseEntries(text: string, file: string, report?: LineReport): RawEntry[] {
  const clean = text.replace(/^\uFEFF/, "");
  return clean.trimStart().startsWith("[") ? parseArray(clean, file, report) : parseLines(clean, file, report);
}

function parseLines(text: string, file: string, report: LineReport | undefined): RawEntry[] {
  return text.split(/\r?\n/).flatMap((content, index): RawEntry[] => {
    if (content.trim() === "") return [];
    try {
      return [{ line: index + 1, value: JSON.parse(content) as unknown }];
    } catch (cause) {
      const reason = `not JSON (${(cause as Error).message})`;
      if (report === undefined) throw new ConfigError(`${file}, line ${index + 1}: ${reason}`, { cause });
      report({ line: index + 1, reason, remedy: "write one JSON object on each line" });
      return [];
    }
  });
}

function parseArray(text: string, file: string, report: LineReport | undefined): RawEntry[] {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    const reason = `not JSON (${(cause as Error).message})`;
    if (report === undefined) throw new ConfigError(`${file}: ${reason}`, { cause });
    report({ line: 1, reason, remedy: "write one JSON array of objects, or one object on each line" });
    return [];
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
