// Which Weights & Biases server, and the key for it.
import { ConfigError } from "@noisereel/core";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

export interface WandbAccess {
  /** Of the key. Default `WANDB_API_KEY`, or the password of the server's machine in `~/.netrc`. Never logged. */
  readonly apiKey?: string | undefined;
  /** Of a server of one's own. Default `WANDB_BASE_URL`, or https://api.wandb.ai. */
  readonly baseUrl?: string | undefined;
  /** Default the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface WandbCredentials {
  readonly apiKey: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
}

/** Throws ConfigError, which never holds the key, when there is none or the address is no address. */
export async function wandbCredentials(access: WandbAccess = {}): Promise<WandbCredentials> {
  const environment = access.environment ?? process.env;
  const url = parseBase(access.baseUrl ?? (environment["WANDB_BASE_URL"] || "https://api.wandb.ai"));
  const netrc = environment["NETRC"] || path.join(environment["HOME"] || homedir(), ".netrc");
  const apiKey = (
    access.apiKey ??
    (environment["WANDB_API_KEY"] || (await keyInNetrc(netrc, url.hostname)) || "")
  ).trim();
  if (apiKey === "") {
    throw new ConfigError(
      `there is no Weights & Biases key for ${url.host}; set WANDB_API_KEY (https://wandb.ai/authorize shows yours), or log in with wandb login`,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new ConfigError("WANDB_API_KEY holds spaces or signs that no key has; copy it again");
  }
  return { apiKey, baseUrl: url.href.replace(/\/+$/, "") };
}

/** Where people look at it: the hosted service has its pages at another name than its interface. */
export function webAddress(baseUrl: string): string {
  return baseUrl === "https://api.wandb.ai" ? "https://wandb.ai" : baseUrl;
}

function parseBase(text: string): URL {
  const remedy =
    "WANDB_BASE_URL (baseUrl) has to be an address such as https://api.wandb.ai, without a name or a password";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The text is not repeated: a password may be part of it.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new ConfigError(remedy);
  }
  return new URL(url.origin + url.pathname);
}

/** `machine HOST … password KEY`, in any layout of lines. */
async function keyInNetrc(file: string, host: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => ""); // none, or not ours to read: as if it were empty
  const words = text.split(/\s+/).filter((word) => word !== "");
  const start = words.findIndex((word, index) => word === "machine" && words[index + 1] === host);
  if (start < 0) return undefined;
  const end = words.findIndex((word, index) => index > start + 1 && (word === "machine" || word === "default"));
  const entry = words.slice(start + 2, end < 0 ? undefined : end);
  const at = entry.indexOf("password");
  return at < 0 ? undefined : entry[at + 1];
}
