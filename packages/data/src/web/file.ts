// What a file is in a browser, how messages call it, and how its bytes are reached without loading all of them.
import { ClipError, ConfigError } from "@noisereel/core";
import { BlobSource, BufferSource, type Source, UrlSource } from "mediabunny";

/**
 * A file in a browser: what `<input type="file">` or a drop gives, bytes in memory, or an address (a string is one too, relative
 * to the page). Blobs and addresses are read piece by piece, so they may be larger than memory.
 */
export type WebFile = Blob | ArrayBuffer | Uint8Array | URL | string;

/** What messages call the file: its name or address, else its kind and size. */
export function fileName(file: WebFile): string {
  if (typeof File !== "undefined" && file instanceof File && file.name !== "") return file.name;
  if (file instanceof Blob) return `a blob of ${file.size} bytes`;
  if (file instanceof ArrayBuffer || file instanceof Uint8Array) return `${file.byteLength} bytes in memory`;
  if (typeof file === "string" || file instanceof URL) return String(file);
  throw new ConfigError(`file is ${String(file)}; use a File, a Blob, an ArrayBuffer, a Uint8Array or an address`);
}

/** The file as mediabunny reads it. An interrupted download is taken up again three times. */
export function openSource(file: WebFile): Source {
  if (file instanceof Blob) return new BlobSource(file, { handleUnhandledError: () => undefined });
  if (file instanceof ArrayBuffer || file instanceof Uint8Array) return new BufferSource(file);
  return new UrlSource(address(file), {
    getRetryDelay: (attempts) => (attempts < 3 ? attempts / 2 : null),
    handleUnhandledError: () => undefined, // every read that matters is awaited and throws by itself
  });
}

/** The whole file as a blob: pictures and animations, which are decoded from memory anyway. */
export async function readBlob(file: WebFile, signal?: AbortSignal): Promise<Blob> {
  if (file instanceof Blob) return file;
  if (file instanceof ArrayBuffer || file instanceof Uint8Array) return new Blob([file as BlobPart]);
  return (await request(file, {}, signal)).blob();
}

const headLength = 64;

/** The first bytes, at most 64. Throws a `ClipError` when the file is empty or cannot be had. */
export async function fileHead(file: WebFile, signal?: AbortSignal): Promise<Uint8Array> {
  const name = fileName(file);
  const head = await headBytes(file, signal);
  if (head.length === 0) throw new ClipError(`${name} is empty (0 bytes); get it again`, { path: name });
  return head;
}

async function headBytes(file: WebFile, signal?: AbortSignal): Promise<Uint8Array> {
  if (file instanceof ArrayBuffer) return new Uint8Array(file, 0, Math.min(headLength, file.byteLength));
  if (file instanceof Uint8Array) return file.subarray(0, headLength);
  if (file instanceof Blob) {
    const bytes = await file.slice(0, headLength).arrayBuffer().catch(unreadable(file));
    return new Uint8Array(bytes);
  }
  const response = await request(file, { Range: `bytes=0-${headLength - 1}` }, signal);
  const reader = response.body!.getReader(); // a server may ignore the range: no more than the beginning is taken
  try {
    const { value } = await reader.read();
    return (value ?? new Uint8Array()).subarray(0, headLength);
  } finally {
    await reader.cancel();
  }
}

const unreadable = (file: WebFile) => (cause: unknown) => {
  const name = fileName(file);
  throw new ClipError(`${name} can no longer be read (${(cause as Error).message}); choose the file again`, {
    path: name,
    cause,
  });
};

async function request(
  file: URL | string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const response = await fetch(address(file), { headers, signal: signal ?? null }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    const why = (cause as Error).message;
    throw new ClipError(
      `${String(file)} cannot be fetched (${why}); check the address and that its server allows this page to read it`,
      { path: String(file), cause },
    );
  });
  if (!response.ok) {
    throw new ClipError(`${String(file)} cannot be fetched: the server answers ${response.status}; check the address`, {
      path: String(file),
    });
  }
  return response;
}

function address(file: URL | string): URL {
  try {
    return new URL(file, globalThis.location?.href);
  } catch {
    throw new ConfigError(`file is "${String(file)}", which is no address; give a URL, or a File or Blob`);
  }
}
