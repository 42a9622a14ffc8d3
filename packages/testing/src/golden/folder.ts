// Reads a golden folder: its manifest (either format), cases, inputs, weights and expected outputs.
import { CheckpointError, ConfigError, type JsonValue, type StateDict, type StoredTensor } from "@noisereel/core";
import { readSafetensors } from "@noisereel/core/node";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { toGoldenArray } from "./arrays.js";
import { namedUniform, namedWeights, saltedUniform, saltedWeights } from "./formula.js";
import type { GoldenArray, GoldenCase, GoldenExpectation, GoldenTolerance } from "./types.js";

type JsonObject = Readonly<Record<string, JsonValue>>;

/** The cases of `folder`, in the manifest's order. */
export async function readGoldenFolder(folder: string): Promise<readonly GoldenCase[]> {
  const manifestFile = path.join(folder, "manifest.json");
  const text = await readFile(manifestFile, "utf8").catch((cause: unknown) => {
    throw new ConfigError(`cannot read ${manifestFile}; a golden folder has a manifest.json`, { cause });
  });
  const { cases, ...head } = JSON.parse(text) as JsonObject & { readonly cases: readonly JsonObject[] };
  if (!Array.isArray(cases)) throw new ConfigError(`${manifestFile} has no list "cases"`);
  const files = new FileCache(folder);
  return cases.map((entry: JsonObject) => new FolderCase(folder, head, entry, files));
}

