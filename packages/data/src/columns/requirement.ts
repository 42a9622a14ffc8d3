// Which clips are good enough, said in words: `motion >= 0.01`.
import { ConfigError } from "@noisereel/core";
import type { ManifestEntry } from "../manifest/schema.js";

const comparisons = {
  ">=": (a: number, b: number) => a >= b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  "<": (a: number, b: number) => a < b,
} as const;

export interface Requirement {
  readonly text: string;
  readonly column: string;
  /** Undefined when the entry says nothing about it: the column is absent or `null`. */
  holds(entry: ManifestEntry): boolean | undefined;
}

/**
 * Reads `column >= number` (also `<=`, `>`, `<`), `column = value`, `column != value`, or `no column` (it must be absent, for
 * example `no duplicate_of`). Columns are those of one's own, and `frames`, `fps`, `width`, `height`, `seconds` as stated.
 */
export function parseRequirement(text: string): Requirement {
  const absent = /^\s*no\s+([\w.-]+)\s*$/.exec(text);
  if (absent !== null) {
    const column = absent[1]!;
    return { text, column, holds: (entry) => valueOf(entry, column) === undefined };
  }
  const match = /^\s*([\w.-]+)\s*(>=|<=|!=|>|<|==?)\s*(.+?)\s*$/.exec(text);
  if (match === null) {
    throw new ConfigError(
      `"${text}" is no requirement; write for example "motion >= 0.01", "keep = true" or "no duplicate_of"`,
    );
  }
  const [, column, sign, value] = match as unknown as [string, string, string, string];
  if (sign in comparisons) {
    const limit = Number(value);
    if (Number.isNaN(limit)) throw new ConfigError(`"${text}" compares with ${value}, which is no number`);
    const compare = comparisons[sign as keyof typeof comparisons];
    return {
      text,
      column,
      holds(entry) {
        const found = valueOf(entry, column);
        return found === undefined ? undefined : compare(Number(found), limit);
      },
    };
  }
  return {
    text,
    column,
    holds(entry) {
      const found = valueOf(entry, column);
      const said = typeof found === "string" ? found : JSON.stringify(found);
      return found === undefined ? undefined : (said === value) === (sign !== "!=");
    },
  };
}

function valueOf(entry: ManifestEntry, column: string): unknown {
  const { frames, fps, width, height, seconds } = entry.stated;
  const stated: Readonly<Record<string, unknown>> = { frames, fps, width, height, seconds };
  return entry.columns[column] ?? stated[column] ?? undefined;
}

export interface JudgedEntries {
  /** Every entry, with the columns `keep` and, when it is false, `failed`: the requirements that do not hold. */
  readonly entries: readonly ManifestEntry[];
  readonly kept: number;
  /** For each requirement how many entries fail it, and about how many it can say nothing (they pass). */
  readonly requirements: readonly { readonly text: string; readonly failed: number; readonly unknown: number }[];
}

/** Writes the judgement into columns; leaves no entry out. A clip that could not be read is never kept. */
export function judgeEntries(
  entries: readonly ManifestEntry[],
  requirements: readonly (string | Requirement)[],
): JudgedEntries {
  const parsed = requirements.map((item) => (typeof item === "string" ? parseRequirement(item) : item));
  const unknownToAll = parsed.find(
    ({ text, column }) => !/^\s*no\s/.test(text) && entries.every((entry) => valueOf(entry, column) === undefined),
  );
  if (unknownToAll !== undefined && entries.length > 0) {
    const columns = [...new Set(entries.flatMap((entry) => Object.keys(entry.columns)))];
    throw new ConfigError(
      `no clip has the column ${unknownToAll.column} of "${unknownToAll.text}"; there are ${columns.length === 0 ? "none: measure first" : columns.join(", ")}`,
    );
  }
  const counts = parsed.map(({ text }) => ({ text, failed: 0, unknown: 0 }));
  const judged = entries.map((entry) => {
    const failed = parsed.flatMap((requirement, i) => {
      const holds = requirement.holds(entry);
      if (holds === undefined) counts[i]!.unknown++;
      if (holds === false) counts[i]!.failed++;
      return holds === false ? [requirement.text] : [];
    });
    if (entry.columns["unreadable"] !== undefined) failed.push("it can be read");
    const { failed: _, ...columns } = entry.columns;
    const verdict = failed.length === 0 ? { keep: true } : { keep: false, failed: failed.join("; ") };
    return { ...entry, columns: { ...columns, ...verdict } };
  });
  return { entries: judged, kept: judged.filter(({ columns }) => columns.keep).length, requirements: counts };
}
