import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { wandbCredentials, webAddress } from "./credentials.js";

let home = "";
beforeEach(async () => (home = await mkdtemp(path.join(tmpdir(), "netrc-"))));
afterEach(() => rm(home, { recursive: true, force: true }));

test("the key comes from the option, the environment or the server's entry in .netrc, in this order", async () => {
  await writeFile(
    path.join(home, ".netrc"),
    "machine example.org login me\n  password not-this\nmachine api.wandb.ai\n  login user\n  password from-netrc\ndefault login x password not-that\n",
  );
  const key = async (apiKey: string | undefined, values: Record<string, string> = {}): Promise<string> =>
    (await wandbCredentials({ apiKey, environment: { HOME: home, ...values } })).apiKey;
  expect(await key("given", { WANDB_API_KEY: "set" })).toBe("given");
  expect(await key(undefined, { WANDB_API_KEY: "set\n" })).toBe("set");
  expect(await key(undefined)).toBe("from-netrc");
  await expect(key(undefined, { WANDB_BASE_URL: "https://wandb.example.com" })).rejects.toThrow(
    "for wandb.example.com",
  );
  await expect(key(undefined, { NETRC: path.join(home, "none") })).rejects.toThrow("set WANDB_API_KEY");
});

test("the server is the hosted one unless another is named", async () => {
  const base = async (baseUrl?: string, values: Record<string, string> = {}): Promise<string> =>
    (await wandbCredentials({ apiKey: "k", baseUrl, environment: values })).baseUrl;
  expect(await base()).toBe("https://api.wandb.ai");
  expect(webAddress(await base())).toBe("https://wandb.ai");
  expect(await base(undefined, { WANDB_BASE_URL: "http://localhost:8080/" })).toBe("http://localhost:8080");
  expect(await base("https://own.example.com/wandb/", { WANDB_BASE_URL: "x" })).toBe("https://own.example.com/wandb");
  for (const wrong of ["own.example.com", "ftp://own.example.com", "https://me:secret@own.example.com"]) {
    await expect(base(wrong)).rejects.toThrow(/^WANDB_BASE_URL \(baseUrl\) has to be an address/);
    await expect(base(wrong)).rejects.not.toThrow("secret");
  }
});