/** Keeps the last few files read: cases share weight files. */
class FileCache {
  readonly #folder: string;
  readonly #files = new Map<string, Promise<StateDict>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(file: string): Promise<StateDict> {
    let pending = this.#files.get(file);
    if (pending === undefined) {
      pending = readSafetensors(path.join(this.#folder, file)).then(({ tensors }) => tensors);
      this.#files.set(file, pending);
      if (this.#files.size > 8) this.#files.delete(this.#files.keys().next().value!);
    }
    return pending;
  }
}

class FolderCase implements GoldenCase {
  readonly id: string;
  readonly module: string;
  readonly config: JsonValue;
  readonly entry: JsonObject;
  readonly manifest: JsonObject;
  readonly folder: string;
  readonly #file: string;
  readonly #files: FileCache;

  constructor(folder: string, manifest: JsonObject, entry: JsonObject, files: FileCache) {
    this.id = text(entry, "id", "name");
    this.module = text(entry, "module");
    this.#file = text(entry, "file");
    this.config = entry["config"] ?? {};
    this.entry = entry;
    this.manifest = manifest;
    this.folder = folder;
    this.#files = files;
  }

  get isJson(): boolean {
    return this.#file.endsWith(".json");
  }

  async json(): Promise<JsonValue> {
    return this.siblingJson(this.#file);
  }

  async siblingJson(file: string): Promise<JsonValue> {
    return JSON.parse(await readFile(path.join(this.folder, file), "utf8")) as JsonValue;
  }

  async inputNames(): Promise<readonly string[]> {
    return [...(await this.#tensors()).keys()].filter((name) => name.startsWith("in.")).map((name) => name.slice(3));
  }

  async hasInput(name: string): Promise<boolean> {
    return (await this.#tensors()).has(`in.${name}`);
  }

  async input(name: string): Promise<GoldenArray> {
    const stored = (await this.#tensors()).get(`in.${name}`);
    if (stored === undefined) throw new CheckpointError(`golden case ${this.id} has no input ${name}`);
    return toGoldenArray(stored);
  }

  async weights(): Promise<StateDict | undefined> {
    const own = await this.#tensors();
    const found = new Map<string, StoredTensor>();
    const shared = this.entry["weights_file"] ?? this.entry["weights"];
    if (typeof shared === "string") {
      for (const [name, tensor] of await this.#files.read(shared)) found.set(name.replace(/^w\./, ""), tensor);
    }
    for (const [name, tensor] of own) {
      const prefix = ["param.", "w."].find((candidate) => name.startsWith(candidate));
      if (prefix !== undefined) found.set(name.slice(prefix.length), tensor);
    }
    return found.size === 0 ? undefined : found;
  }

  formulaWeights(shapes: Iterable<readonly [name: string, shape: readonly number[]]>): StateDict {
    if (typeof this.entry["weight_formula"] === "string") return namedWeights(shapes);
    const formula = this.entry["weights"] as {
      formula?: string;
      salt?: number;
      relu_net?: boolean;
      exception?: string;
    };
    if (formula?.formula !== "hash-v1" || formula.salt === undefined) {
      throw new ConfigError(`golden case ${this.id} names no weight formula that is known here`);
    }
    const exception = parseException(formula.exception);
    return saltedWeights(shapes, {
      salt: formula.salt,
      reluNet: formula.relu_net ?? false,
      ...(exception === undefined ? {} : { exception }),
    });
  }

  formulaInput(name: string, shape: readonly number[]): GoldenArray {
    const count = shape.reduce((product, size) => product * size, 1);
    const salt = this.manifest["salt"];
    const data =
      typeof salt === "number"
        ? Float32Array.from({ length: count }, (_, i) => saltedUniform(name, salt, i))
        : namedUniform(name, count, Math.sqrt(3), 0);
    return { shape, data };
  }

  async expected(): Promise<ReadonlyMap<string, GoldenExpectation>> {
    const result = new Map<string, GoldenExpectation>();
    for (const [name, stored] of await this.#tensors()) {
      const tolerance = name.startsWith("out.") ? this.#tolerance(name) : undefined;
      if (tolerance !== undefined) result.set(name, { ...toGoldenArray(stored), tolerance });
    }
    return result;
  }

  #tolerance(output: string): GoldenTolerance | undefined {
    const byNorm = (this.entry["outputs"] as JsonObject | undefined)?.[output] as
      { atol?: number; rel_l2_tol?: number; max_abs?: number } | undefined;
    if (byNorm?.rel_l2_tol !== undefined) {
      return { kind: "norm", atol: byNorm.atol!, relativeL2: byNorm.rel_l2_tol, magnitude: byNorm.max_abs! };
    }
    const byElement = (this.entry["tolerance"] as JsonObject | undefined)?.[output] as
      "exact" | { atol: number; rtol: number; max_outlier_fraction?: number; outlier_atol?: number } | undefined;
    if (byElement === undefined) return undefined;
    // Any difference at all is many times the smallest positive number.
    if (byElement === "exact")
      return { kind: "element", atol: Number.MIN_VALUE, rtol: 0, outlierFraction: 0, outlierAtol: 0 };
    return {
      kind: "element",
      atol: byElement.atol,
      rtol: byElement.rtol,
      outlierFraction: byElement.max_outlier_fraction ?? 0,
      outlierAtol: byElement.outlier_atol ?? 0,
    };
  }

  #tensors(): Promise<StateDict> {
    return this.#files.read(this.#file);
  }
}

/** The first of `keys` that the entry has, as text. */
function text(entry: JsonObject, ...keys: readonly string[]): string {
  for (const key of keys) {
    const value = entry[key];
    if (typeof value === "string") return value;
  }
  throw new ConfigError(`a golden case has no "${keys.join('" or "')}": ${JSON.stringify(entry).slice(0, 100)}`);
}

/** Parses `name[4:8] -= 2 (float32)`. */
function parseException(text: string | undefined) {
  if (text === undefined) return undefined;
  const match = /^(\S+)\[(\d+):(\d+)\] ([+-])= ([\d.]+)/.exec(text);
  if (match === null) throw new ConfigError(`weight exception "${text}" is not of the form name[from:to] += number`);
  const [, name, from, to, sign, amount] = match;
  return { name: name!, from: Number(from), to: Number(to), add: Number(`${sign}${amount}`) };
}
