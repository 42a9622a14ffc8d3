import type { SideWork, TrainRun } from "@noisereel/core";
import { expect, test } from "vitest";
import { addUp, timeSideWork } from "./side-work.js";

const controller = new AbortController();

/** Works that take what they are told by a clock of their own; `log` says what was done. */
function clockwork() {
  let clock = 0;
  const log: string[] = [];
  const work = (name: string, times: number, seconds: (call: number) => number): SideWork => {
    let call = 0;
    return {
      name,
      times,
      once() {
        clock += seconds(call++);
        log.push(name);
      },
      dispose: () => void log.push(`${name} is over`),
    };
  };
  const how = {
    step() {
      clock += 0.5;
      log.push("step");
      return Promise.resolve();
    },
    run: (signal: AbortSignal) => ({ signal }) as TrainRun,
    limitSeconds: 60,
    now: () => clock,
  };
  return { work, log, how };
}

test("the first time counts once, the others by their mean, with a step before each", async () => {
  const { work, log, how } = clockwork();
  const works = [work("losses", 11, (call) => (call === 0 ? 5 : 1)), work("saving", 1, () => 3)];
  expect(await timeSideWork(works, how)).toEqual([
    { name: "losses", times: 11, seconds: 15 },
    { name: "saving", times: 1, seconds: 3 },
  ]);
  // Two rounds are enough when they are long.
  expect(log).toEqual(["step", "losses", "saving", "step", "losses", "losses is over", "saving is over"]);
});

test("short works are done five times, and one that the run does not do never", async () => {
  const { work, log, how } = clockwork();
  const works = [work("short", 100, (call) => (call === 0 ? 0.25 : call / 64)), work("never", 0, () => 1)];
  const [short, never] = await timeSideWork(works, { ...how, step: () => Promise.resolve() });
  expect(log.filter((name) => name === "short")).toHaveLength(5);
  expect(short!.seconds).toBe(0.25 + (99 * (1 + 2 + 3 + 4)) / 4 / 64);
  expect(never).toEqual({ name: "never", times: 0, seconds: 0 });
  expect(log).not.toContain("never");
});

test("a work beyond the limit is stopped and has no figure, whether it throws or ends", async () => {
  const { work, log, how } = clockwork();
  const aborted = ({ signal }: TrainRun) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const thrown = async (run: TrainRun): Promise<void> => {
    await aborted(run);
    run.signal.throwIfAborted();
  };
  const works = [
    { name: "quiet", times: 2, once: aborted },
    { name: "loud", times: 2, once: thrown },
    work("other", 2, () => 4),
  ];
  const [quiet, loud, other] = await timeSideWork(works, { ...how, limitSeconds: 0.01 });
  expect(quiet).toEqual({
    name: "quiet",
    times: 2,
    seconds: undefined,
    reason: "stopped after 0.01 seconds of the first time",
  });
  expect(loud!.seconds).toBeUndefined();
  expect(other!.seconds).toBe(8);
  expect(log.at(-1)).toBe("other is over");
});

test("an error is an error, and an abort from outside ends it", async () => {
  const { how } = clockwork();
  const broken = {
    name: "broken",
    times: 1,
    once: () => {
      throw new Error("no such voice");
    },
  };
  await expect(timeSideWork([broken], how)).rejects.toThrow("no such voice");
  const waiting = {
    name: "waiting",
    times: 1,
    once: ({ signal }: TrainRun) => {
      controller.abort(new Error("enough"));
      signal.throwIfAborted();
    },
  };
  await expect(timeSideWork([waiting], { ...how, signal: controller.signal })).rejects.toThrow("enough");
});

test("works of one name are added up, and what is missing of one is missing of both", () => {
  const estimates = [
    { name: "preparing", times: 1, seconds: 2 },
    { name: "saving", times: 3, seconds: 1 },
    { name: "preparing", times: 8, seconds: 40 },
    { name: "saving", times: 1, seconds: undefined, reason: "nobody knows" },
  ];
  expect(addUp(estimates)).toEqual([
    { name: "preparing", times: 9, seconds: 42 },
    { name: "saving", times: 4, seconds: undefined, reason: "nobody knows" },
  ]);
});
