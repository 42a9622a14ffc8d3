// Programs that a small process starts: the same bytes, ends and errors as those that are started directly.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { startLauncher } from "./launcher.js";
import { type RunningProgram, startProgram } from "./program.js";

interface Ended {
  readonly bytes: number;
  readonly sum: number;
  readonly err: string;
  readonly code: number | null;
  readonly errors: number;
}

async function ended(program: RunningProgram): Promise<Ended> {
  let err = "";
  let errors = 0;
  program.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  program.on("error", () => errors++);
  const code = new Promise<number | null>((resolve) => program.on("close", resolve));
  const pieces = program.pieces();
  let [bytes, sum] = [0, 0];
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    bytes += next.value.length;
    for (const byte of next.value) sum = (sum * 31 + byte) % 65_521;
  }
  const status = await code;
  return { bytes, sum, err, code: status, errors };
}

const shell = (script: string): [string, string[]] => ["/bin/sh", ["-c", script]];
const large = shell("seq 1 400000; echo said >&2; exit 3");

describe.runIf(process.platform === "linux")("a small process that starts programs", () => {
  let stop: () => void = () => undefined;
  const start = async (): ReturnType<typeof startLauncher> => {
    const launcher = await startLauncher();
    stop = () => launcher.stop();
    return launcher;
  };
  afterEach(() => stop());

  test("output, log and status are those of a program that is started directly", async () => {
    const launcher = await start();
    const direct = await ended(startProgram(...large));
    expect(direct).toMatchObject({ err: "said\n", code: 3, errors: 0 });
    expect(await ended(launcher.launch(...large))).toEqual(direct);
    const several = ["seq 1 90000", "seq 1 3", "exit 7", "echo a >&2", "seq 5 70000"].map(shell);
    expect(await Promise.all(several.map((job) => ended(launcher.launch(...job))))).toEqual(
      await Promise.all(several.map((job) => ended(startProgram(...job)))),
    );
    const surroundings = shell("env | sort | grep -v '^_='; pwd >&2");
    expect(await ended(launcher.launch(...surroundings))).toEqual(await ended(startProgram(...surroundings)));
  });

  test("a program that does not exist is an error, one that is killed has no status", async () => {
    const launcher = await start();
    expect(await ended(launcher.launch("/nowhere/program", []))).toMatchObject({ code: null, errors: 1, bytes: 0 });
    const sleeping = launcher.launch(...shell("echo begun; exec sleep 100"));
    const over = ended(sleeping);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sleeping.hasEnded).toBe(false);
    sleeping.kill();
    expect(await over).toMatchObject({ code: null, errors: 0 });
    expect(sleeping.hasEnded).toBe(true);
    for (const wait of [0, 50]) {
      const unread = launcher.launch(...shell("seq 1 10000000"));
      const closed = new Promise((resolve) => unread.on("close", resolve));
      unread.stderr.resume();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      unread.closeOutput();
      expect(await closed).not.toBe(0); // killed, or told by its broken pipe
    }
  });

  test("when it is gone, what runs is told, and so is who asks for more", async () => {
    const launcher = await start();
    const running = ended(launcher.launch(...shell("exec sleep 100")));
    await new Promise((resolve) => setTimeout(resolve, 50));
    launcher.stop();
    expect(await running).toMatchObject({ code: null, errors: 1 });
    expect(await ended(launcher.launch(...shell("exit 0")))).toMatchObject({ code: null, errors: 1 });
  });

  test("it, and what it started, ends with the process that it works for", async () => {
    const script = path.resolve(import.meta.dirname, "../../test/launch-and-die.ts");
    const register = new URL("../../test/register-tsx.mjs", import.meta.url).href;
    const flags = ["--import", register, "-C", "@noisereel/source"];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, script]).catch(
      (error: { stdout: string }) => error,
    );
    const pids = stdout.trim().split("\n").map(Number);
    expect(pids).toHaveLength(2);
    const alive = (): number[] => pids.filter((pid) => isAlive(pid));
    for (let i = 0; i < 100 && alive().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(alive()).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
