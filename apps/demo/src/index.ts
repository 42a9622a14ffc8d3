export { type RunSource, runSource, type RunSourceOptions } from "./run-source.js";
export { type RunningStudio, startStudio, type StudioOptions } from "./studio.js";
export type { Job, JobStatus, Limits, Parameters, Studio } from "./protocol.js";
