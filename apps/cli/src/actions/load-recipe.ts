// A recipe by the name of a preset, or from a file.
import { ConfigError } from "@noisereel/core";
import { isRecipe, type Recipe } from "@noisereel/trainer";
import { stat } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { CommandContext } from "../context.js";

/** Loads what `given` names: a preset, or a file whose default export is made by `defineRecipe`. */
export async function loadRecipe(given: string, context: CommandContext): Promise<Recipe<unknown>> {
  await context.loadRecipes(); // tfjs in its production mode, before anything else loads it
  const { presets } = await import("@noisereel/recipes");
  const preset: unknown = Object.entries(presets).find(([name]) => name === given)?.[1];
  if (isRecipe(preset)) return preset;
  const file = path.resolve(given);
  const isFile = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) {
    throw new ConfigError(`${given} is neither a file nor a preset; presets are ${Object.keys(presets).join(", ")}`);
  }
  const { default: recipe } = (await importFile(file)) as { readonly default?: unknown };
  if (isRecipe(recipe)) return recipe;
  throw new ConfigError(`${given} exports no recipe; end it with \`export default defineRecipe({ … })\``);
}

/** TypeScript files need a loader, which is there already when the command itself runs from its sources. */
async function importFile(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href;
  try {
    return await import(url);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_UNKNOWN_FILE_EXTENSION") throw error;
    const name = "tsx/esm/api"; // a variable: an optional package of the user's
    const loader = (await import(name).catch((cause: unknown) => {
      throw new ConfigError(`${file} is TypeScript, which needs a loader; run npm install --save-dev tsx`, { cause });
    })) as { tsImport(url: string, from: string): Promise<unknown> };
    return loader.tsImport(url, import.meta.url);
  }
}
