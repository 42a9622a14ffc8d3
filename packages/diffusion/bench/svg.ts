// Line plots as SVG text: as much as the pictures of the docs need.

export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly label: (value: number) => string;
}

export interface Line {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly color: string;
  /** Named beside the panel. */
  readonly label?: string;
}

export interface Panel {
  /** Of the upper left corner, pixels. */
  readonly at: readonly [x: number, y: number];
  readonly size: readonly [width: number, height: number];
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

export function panel({ at, size, title, x, y, lines }: Panel): string {
  const [left, top] = at;
  const [width, height] = size;
  const horizontal = (value: number) => left + ((value - x.from) / (x.to - x.from)) * width;
  const vertical = (value: number) => top + height - ((value - y.from) / (y.to - y.from)) * height;
  const clamp = (value: number) => Math.min(Math.max(value, top), top + height);
  const parts = [
    text(left, top - 8, title, "start", 12),
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="#fff" stroke="#9ca3af"/>`,
  ];
  for (const tick of x.ticks) {
    parts.push(rule(horizontal(tick), top, horizontal(tick), top + height));
    parts.push(text(horizontal(tick), top + height + 14, x.label(tick), "middle"));
  }
  for (const tick of y.ticks) {
    parts.push(rule(left, vertical(tick), left + width, vertical(tick)));
    parts.push(text(left - 5, vertical(tick) + 4, y.label(tick), "end"));
  }
  for (const [i, { points, color, label }] of lines.entries()) {
    const path = points.map(([a, b]) => `${horizontal(a).toFixed(1)},${clamp(vertical(b)).toFixed(1)}`).join(" ");
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="${label === undefined ? 0.8 : 1.8}"/>`,
    );
    if (label === undefined) continue;
    const height = top + 10 + i * 18;
    parts.push(
      `<line x1="${left + width + 12}" y1="${height - 4}" x2="${left + width + 32}" y2="${height - 4}" stroke="${color}" stroke-width="3"/>`,
    );
    parts.push(text(left + width + 38, height, label, "start", 12));
  }
  return parts.join("\n");
}

export function picture([width, height]: readonly [number, number], panels: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif">`;
  return `${[head, `<rect width="${width}" height="${height}" fill="#fff"/>`, ...panels, "</svg>"].join("\n")}\n`;
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end", size = 10): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" fill="#374151">${content}</text>`;
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#e5e7eb"/>`;
}
