// A server that answers as Weights & Biases does, and is stricter: it refuses what its own client would never send.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeRun {
  readonly id: string;
  readonly project: string;
  readonly entity: string;
  displayName: string | null;
  group: string | null;
  notes: string | null;
  config: Record<string, unknown>;
  /** Lines as they came. */
  readonly history: string[];
  summary: string;
  readonly files: Map<string, Buffer>;
  readonly uploaded: string[];
  exitCode: number | undefined;
  lifeSigns: number;
}

/** What happens to the next request instead of an answer; "lost" does the work and hangs up before it answers. */
export type Fault = number | "hang up" | "lost";

export interface FakeWandb {
  readonly url: string;
  readonly key: string;
  /** In the order in which they were made. */
  readonly runs: FakeRun[];
  /** Taken from the front, one for each request to `file_stream`. */
  readonly faults: Fault[];
  /** Every request hangs up. */
  away: boolean;
  /** Every request is answered that it may not be. */
  refuses: boolean;
  /** Everything that came, without the headers. */
  readonly requests: string[];
  /** Rows of a run, parsed; not-a-number and the infinities included. */
  rows(id: string): Record<string, unknown>[];
  /** Each value that the newest run has, by the names that the tracker was told. */
  values(): { readonly step: number; readonly name: string; readonly value: number }[];
  close(): Promise<void>;
}

interface Stream {
  readonly files?: Readonly<Record<string, { readonly offset: number; readonly content: readonly string[] }>>;
  readonly uploaded?: readonly string[];
  readonly complete?: boolean;
  readonly exitcode?: number;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function fakeWandb(): Promise<FakeWandb> {
  const key = "0123456789abcdef0123456789abcdef01234567";
  const authorization = `Basic ${Buffer.from(`api:${key}`).toString("base64")}`;
  const runs: FakeRun[] = [];
  const find = (project: string, entity: string, id: string): FakeRun | undefined =>
    runs.find((run) => run.id === id && run.project === project && run.entity === entity);
  const known = (project: string, entity: string, id: string): FakeRun => {
    const found = find(project, entity, id);
    if (found === undefined) throw new Refusal(404, `there is no run ${entity}/${project}/${id}`);
    return found;
  };

  const server = createServer(async (request, response) => {
    const body = await read(request);
    const url = request.url ?? "";
    fake.requests.push(`${request.method} ${url} ${body.toString("utf8")}`);
    const fault = url.endsWith("/file_stream") ? fake.faults.shift() : undefined;
    if (fake.away || fault === "hang up") return void request.socket.destroy();
    let [status, answer]: [number, unknown] = [200, undefined];
    try {
      if (fake.refuses) throw new Refusal(403, "not any more");
      if (typeof fault === "number") throw new Refusal(fault, `as the test wants it, ${request.headers.authorization}`);
      if (!url.startsWith("/storage/") && request.headers.authorization !== authorization) {
        throw new Refusal(401, `no such key ${request.headers.authorization}`);
      }
      answer = answerTo(`${request.method} ${url}`, body, request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      [status, answer] = [error.status, { error: error.message }];
    }
    if (fault === "lost") return void request.socket.destroy();
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? {}));
  });

  function answerTo(what: string, body: Buffer, request: IncomingMessage): unknown {
    if (what === "POST /graphql") {
      const { operationName, query, variables } = JSON.parse(body.toString("utf8")) as GraphQl;
      if (!query.includes(operationName)) throw new Refusal(400, `the query is not ${operationName}`);
      return { data: operations[operationName]?.(variables) ?? fail(`what is ${operationName}?`) };
    }
    const stream = /^POST \/files\/([^/]+)\/([^/]+)\/([^/]+)\/file_stream$/.exec(what);
    if (stream !== null) {
      const [entity, project, id] = stream.slice(1).map(decodeURIComponent) as [string, string, string];
      takeStream(known(project, entity, id), JSON.parse(body.toString("utf8")) as Stream);
      return {};
    }
    const file = /^PUT \/storage\/([^/]+)\/([^/]+)\/([^/]+)\/(.+)$/.exec(what);
    if (file === null) throw new Refusal(404, what);
    if (request.headers.authorization !== undefined) fail("a signed address needs no key");
    if (request.headers["x-signed"] !== "a: b") fail("the headers that were asked for are missing");
    const [entity, project, id, name] = file.slice(1).map(decodeURIComponent) as [string, string, string, string];
    known(project, entity, id).files.set(name, body);
    return undefined;
  }

