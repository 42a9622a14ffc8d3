// The safetensors file format: an 8-byte header length, a JSON header, then the tensors' bytes.
import type { StateDict, StoredDtype, StoredTensor } from "../contracts.js";
import { CheckpointError } from "../errors.js";
import { sizeOf } from "../shape.js";
import { bytesPerElement } from "./dtype.js";

export interface TensorEntry {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Byte range in the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Largest header we accept, so that a file of another kind cannot make us allocate. */
const maxHeaderBytes = 100 * 2 ** 20;

/** The header's length in bytes, given the file's first 8 bytes and its size. */
export function headerLength(first8: Uint8Array, fileBytes: number, where: string): number {
  if (first8.byteLength < 8) throw damaged(where, "it is shorter than 8 bytes");
  const length = Number(new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true));
  if (length < 2 || length > maxHeaderBytes || 8 + length > fileBytes) {
    throw damaged(where, `its header claims ${length} bytes of a ${fileBytes}-byte file`);
  }
  return length;
}

/** Parses and checks the JSON header; `where` names the file in errors. */
export function parseHeader(json: Uint8Array, fileBytes: number, where: string): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (cause) {
    throw damaged(where, "its header is not JSON", cause);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw damaged(where, "its header is not an object");
  const dataStart = 8 + json.byteLength;
  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = value as Record<string, string>;
    else entries.set(name, parseEntry(name, value, dataStart, fileBytes, where));
  }
  return { entries, metadata };
}

function parseEntry(name: string, value: unknown, dataStart: number, fileBytes: number, where: string): TensorEntry {
  const {
    dtype,
    shape,
    data_offsets: offsets,
  } = (value ?? {}) as {
    dtype?: string;
    shape?: number[];
    data_offsets?: [number, number];
  };
  if (dtype === undefined || !(dtype in bytesPerElement)) {
    throw new CheckpointError(
      `${where}: tensor ${name} has element type ${dtype}; readable are ${Object.keys(bytesPerElement).join(", ")}`,
    );
  }
  const natural = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(natural) || !Array.isArray(offsets) || !offsets.every(natural)) {
    throw damaged(where, `tensor ${name} has no valid shape and data_offsets`);
  }
  const [start, end] = offsets;
  const expected = sizeOf(shape) * bytesPerElement[dtype as StoredDtype];
  if (end - start !== expected || dataStart + end > fileBytes) {
    throw damaged(where, `tensor ${name} has bytes ${start} to ${end} but needs ${expected} within the file`);
  }
  return { dtype: dtype as StoredDtype, shape, start: dataStart + start, end: dataStart + end };
}

/** All tensors of a file held in memory. The tensors share its bytes. */
export function parseSafetensors(
  file: Uint8Array,
  where = "safetensors",
): { readonly tensors: StateDict; readonly metadata: Readonly<Record<string, string>> } {
  const length = headerLength(file.subarray(0, 8), file.byteLength, where);
  const header = parseHeader(file.subarray(8, 8 + length), file.byteLength, where);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, start, end }] of header.entries) {
    tensors.set(name, { dtype, shape, bytes: file.subarray(start, end) });
  }
  return { tensors, metadata: header.metadata };
}

/** The header bytes (with their length) of a file that holds `tensors` in this order. */
export function serializeHeader(tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const header: [name: string, entry: unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", metadata]);
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header.push([name, { dtype, shape, data_offsets: [offset, offset + bytes.byteLength] }]);
    offset += bytes.byteLength;
  }
  // Assigned one by one, a tensor named "__proto__" would be lost.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(json.byteLength / 8) * 8; // tensors start aligned
  const result = new Uint8Array(8 + padded).fill(0x20);
  new DataView(result.buffer).setBigUint64(0, BigInt(padded), true);
  result.set(json, 8);
  return result;
}

/** A whole safetensors file in memory. */
export function serializeSafetensors(tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const header = serializeHeader(tensors, metadata);
  const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, header.byteLength);
  const result = new Uint8Array(total);
  result.set(header);
  let offset = header.byteLength;
  for (const { bytes } of tensors.values()) {
    result.set(bytes, offset);
    offset += bytes.byteLength;
  }
  return result;
}

function damaged(where: string, why: string, cause?: unknown): CheckpointError {
  return new CheckpointError(
    `${where} is not a safetensors file, or damaged: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
