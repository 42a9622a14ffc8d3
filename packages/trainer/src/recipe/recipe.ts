// A training run as code: options that are checked, and the stages they make.
import type { Executor } from "@noisereel/core";
import type { Stage } from "../stages.js";

/** What is used of a schema; a zod object is one. Every option has a default, so that `{}` is valid. */
export interface OptionsSchema<Options> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: Options }
    | { readonly success: false; readonly error: { readonly issues: readonly SchemaIssue[] } };
}

export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string | undefined;
  /** Of an issue about keys that are not known. */
  readonly keys?: readonly string[] | undefined;
}

export interface RecipeContext {
  /** The run's folder, absolute. */
  readonly folder: string;
  readonly executor: Executor;
  /** Something whoever watches should know. */
  note(message: string): void;
}

export interface Recipe<Options> {
  /** Names the run's folder when none is given. */
  readonly name: string;
  /** One sentence for people. */
  readonly description?: string;
  readonly options: OptionsSchema<Options>;
  /** Makes nothing yet; stages are opened one after the other. */
  stages(options: Options, context: RecipeContext): readonly Stage[];
}

/** Symbol.for, so that a recipe is known across two copies of this package. */
const brand = Symbol.for("noisereel.Recipe");

/** What a recipe file exports by default. */
export function defineRecipe<Options>(recipe: Recipe<Options>): Recipe<Options> {
  return Object.assign({ ...recipe }, { [brand]: true });
}

/** Whether a value was made by `defineRecipe`. */
export function isRecipe(value: unknown): value is Recipe<unknown> {
  return typeof value === "object" && value !== null && brand in value;
}
