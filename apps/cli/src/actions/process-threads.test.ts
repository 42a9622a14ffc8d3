import { expect, test } from "vitest";
import { processThreads } from "./process-threads.js";

test("processes of a machine share its cores", () => {
  const four = { OMPI_COMM_WORLD_LOCAL_SIZE: "4" };
  expect(processThreads({ cores: 16, own: 16, environment: {} })).toBe(16);
  expect(processThreads({ cores: 16, own: 16, environment: four })).toBe(4);
  expect(processThreads({ cores: 16, own: 8, environment: four })).toBe(4); // bound to a socket
  expect(processThreads({ cores: 16, own: 1, environment: four })).toBe(1); // bound to a core
  expect(processThreads({ cores: 2, own: 2, environment: four })).toBe(1);
  expect(processThreads({ cores: 16, own: 16, environment: { SLURM_NTASKS_PER_NODE: "2" } })).toBe(8);
  expect(processThreads({ cores: 16, own: 16, environment: { SLURM_NTASKS_PER_NODE: "" } })).toBe(16);
});
