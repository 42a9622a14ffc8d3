// The few protocol-buffer fields that an event file needs.

export type Field = Uint8Array;

/** A whole number of 0 or more. */
export function integer(field: number, value: number): Field {
  return join([varint(field * 8), varint(value)]);
}

export function double(field: number, value: number): Field {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return join([varint(field * 8 + 1), bytes]);
}

export function float(field: number, value: number): Field {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([varint(field * 8 + 5), bytes]);
}

export function text(field: number, value: string): Field {
  return bytes(field, new TextEncoder().encode(value));
}

/** Bytes as they are. */
export function bytes(field: number, value: Uint8Array): Field {
  return join([varint(field * 8 + 2), varint(value.byteLength), value]);
}

/** A message within a message. */
export function message(field: number, fields: readonly Field[]): Field {
  return bytes(field, join(fields));
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.byteLength;
  }
  return result;
}

function varint(value: number): Uint8Array {
  const result: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) result.push((rest % 0x80) | 0x80);
  result.push(rest);
  return Uint8Array.from(result);
}
