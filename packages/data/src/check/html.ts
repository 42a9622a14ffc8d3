// The report of a check as one page that needs nothing beside it.
import { bucketName } from "../buckets/bucket.js";
import { histogram } from "../columns/histogram.js";
import type { CheckedClip, CheckProblem, CheckReport } from "./report.js";

export interface CheckPageOptions {
  /** Clips that are shown with pictures; those with problems first. Default 300. */
  readonly shown?: number | undefined;
}

/** HTML of a report: figures, problems, buckets, lengths, pictures. */
export function checkPage(report: CheckReport, options: CheckPageOptions = {}): string {
  const { shown = 300 } = options;
  const { counts, problems, clips, buckets, manifest } = report;
  const troubled = new Set(problems.filter(({ level }) => level !== "hint").map(({ id }) => id));
  const pictures = clips.toSorted((a, b) => Number(troubled.has(b.id)) - Number(troubled.has(a.id))).slice(0, shown);
  const left = clips.length - pictures.length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(manifest)}</title><style>${style}</style></head><body>
<h1>${escapeHtml(manifest)}</h1>
<ul class="figures">
${figure(counts.clips, "clips")}${figure(counts.readable, "can be read")}${figure((report.seconds / 60).toFixed(1), "minutes of video")}
${figure(counts.error, "errors", counts.error > 0 ? "error" : "")}${figure(counts.warning, "warnings", counts.warning > 0 ? "warning" : "")}${figure(counts.hint, "hints")}
</ul>
<h2>Problems</h2>
${problems.length === 0 ? "<p>None.</p>" : problemTable(problems)}
${buckets === undefined ? "" : bucketSection(buckets)}
<h2>Lengths and rates</h2>
<div class="charts">${chart(clips, "frames", ({ frames }) => frames)}${chart(clips, "seconds", ({ seconds }) => seconds)}${chart(clips, "frames a second", ({ fps }) => fps)}${chart(clips, "short side", ({ height, width }) => Math.min(height, width))}</div>
<h2>Clips</h2>
<div class="clips">${pictures.map((clip) => card(clip, problems)).join("\n")}</div>
${left > 0 ? `<p>${left} more clips are not shown.</p>` : ""}
</body></html>
`;
}

const style = `body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#18181b}
h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin-top:2rem}
.figures{display:flex;gap:2rem;flex-wrap:wrap;list-style:none;padding:0}.figures b{display:block;font-size:1.5rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e4e4e7;vertical-align:top;overflow-wrap:anywhere}
.error{color:#b91c1c}.warning{color:#b45309}.hint{color:#52525b}
.charts{display:flex;gap:1.5rem;flex-wrap:wrap}.charts figure{margin:0}
.clips{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:1rem}
.clips article{border:1px solid #e4e4e7;border-radius:6px;padding:.6rem;overflow-wrap:anywhere}.clips img{max-width:100%;display:block}.clips p{margin:.3rem 0}
small{color:#52525b}`;

const figure = (value: number | string, name: string, kind = ""): string =>
  `<li class="${kind}"><b>${value}</b>${name}</li>`;

function problemTable(problems: readonly CheckProblem[]): string {
  const rows = problems
    .slice(0, 2000)
    .map(
      ({ level, where, id, field, reason, remedy }) =>
        `<tr><td class="${level}">${level}</td><td>${escapeHtml(where)}</td><td>${escapeHtml(id ?? "")}</td><td>${escapeHtml(field ?? "")}</td><td>${escapeHtml(reason)}</td><td>${escapeHtml(remedy)}</td></tr>`,
    );
  const more = problems.length > 2000 ? `<p>${problems.length - 2000} more are in the JSON report.</p>` : "";
  return `<table><tr><th></th><th>where</th><th>clip</th><th>field</th><th>what</th><th>remedy</th></tr>${rows.join("\n")}</table>${more}`;
}

function bucketSection({ counts, dropped }: NonNullable<CheckReport["buckets"]>): string {
  const rows = counts.map(({ bucket, clips }) => `<tr><td>${bucketName(bucket)}</td><td>${clips}</td></tr>`);
  const lost = dropped.slice(0, 500).map(({ id, reason }) => `<li>${escapeHtml(id)}: ${escapeHtml(reason)}</li>`);
  const list =
    dropped.length === 0
      ? ""
      : `<details><summary>${dropped.length} clips fit none</summary><ul>${lost.join("")}</ul></details>`;
  return `<h2>Buckets</h2><table><tr><th>frames × height × width</th><th>clips</th></tr>${rows.join("")}</table>${list}`;
}

type Found = NonNullable<CheckedClip["found"]>;

function chart(clips: readonly CheckedClip[], name: string, value: (found: Found) => number): string {
  const distribution = histogram(clips.flatMap(({ found }) => (found === undefined ? [] : [value(found)])));
  if (distribution === undefined) return "";
  const { counts, minimum, maximum } = distribution;
  const highest = Math.max(...counts);
  const bars = counts.map((count, i) => {
    const height = Math.round((60 * count) / highest);
    return `<rect x="${i * 22}" y="${64 - height}" width="20" height="${height}" fill="#6366f1"><title>${count}</title></rect>`;
  });
  const text = (x: number, anchor: string, number: number): string =>
    `<text x="${x}" y="78" text-anchor="${anchor}" font-size="11">${Number(number.toPrecision(4))}</text>`;
  return `<figure><svg width="220" height="82">${bars.join("")}${text(0, "start", minimum)}${text(218, "end", maximum)}</svg><figcaption>${name}</figcaption></figure>`;
}

function card({ id, found, caption }: CheckedClip, problems: readonly CheckProblem[]): string {
  const image =
    found?.thumbnail === undefined
      ? ""
      : `<img alt="" src="data:image/jpeg;base64,${Buffer.from(found.thumbnail).toString("base64")}">`;
  const facts =
    found === undefined
      ? '<span class="error">cannot be read</span>'
      : `${found.frames} frames of ${found.width}×${found.height}, ${Number(found.fps.toFixed(2))} fps`;
  const own = problems.filter((problem) => problem.id === id && problem.level !== "hint");
  const list = own.map(({ level, reason }) => `<p class="${level}">${escapeHtml(reason)}</p>`).join("");
  return `<article>${image}<p><b>${escapeHtml(id)}</b></p><p><small>${facts}</small></p><p>${escapeHtml(caption ?? "")}</p>${list}</article>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
