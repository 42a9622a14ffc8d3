// Tables hold texts and numbers; an entry of a manifest also holds lists and objects. Both directions.

const numeric: ReadonlySet<string> = new Set(["num_frames", "fps", "width", "height", "duration", "start", "end"]);
const textual: ReadonlySet<string> = new Set(["path", "id", "type", "frame_idx", "sha256"]);
const lists: ReadonlySet<string> = new Set(["cap", "cap_source", "tags"]);

/**
 * One row of a table as a raw entry. Empty cells are absent; `cap`, `cap_source` and `tags` may be JSON arrays in text; in
 * columns of one's own, text that is a number becomes one.
 */
export function entryFromCells(cells: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entry: Record<string, unknown> = {};
  for (const [key, cell] of Object.entries(cells)) {
    const value = cellValue(key, typeof cell === "bigint" ? Number(cell) : cell);
    if (value !== undefined) entry[key] = value;
  }
  return entry;
}

function cellValue(key: string, cell: unknown): unknown {
  if (cell === null || cell === undefined || cell === "") return undefined;
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell !== "string") return cell;
  const text = cell.trim();
  if (text === "") return undefined;
  if (lists.has(key)) {
    const list = jsonOf(text, "[");
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
    return key === "tags" ? text.split(/\s*[;,]\s*/) : text;
  }
  if (textual.has(key)) return text;
  if (key === "resolution") {
    const size = /^(\d+)\s*[x×]\s*(\d+)$/i.exec(text);
    return size === null ? (jsonOf(text, "{") ?? text) : { width: Number(size[1]), height: Number(size[2]) };
  }
  const number = Number(text);
  if (numeric.has(key)) return Number.isNaN(number) ? text : number; // text is told as the wrong type
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return number;
  if (text === "true" || text === "false") return text === "true";
  return jsonOf(text, "[") ?? jsonOf(text, "{") ?? text;
}

function jsonOf(text: string, begin: "[" | "{"): unknown {
  if (!text.startsWith(begin)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // it only looked like JSON, for example a caption that begins with a bracket
  }
}

/** A raw entry as a row: lists of one text become that text, other lists and objects JSON. */
export function cellsFromEntry(
  entry: Readonly<Record<string, unknown>>,
): Record<string, string | number | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => {
      if (value === undefined || value === null) return [key, undefined];
      if (typeof value === "number" || typeof value === "boolean") return [key, value];
      if (typeof value === "string")
        return [key, lists.has(key) && value.startsWith("[") ? JSON.stringify([value]) : value];
      const only = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : undefined;
      const plain =
        lists.has(key) && typeof only === "string" && !only.startsWith("[") && !/[;,]/.test(key === "tags" ? only : "");
      return [key, plain ? only : JSON.stringify(value)];
    }),
  );
}
