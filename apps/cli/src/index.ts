export { createProgram, runCommandLine } from "./command-line.js";
export { type CommandContext, loadRecipes, type Recipes } from "./context.js";
export { exitCodes } from "./errors.js";
export { type ProgressOptions, type ProgressView, showProgress } from "./progress.js";
export type { Terminal } from "./terminal.js";