  const operations: Readonly<Record<string, (variables: Record<string, string | null>) => unknown>> = {
    Viewer: () => ({ viewer: { entity: "me" } }),
    RunResumeStatus({ project, entity, name }) {
      const run = find(project!, entity ?? "me", name!);
      if (run === undefined) return { model: null };
      const historyTail = JSON.stringify(run.history.slice(-1));
      return { model: { bucket: { historyLineCount: run.history.length, historyTail } } };
    },
    UpsertBucket({ name, project, entity, groupName, displayName, notes, config }) {
      if (entity === "others") throw new Refusal(403, "permission denied");
      let run = find(project!, entity ?? "me", name!);
      if (run === undefined) {
        run = {
          id: name!,
          project: project!,
          entity: entity ?? "me",
          displayName: null,
          group: null,
          notes: null,
          config: {},
          history: [],
          summary: "",
          files: new Map(),
          uploaded: [],
          exitCode: undefined,
          lifeSigns: 0,
        };
        runs.push(run);
      }
      run.displayName = displayName ?? run.displayName;
      run.group = groupName ?? run.group;
      run.notes = notes ?? run.notes;
      if (config !== null) {
        const entries = Object.entries(JSON.parse(config!) as Record<string, { value: unknown }>);
        run.config = Object.fromEntries(entries.map(([option, { value }]) => [option, value]));
      }
      return { upsertBucket: { bucket: { name, project: { name: project, entity: { name: run.entity } } } } };
    },
    CreateRunFiles(variables) {
      const { entity, project, run, files } = variables as unknown as Record<string, string> & { files: string[] };
      known(project!, entity!, run!);
      const address = (name: string): string =>
        `${fake.url}/storage/${[entity!, project!, run!, name].map(encodeURIComponent).join("/")}`;
      const list = files.map((name) => ({ name, uploadUrl: address(name) }));
      return { createRunFiles: { uploadHeaders: ["x-signed: a: b"], files: list } };
    },
  };

  function takeStream(run: FakeRun, { files = {}, uploaded = [], complete, exitcode }: Stream): void {
    const history = files["wandb-history.jsonl"];
    if (history !== undefined) {
      if (history.offset !== run.history.length) fail(`offset ${history.offset} where ${run.history.length} lines are`);
      let last = Number(parseRow(run.history.at(-1) ?? '{"_step":-1}')["_step"]);
      for (const line of history.content) {
        const row = parseRow(line);
        for (const own of ["_step", "_timestamp", "_runtime"]) if (typeof row[own] !== "number") fail(`no ${own}`);
        if ((row["_step"] as number) <= last) fail(`step ${String(row["_step"])} after step ${last}`);
        last = row["_step"] as number;
        for (const value of Object.values(row)) {
          const file = (value as { path?: string }).path;
          if (file !== undefined && !run.files.has(file)) fail(`${file} is shown but was not uploaded`);
        }
      }
      run.history.push(...history.content);
    }
    for (const name of uploaded) if (!run.files.has(name)) fail(`${name} was not uploaded`);
    run.uploaded.push(...uploaded);
    run.summary = files["wandb-summary.json"]?.content.at(-1) ?? run.summary;
    run.exitCode = complete === true ? exitcode : undefined;
    if (Object.keys(files).length === 0 && complete !== true) run.lifeSigns++;
  }

  const fake: FakeWandb = {
    url: "",
    key,
    runs,
    faults: [],
    away: false,
    refuses: false,
    requests: [],
    rows: (id) => runs.find((run) => run.id === id)?.history.map(parseRow) ?? [],
    values() {
      const rows = fake.rows(runs.at(-1)?.id ?? "");
      return rows.flatMap(({ _step: step, ...values }) =>
        Object.entries(values)
          .filter(([name]) => !name.startsWith("_"))
          .map(([name, value]) => ({
            step: step as number,
            name: name.replaceAll("/", "."),
            value: value as number,
          })),
      );
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(fake, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

interface GraphQl {
  readonly operationName: string;
  readonly query: string;
  readonly variables: Record<string, string | null>;
}

function fail(message: string): never {
  throw new Refusal(400, message);
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** JSON with bare numbers that are not finite, as W&B's own client writes it; none of our text holds such words after a colon. */
export function parseRow(line: string): Record<string, unknown> {
  return JSON.parse(line.replaceAll(/:(NaN|-?Infinity)(?=[,}])/g, ':"$1"'), (name, value: unknown) =>
    name !== "" && /^(NaN|-?Infinity)$/.test(String(value)) ? Number(value) : value,
  ) as Record<string, unknown>;
}
