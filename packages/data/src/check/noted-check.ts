// What was found about one clip as JSON and back: pictures as base64, what is undefined left out.
import type { JsonValue } from "@noisereel/core";
import type { CheckedClip, CheckProblem } from "./report.js";

interface EntryCheck {
  readonly clip: CheckedClip;
  readonly problems: readonly CheckProblem[];
}

export type NotedCheck = { readonly [key: string]: JsonValue };

export function noteCheck({ clip, problems }: EntryCheck): NotedCheck {
  const { found } = clip;
  const picture = found?.thumbnail === undefined ? null : Buffer.from(found.thumbnail).toString("base64");
  const plain = found === undefined ? undefined : { ...found, thumbnail: undefined };
  return JSON.parse(JSON.stringify({ clip: { ...clip, found: plain }, problems, picture })) as NotedCheck;
}

export function readCheck(noted: NotedCheck): EntryCheck {
  const { clip, problems, picture } = noted as unknown as EntryCheck & { readonly picture: string | null };
  const thumbnail = picture === null ? undefined : new Uint8Array(Buffer.from(picture, "base64"));
  const found = clip.found === undefined ? undefined : { ...clip.found, thumbnail };
  return {
    clip: { ...clip, caption: clip.caption, found },
    problems: problems.map((problem) => ({ ...problem, id: problem.id, field: problem.field })),
  };
}
