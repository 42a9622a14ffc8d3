// The real command in a process of its own.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function noisereel(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = ["--import", "tsx", "-C", "@noisereel/source", main, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env: { ...process.env, NO_COLOR: "1" } }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe("help", () => {
  it.each(["quickstart", "sample", "reconstruct", "doctor"])("%s explains itself with examples", async (command) => {
    const { code, out, err } = await noisereel(command, "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(new RegExp(`^Usage: noisereel ${command}`));
    expect(out).toContain(`Examples:\n  $ noisereel ${command}`);
  });

  it("prints the version", async () => {
    expect((await noisereel("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

it.each([
  [["sampel"], 2, /^error: unknown command 'sampel' \(Did you mean sample\?\)\n$/],
  [["sample", "--stepz", "3"], 2, /^error: unknown option '--stepz' \(Did you mean --steps\?\)\n$/],
  [
    ["sample", "x", "--steps", "many"],
    2,
    /^error: option '--steps <count>' argument 'many' is invalid\. Use an integer from 1\.\n$/,
  ],
  [
    ["reconstruct", "nowhere.mp4", "--out", "x.mp4"],
    1,
    /^error: nowhere\.mp4 does not exist; check the path of the video\n$/,
  ],
] as const)("answers %j with one sentence and code %i", async (args, code, sentence) => {
  const answer = await noisereel(...args);
  expect(answer.err).toMatch(sentence);
  expect([answer.code, answer.out]).toEqual([code, ""]);
});

it("prints what the machine can run as JSON and nothing else", async () => {
  const { code, out, err } = await noisereel("doctor", "--json");
  expect([code, err]).toEqual([0, ""]);
  const report = JSON.parse(out) as { cores: number; backends: { name: string }[]; ffmpeg: { found: boolean } };
  expect(report.cores).toBeGreaterThan(0);
  expect(report.backends.map(({ name }) => name)).toContain("cpu");
  expect(typeof report.ffmpeg.found).toBe("boolean");
});
