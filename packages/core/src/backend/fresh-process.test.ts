import { expect, it } from "vitest";
import { inspectBackends } from "./load.js";

// The only test of this file: it needs a process in which nothing has chosen a backend yet.
it("inspects the backends of a process that has not used one yet", async () => {
  const reports = await inspectBackends();
  expect(reports.find(({ name }) => name === "cpu")).toMatchObject({ available: true });
});
