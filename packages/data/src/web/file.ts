// What a file is in a browser, how messages call it, and how its bytes are reached without loading all of them.
import { ClipError, ConfigError } from "@noisereel/core";
import { BlobSource, BufferSource, type Source, UrlSource } from "mediabunny";
import { type FileKind, fileKind } from "./kind.js";

/**
 * A file in a browser: what `<input type="file">` or a drop gives, bytes in memory, or an address (a string is one too, relative
 * to the page). Blobs, and addresses whose server answers range requests, are read piece by piece, so they may be larger than
 * memory; from other servers the whole file is fetched first.
 */
export type WebFile = Blob | ArrayBuffer | Uint8Array | URL | string;

/** A file that is there. */
export interface FoundFile {
  /** What messages call it. */
  readonly name: string;
  readonly kind: FileKind;
  /** The first bytes, at most 64. */
  readonly head: Uint8Array;
  /** Bytes; undefined when the server does not say. */
  readonly size: number | undefined;
  /** The file piece by piece. */
  readonly source: () => Source;
  /** The bytes from one place to another, fewer at the end of the file. */
  readonly read: (from: number, to: number) => Promise<Uint8Array>;
  /** The whole file. */
  readonly blob: () => Promise<Blob>;
}

/** What messages call the file: its name or address, else its kind and size. */
export function fileName(file: WebFile): string {
  if (typeof File !== "undefined" && file instanceof File && file.name !== "") return file.name;
  if (file instanceof Blob) return `a blob of ${file.size} bytes`;
  if (file instanceof ArrayBuffer || file instanceof Uint8Array) return `${file.byteLength} bytes in memory`;
  if (typeof file === "string" || file instanceof URL) return String(file);
  throw new ConfigError(`file is ${String(file)}; use a File, a Blob, an ArrayBuffer, a Uint8Array or an address`);
}

const headLength = 64;

/** Looks at the beginning of a file. Throws a `ClipError` when it is empty or cannot be had. */
export async function findFile(file: WebFile, signal?: AbortSignal): Promise<FoundFile> {
  const name = fileName(file);
  signal?.throwIfAborted();
  if (typeof file === "string" || file instanceof URL) return findAddress(name, address(file), signal);
  if (file instanceof Blob) return findBlob(name, file);
  const bytes = file instanceof ArrayBuffer ? new Uint8Array(file) : file;
  return found(name, bytes.subarray(0, headLength), {
    size: bytes.length,
    source: () => new BufferSource(bytes),
    read: async (from, to) => bytes.subarray(from, to),
    blob: async () => new Blob([bytes as BlobPart]),
  });
}

async function findBlob(name: string, blob: Blob): Promise<FoundFile> {
  const head = await readBytes(name, blob.slice(0, headLength));
  return found(name, head, {
    size: blob.size,
    source: () => new BlobSource(blob, { handleUnhandledError: () => undefined }),
    read: (from, to) => readBytes(name, blob.slice(from, to)),
    blob: async () => blob,
  });
}

async function readBytes(name: string, blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    const why = (cause as Error).message;
    throw new ClipError(`${name} can no longer be read (${why}); choose the file again`, { path: name, cause });
  }
}

async function findAddress(name: string, url: URL, signal: AbortSignal | undefined): Promise<FoundFile> {
  const response = await request(name, url, { Range: `bytes=0-${headLength - 1}` }, signal);
  if (response.status === 416) throw emptyFile(name); // it has no first byte
  if (response.status !== 206) return findBlob(name, await response.blob());
  const size = Number(/\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? NaN);
  return found(name, await readBytes(name, await response.blob()), {
    size: Number.isNaN(size) ? undefined : size,
    // A download that is interrupted is taken up again three times. Every read that matters is awaited and throws by itself.
    source: () =>
      new UrlSource(url, {
        getRetryDelay: (attempts) => (attempts < 3 ? attempts / 2 : null),
        handleUnhandledError: () => undefined,
      }),
    read: async (from, to) => {
      const part = await request(name, url, { Range: `bytes=${from}-${to - 1}` }, signal);
      return readBytes(name, await part.blob());
    },
    blob: async () => (await request(name, url, {}, signal)).blob(),
  });
}

function found(
  name: string,
  head: Uint8Array,
  access: Pick<FoundFile, "size" | "source" | "read" | "blob">,
): FoundFile {
  if (head.length === 0) throw emptyFile(name);
  return { name, head, kind: fileKind(head), ...access };
}

const emptyFile = (name: string): ClipError =>
  new ClipError(`${name} is empty (0 bytes); get it again`, { path: name });

async function request(
  name: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const response = await fetch(url, { headers, signal: signal ?? null }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    const why = (cause as Error).message;
    throw new ClipError(
      `${name} cannot be fetched (${why}); check the address and that its server allows this page to read it`,
      { path: name, cause },
    );
  });
  if (response.ok || (response.status === 416 && "Range" in headers)) return response;
  throw new ClipError(`${name} cannot be fetched: the server answers ${response.status}; check the address`, {
    path: name,
  });
}

function address(file: URL | string): URL {
  try {
    return new URL(file, globalThis.location?.href);
  } catch {
    throw new ConfigError(`file is "${String(file)}", which is no address; give a URL, or a File or Blob`);
  }
}
