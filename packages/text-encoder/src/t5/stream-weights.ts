// Weights read from disk one tensor at a time: what is in memory is the model and the tensor at hand, never the file.
import { type CallOptions, CheckpointError, type Module, type ShapeMismatch } from "@noisereel/core";

export interface StreamWeightsOptions extends CallOptions {
  /** Files are `<name>.safetensors` or the shards that `<name>.safetensors.index.json` lists. */
  readonly name: string;
  /** Tensors of the files that the model has no use for. */
  readonly ignore: (tensor: string) => boolean;
}

type OpenFile = Awaited<ReturnType<(typeof import("@noisereel/core/node"))["openSafetensors"]>>;

/**
 * Loads every parameter of `model` by name, strictly. Names and shapes of all files are checked before the first byte of a
 * tensor is read. When reading fails later, the model holds a mixture: dispose it.
 */
export async function streamWeights(model: Module, folder: string, options: StreamWeightsOptions): Promise<void> {
  const { openSafetensors } = await import("@noisereel/core/node");
  const files: { readonly path: string; readonly open: OpenFile }[] = [];
  try {
    for (const file of await weightFiles(folder, options.name)) {
      files.push({ path: file, open: await openSafetensors(file) });
    }
    const parameters = new Map(model.namedParameters());
    check(
      parameters,
      files.map(({ open }) => open),
      options.ignore,
    );
    for (const [index, { path, open }] of files.entries()) {
      for (const name of open.entries.keys()) {
        options.signal?.throwIfAborted();
        const parameter = parameters.get(name);
        if (parameter !== undefined) parameter.load(await open.read(name));
      }
      options.onProgress?.({ type: "load", file: path, loaded: index + 1, total: files.length });
    }
  } finally {
    for (const { open } of files) await open.close();
  }
}

async function weightFiles(folder: string, name: string): Promise<readonly string[]> {
  const [{ readFile, stat }, path] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  const single = path.join(folder, `${name}.safetensors`);
  const found = await stat(single).then(
    () => true,
    () => false,
  );
  if (found) return [single];
  const indexFile = `${single}.index.json`;
  const text = await readFile(indexFile, "utf8").catch((cause: unknown) => {
    throw new CheckpointError(
      `${folder} holds neither ${name}.safetensors nor ${name}.safetensors.index.json; pass the folder of a model in safetensors`,
      { cause },
    );
  });
  const shards = shardsOf(text, indexFile);
  const outside = shards.find((shard) => path.basename(shard) !== shard);
  if (outside !== undefined) {
    throw new CheckpointError(`${indexFile} names ${outside}; shards must lie beside it`);
  }
  return shards.map((shard) => path.join(folder, shard));
}

function shardsOf(text: string, indexFile: string): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown }).weight_map;
  } catch (cause) {
    throw new CheckpointError(`${indexFile} is not JSON: ${(cause as Error).message}; download it again`, { cause });
  }
  if (typeof map !== "object" || map === null) {
    throw new CheckpointError(`${indexFile} has no weight_map; it is not the index of a model's shards`);
  }
  return [...new Set(Object.values(map as Record<string, string>))];
}

function check(
  parameters: ReadonlyMap<string, { readonly storedShape: readonly number[] }>,
  files: readonly OpenFile[],
  ignore: (name: string) => boolean,
): void {
  const shapes = new Map(
    files.flatMap(({ entries }) => [...entries].map(([name, { shape }]): [string, readonly number[]] => [name, shape])),
  );
  const missing = [...parameters.keys()].filter((name) => !shapes.has(name));
  const unexpected = [...shapes.keys()].filter((name) => !parameters.has(name) && !ignore(name));
  const mismatched: ShapeMismatch[] = [];
  for (const [name, { storedShape }] of parameters) {
    const found = shapes.get(name);
    if (found !== undefined && found.join() !== storedShape.join()) {
      mismatched.push({ name, expected: storedShape, found });
    }
  }
  if (missing.length + unexpected.length + mismatched.length === 0) return;
  const some = (names: readonly string[]) => `${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`;
  const problems = [
    ...(missing.length > 0 ? [`${missing.length} are missing (${some(missing)})`] : []),
    ...(unexpected.length > 0 ? [`${unexpected.length} are not the model's (${some(unexpected)})`] : []),
    ...mismatched
      .slice(0, 1)
      .map(
        ({ name, expected, found }) =>
          `${name} has shape [${found.join(", ")}] where the model has [${expected.join(", ")}]`,
      ),
  ];
  throw new CheckpointError(`the weights do not fit the model: ${problems.join("; ")}; use its own config.json`, {
    missing,
    unexpected,
    mismatched,
  });
}
