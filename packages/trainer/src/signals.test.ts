import { afterEach, expect, test, vi } from "vitest";
import { stopOnSignals } from "./signals.js";

afterEach(() => vi.restoreAllMocks());

test("the first signal aborts, the second ends the process", () => {
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  const before = process.listenerCount("SIGTERM");
  const controller = new AbortController();
  const heard: string[] = [];
  const stop = stopOnSignals(controller, { onStop: (signal) => heard.push(signal) });
  process.emit("SIGTERM", "SIGTERM");
  expect(controller.signal.aborted).toBe(true);
  expect((controller.signal.reason as Error).message).toBe("stopped by SIGTERM");
  expect(exit).not.toHaveBeenCalled();
  process.emit("SIGINT", "SIGINT");
  expect(exit).toHaveBeenCalledWith(130);
  stop();
  expect(process.listenerCount("SIGTERM")).toBe(before);
  expect(heard).toEqual(["SIGTERM"]);
});
