// `a.b=c` on a command line as options of a recipe, with a sentence about each that does not fit.
import { ConfigError, type JsonValue } from "@noisereel/core";
import type { OptionsSchema, Recipe, SchemaIssue } from "./recipe.js";

type Tree = { [key: string]: Tree | JsonValue };

/**
 * `["stages.one.steps=100", "seed=3"]` as `{ stages: { one: { steps: 100 } }, seed: 3 }`. Values that read as JSON are JSON,
 * others are text.
 */
export function parseSettings(settings: readonly string[]): { readonly [key: string]: JsonValue } {
  const result: Tree = {};
  for (const setting of settings) {
    const equals = setting.indexOf("=");
    const keys = setting.slice(0, Math.max(equals, 0)).split(".");
    if (equals < 1 || keys.some((key) => key === "")) {
      throw new ConfigError(`"${setting}" is no setting; write name=value or group.name=value`);
    }
    let place = result;
    for (const [depth, key] of keys.slice(0, -1).entries()) {
      const next = (place[key] ??= {});
      if (typeof next !== "object" || next === null || Array.isArray(next)) {
        throw new ConfigError(`"${setting}" goes into ${keys.slice(0, depth + 1).join(".")}, which was set to a value`);
      }
      place = next as Tree;
    }
    place[keys.at(-1)!] = parseValue(setting.slice(equals + 1));
  }
  return result;
}

/** The recipe's options with some of them given. Throws ConfigError with a sentence about every one that does not fit. */
export function recipeOptions<Options>(recipe: Recipe<Options>, given: { readonly [key: string]: JsonValue }): Options {
  const result = recipe.options.safeParse(given);
  if (result.success) return result.data;
  const sentences = result.error.issues.flatMap((issue) => describe(issue, given, recipe.options));
  throw new ConfigError(`recipe ${recipe.name}: ${sentences.join("; ")}`);
}

function describe<Options>(
  issue: SchemaIssue,
  given: { readonly [key: string]: JsonValue },
  schema: OptionsSchema<Options>,
): string[] {
  const { path, message, keys } = issue;
  if (keys !== undefined) {
    const known = knownKeys(schema, path);
    const there = known.length === 0 ? "" : `; there are ${known.join(", ")}`;
    return keys.map((key) => `${[...path, key].map(String).join(".")} is no option${there}`);
  }
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], given);
  const shown = value === undefined ? "missing" : JSON.stringify(value);
  return [`${path.map(String).join(".")} is ${shown}: ${message}`];
}

/** The names of the options at a path, read off the defaults. */
function knownKeys<Options>(schema: OptionsSchema<Options>, path: readonly PropertyKey[]): string[] {
  const defaults = schema.safeParse({});
  if (!defaults.success) return [];
  const place = path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    defaults.data,
  );
  return typeof place === "object" && place !== null ? Object.keys(place) : [];
}

function parseValue(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
