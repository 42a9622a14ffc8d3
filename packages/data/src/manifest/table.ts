// Manifests as tables: CSV, TSV and parquet.
import { readFile } from "node:fs/promises";
import { ConfigError } from "@noisereel/core";
import { CsvError, parse } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { cellsFromEntry, entryFromCells } from "./cells.js";
import type { LineReport, RawEntry } from "./parse.js";

/** Reads a table with a header line. Quoted cells may hold line breaks; `line` is where a row begins. */
export function parseTable(
  text: string,
  options: { readonly delimiter: string; readonly report: LineReport },
): RawEntry[] {
  const { delimiter, report } = options;
  const rows: RawEntry[] = [];
  let lastLine = 0;
  try {
    const parsed = parse(text, {
      bom: true,
      columns: true,
      info: true,
      delimiter,
      relaxColumnCount: true,
      skipEmptyLines: true,
    }) as unknown as { readonly record: Record<string, string>; readonly info: ParseInfo }[];
    for (const { record, info } of parsed) {
      const breaks = Object.values(record).reduce((sum, cell) => sum + (cell.match(/\n/g)?.length ?? 0), 0);
      const line = info.lines - breaks; // the parser tells where a row ends
      lastLine = info.lines;
      if (info.error !== undefined) {
        const cells = Object.keys(record).length;
        report({
          line,
          reason: `the row does not have the header's number of cells (${cells} were read)`,
          remedy: "quote cells that hold the separator",
        });
      } else rows.push({ line, value: entryFromCells(record) });
    }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = (cause as { readonly lines?: number }).lines ?? lastLine + 1;
    report({ line, reason: `not a table: ${cause.message}`, remedy: 'double quotes within a cell are written ""' });
  }
  return rows;
}

interface ParseInfo {
  readonly lines: number;
  readonly error?: unknown;
}

/** Rows of a parquet file; `line` is the row's number, from 1. */
export async function readParquet(file: string): Promise<RawEntry[]> {
  const bytes = await readFile(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  try {
    const rows = await parquetReadObjects({ file: buffer });
    return rows.map((row, index) => ({ line: index + 1, value: entryFromCells(plain(row)) }));
  } catch (cause) {
    throw new ConfigError(
      `${file} cannot be read as parquet (${(cause as Error).message}); it is damaged, or compressed otherwise than with snappy`,
      { cause },
    );
  }
}

/** Lists of 64-bit numbers and typed arrays as JSON has them. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(row, (_, value: unknown) => {
      if (typeof value === "bigint") return Number(value);
      return ArrayBuffer.isView(value) ? [...(value as Uint8Array)] : value;
    }),
  ) as Record<string, unknown>;
}

/** Entries as delimited text with a header; the columns are the union of all keys, in the order of their first use. */
export function tableText(entries: readonly Readonly<Record<string, unknown>>[], delimiter: string): string {
  const rows = entries.map(cellsFromEntry);
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const quoted = (value: string): string =>
    /["\r\n]/.test(value) || value.includes(delimiter) || value !== value.trim()
      ? `"${value.replaceAll('"', '""')}"`
      : value;
  const lines = rows.map((row) => names.map((name) => quoted(String(row[name] ?? ""))).join(delimiter));
  return `${[names.map(quoted).join(delimiter), ...lines].join("\n")}\n`;
}

/** Entries as the bytes of a parquet file: numbers as doubles or 32-bit integers, everything else as text. */
export function parquetBytes(entries: readonly Readonly<Record<string, unknown>>[]): Uint8Array {
  const rows = entries.map(cellsFromEntry);
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columnData = names.map((name) => {
    const cells = rows.map((row) => row[name]);
    const present = cells.filter((cell) => cell !== undefined);
    const all = (type: string): boolean => present.every((cell) => typeof cell === type);
    if (all("boolean")) return { name, data: cells.map((cell) => cell ?? null), type: "BOOLEAN" as const };
    if (all("number")) {
      const whole = present.every((cell) => Number.isInteger(cell) && Math.abs(cell as number) < 2 ** 31);
      return { name, data: cells.map((cell) => cell ?? null), type: whole ? ("INT32" as const) : ("DOUBLE" as const) };
    }
    return { name, data: cells.map((cell) => (cell === undefined ? null : String(cell))), type: "STRING" as const };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
