// HTTP requests that are tried again while the network or the server is away, and that never say the key.
import { NoisereelError } from "@noisereel/core";
import { setTimeout as sleep } from "node:timers/promises";
import type { WandbCredentials } from "./credentials.js";

/** The network or the server is away: to be tried again later. */
export class WandbAwayError extends NoisereelError {
  static override readonly brand: symbol = Symbol.for("noisereel.WandbAwayError");
}

/** The server answered that it will not: trying again is of no use. */
export class WandbRefusedError extends NoisereelError {
  static override readonly brand: symbol = Symbol.for("noisereel.WandbRefusedError");
  /** The HTTP status; 200 when the answer itself holds the error. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export interface WandbRetries {
  /** Attempts of a request before it is left for later. Default 5. */
  readonly attempts?: number | undefined;
  /** Seconds before the second attempt; each later one waits twice as long, at most 30 seconds. Default 1. */
  readonly firstWait?: number | undefined;
  /** Seconds that one attempt may take. Default 30. */
  readonly timeout?: number | undefined;
}

export interface WandbRequest {
  readonly method: "POST" | "PUT";
  /** A path of the server, which gets the key, or a whole address, which does not unless it is of the server too. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

export type WandbSend = (request: WandbRequest) => Promise<string>;

/** Aborting `signal` makes a request that is under way, and all later ones, as if the server were away. */
export function wandbRequests(
  { apiKey, baseUrl }: WandbCredentials,
  { attempts = 5, firstWait = 1, timeout = 30 }: WandbRetries = {},
  signal: AbortSignal = new AbortController().signal,
): WandbSend {
  const host = new URL(baseUrl).host;
  const encoded = Buffer.from(`api:${apiKey}`).toString("base64");
  const authorization = `Basic ${encoded}`;
  const clean = (text: string): string => text.replaceAll(apiKey, "…").replaceAll(encoded, "…");

  return async ({ method, url, headers = {}, body }) => {
    const own = url.startsWith("/");
    const target = own ? baseUrl + url : url;
    const where = own ? `${host}${url}` : new URL(target).host; // a signed address is a secret too
    let reason = "";
    for (let attempt = 1; ; attempt++) {
      let wait = Math.min(30, firstWait * 2 ** (attempt - 1));
      try {
        const how = {
          method,
          headers: { ...headers, "user-agent": "noisereel", ...(own ? { authorization } : {}) },
          body,
        };
        const stop = AbortSignal.any([signal, AbortSignal.timeout(timeout * 1000)]);
        const response = await fetch(target, { ...how, redirect: "error", signal: stop });
        const text = await response.text();
        if (response.ok) return text;
        reason = `HTTP ${response.status}`;
        if (!isPassing(response.status)) {
          throw new WandbRefusedError(
            `${where} answered ${clean(`${reason} ${errorText(text)}`).trim()}`,
            response.status,
          );
        }
        const asked = Number(response.headers.get("retry-after") ?? NaN);
        if (Number.isFinite(asked)) wait = Math.min(60, Math.max(wait, asked));
      } catch (error) {
        if (error instanceof WandbRefusedError) throw error;
        reason = clean(networkReason(error as Error));
      }
      if (attempt >= attempts || signal.aborted) throw new WandbAwayError(`${where} cannot be reached (${reason})`);
      await sleep(wait * 1000, undefined, { signal }).catch(() => undefined); // then the next attempt is the last
    }
  };
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function networkReason(error: Error): string {
  const { code, message } = (error.cause ?? error) as { readonly code?: unknown; readonly message?: string };
  return typeof code === "string" ? code : (message ?? error.message);
}

/** What a server says of an error: `{ error }`, `{ errors: [{ message }] }` or the beginning of whatever it is. */
function errorText(text: string): string {
  try {
    const { error, errors } = JSON.parse(text) as { error?: unknown; errors?: readonly { message?: unknown }[] };
    const said = errors?.[0]?.message ?? error;
    if (typeof said === "string") return said.slice(0, 200);
  } catch {
    // not JSON
  }
  return /^\s*</.test(text) ? "" : text.slice(0, 200);
}
