// Pieces of the pages that recipes write: one HTML file beside the clips it shows, without scripts.

/** A whole page; `title` and `introduction` are text, `body` is HTML. */
export function htmlPageOf(options: {
  readonly title: string;
  readonly introduction: string;
  readonly body: string;
}): string {
  const { title, introduction, body } = options;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>noisereel: ${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(introduction)}</p>
${body}
</body>
</html>
`;
}

/** `heads` and the cells of `rows` are HTML. */
export function htmlTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<table>
<thead><tr>${heads.map((head) => `<th>${head}</th>`).join("")}</tr></thead>
<tbody>
${lines.join("\n")}
</tbody>
</table>`;
}

/** A clip that plays by itself, with a line of text below it. */
export function videoCell(file: string, note = ""): string {
  return `<video src="${encodeURI(file)}" autoplay loop muted playsinline></video>${small(note)}`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Rows of text as a table in Markdown, the first one its head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rest.map(line)].join("\n");
}

const small = (note: string): string => (note === "" ? "" : `<small>${escapeHtml(note)}</small>`);

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0; font-size: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 0.5rem; border-bottom: 1px solid var(--line); font-weight: normal; }
td:first-child { min-width: 12rem; font-size: 0.9rem; } small { opacity: 0.75; display: block; }
video { width: 100%; min-width: 6rem; max-width: 12rem; border-radius: 0.5rem; background: #0003; }
`;
