// A checkpoint's tensors come in parts: `<part>/<name>`, e.g. `weights/denoiser.proj_out.weight`.
import type { StateDict, StoredTensor } from "@noisereel/core";

/** Adds `state` to `tensors` under a part's name. */
export function addPart(tensors: Map<string, StoredTensor>, part: string, state: StateDict): void {
  for (const [name, tensor] of state) tensors.set(`${part}/${name}`, tensor);
}

/** The tensors of one part, or of one prefix within it, without part and prefix. Empty when there are none. */
export function takePart(tensors: StateDict, part: string, prefix = ""): StateDict {
  const start = `${part}/${prefix}`;
  const result = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) if (name.startsWith(start)) result.set(name.slice(start.length), tensor);
  return result;
}

/** All parts. Tensors without one are in the part "tensors". */
export function splitParts(tensors: StateDict): ReadonlyMap<string, StateDict> {
  const parts = new Map<string, Map<string, StoredTensor>>();
  for (const [name, tensor] of tensors) {
    const slash = name.indexOf("/");
    const part = slash < 0 ? unnamedPart : name.slice(0, slash);
    if (!parts.has(part)) parts.set(part, new Map());
    parts.get(part)!.set(name.slice(slash + 1), tensor);
  }
  return parts;
}

/** The reverse of `splitParts`. */
export function joinParts(parts: ReadonlyMap<string, StateDict>): StateDict {
  const tensors = new Map<string, StoredTensor>();
  for (const [part, state] of parts) {
    if (part === unnamedPart) for (const [name, tensor] of state) tensors.set(name, tensor);
    else addPart(tensors, part, state);
  }
  return tensors;
}

const unnamedPart = "tensors";
