// What Weights & Biases is asked and told of one run: the requests that its own client (wandb 0.30) makes.
import type { JsonValue } from "@noisereel/core";
import { WandbRefusedError, type WandbSend } from "./requests.js";

export interface WandbPlace {
  readonly entity: string;
  readonly project: string;
  /** The run's id there. */
  readonly run: string;
}

/** What the server has of a run. */
export interface WandbStatus {
  /** Lines of history. */
  readonly lines: number;
  /** The last line's step; undefined when there is none, or the server does not say. */
  readonly lastStep: number | undefined;
}

export interface WandbRunOptions {
  readonly project: string;
  /** Default the key's own. */
  readonly entity?: string | undefined;
  readonly run: string;
  readonly group?: string | undefined;
  readonly displayName?: string | undefined;
  readonly notes?: string | undefined;
  readonly config?: { readonly [name: string]: JsonValue } | undefined;
}

export interface WandbStream {
  readonly history?: { readonly offset: number; readonly lines: readonly string[] };
  /** The whole summary, as JSON. */
  readonly summary?: string;
  /** Files that were uploaded since the last call. */
  readonly uploaded?: readonly string[];
  /** Of the process, when the run has ended: 0 finished, 255 stopped by Ctrl-C, others failed. */
  readonly exitCode?: number;
}

export type WandbClient = ReturnType<typeof wandbClient>;

export function wandbClient(send: WandbSend) {
  async function graphql<Data>(operation: string, query: string, variables: object = {}): Promise<Data> {
    const body = JSON.stringify({ operationName: operation, query, variables });
    const text = await send({ method: "POST", url: "/graphql", headers: json, body });
    const { data, errors } = parse(text) as { data?: Data; errors?: readonly { message?: string }[] };
    const message = errors?.[0]?.message;
    if (message !== undefined || data === undefined) {
      throw new WandbRefusedError(`Weights & Biases answered ${message ?? "without data"} to ${operation}`, 200);
    }
    return data;
  }

  return {
    /** The name of the key's owner. Throws WandbRefusedError when the server does not know the key. */
    async viewer(): Promise<string> {
      const { viewer } = await graphql<{ viewer: { entity?: string } | null }>(
        "Viewer",
        "query Viewer { viewer { entity } }",
      );
      if (viewer === null) throw new WandbRefusedError("the server does not know the key", 401);
      return viewer.entity ?? "";
    },

    /** What there is of a run; undefined when there is no such run, or no such project. */
    async status({ project, entity, run }: WandbRunOptions): Promise<WandbStatus | undefined> {
      interface Answer {
        readonly model: { readonly bucket: { historyLineCount: number; historyTail?: string | null } | null } | null;
      }
      const { model } = await graphql<Answer>("RunResumeStatus", resumeStatus, {
        project,
        entity: entity ?? null,
        name: run,
      });
      const bucket = model?.bucket;
      if (bucket === null || bucket === undefined) return undefined;
      return { lines: bucket.historyLineCount, lastStep: stepOfTail(bucket.historyTail) };
    },

    /** Makes the run, or changes it, and says where it is. */
    async upsert(options: WandbRunOptions): Promise<WandbPlace> {
      interface Answer {
        readonly upsertBucket: {
          readonly bucket: { name: string; project: { name: string; entity: { name: string } } };
        } | null;
      }
      const config = Object.entries(options.config ?? {}).map(([name, value]) => [name, { value }]);
      const { upsertBucket } = await graphql<Answer>("UpsertBucket", upsertBucketQuery, {
        name: options.run,
        project: options.project,
        entity: options.entity ?? null,
        groupName: options.group ?? null,
        displayName: options.displayName ?? null,
        notes: options.notes ?? null,
        config: options.config === undefined ? null : JSON.stringify(Object.fromEntries(config)),
      });
      if (upsertBucket === null) throw new WandbRefusedError("Weights & Biases made no run", 200);
      const { name, project } = upsertBucket.bucket;
      return { run: name, project: project.name, entity: project.entity.name };
    },

    /** Lines of history at an offset, the summary, the end; nothing at all is a sign of life. */
    async stream(place: WandbPlace, { history, summary, uploaded, exitCode }: WandbStream = {}): Promise<void> {
      const files = {
        ...(history === undefined ? {} : { "wandb-history.jsonl": { offset: history.offset, content: history.lines } }),
        ...(summary === undefined ? {} : { "wandb-summary.json": { offset: 0, content: [summary] } }),
      };
      const body = {
        ...(Object.keys(files).length === 0 ? {} : { files }),
        ...(uploaded === undefined || uploaded.length === 0 ? {} : { uploaded }),
        ...(exitCode === undefined ? {} : { complete: true, exitcode: exitCode }),
      };
      const url = `/files/${[place.entity, place.project, place.run].map(encodeURIComponent).join("/")}/file_stream`;
      await send({ method: "POST", url, headers: json, body: JSON.stringify(body) });
    },

    /** Puts files beside the run, under their paths there. */
    async upload(
      { entity, project, run }: WandbPlace,
      files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    ): Promise<void> {
      if (files.size === 0) return;
      interface Answer {
        readonly createRunFiles: {
          readonly uploadHeaders: readonly string[] | null;
          readonly files: readonly { readonly name: string; readonly uploadUrl: string }[];
        };
      }
      const variables = { entity, project, run, files: [...files.keys()] };
      const { createRunFiles } = await graphql<Answer>("CreateRunFiles", createRunFilesQuery, variables);
      // "Name: value" each
      const headers = (createRunFiles.uploadHeaders ?? []).map((line) => line.split(/:\s*(.*)/s).slice(0, 2));
      for (const { name, uploadUrl } of createRunFiles.files) {
        const body = files.get(name);
        if (body === undefined) continue;
        await send({
          method: "PUT",
          url: uploadUrl,
          headers: Object.fromEntries(headers) as Record<string, string>,
          body,
        });
      }
    },
  };
}

const json = { "content-type": "application/json" };

const resumeStatus = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    bucket(name: $name, missingOk: true) { historyLineCount historyTail }
  }
}`;

const upsertBucketQuery = `mutation UpsertBucket(
  $name: String, $project: String, $entity: String, $groupName: String, $displayName: String, $notes: String, $config: JSONString
) {
  upsertBucket(input: {
    name: $name, modelName: $project, entityName: $entity, groupName: $groupName,
    displayName: $displayName, notes: $notes, config: $config
  }) {
    bucket { name project { name entity { name } } }
  }
}`;

const createRunFilesQuery = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) {
    uploadHeaders
    files { name uploadUrl }
  }
}`;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new WandbRefusedError("what answered is no Weights & Biases server; check WANDB_BASE_URL", 200);
  }
}

/** The tail is a list of lines as JSON, in which not-a-number may stand bare. */
function stepOfTail(tail: string | null | undefined): number | undefined {
  const lines = [...(tail ?? "").matchAll(/\\?"_step\\?":\s*(\d+)/g)];
  const last = lines.at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}
