// Calls to the studio's server. A failed call throws an Error whose message is the server's sentence.
import { useEffect, useState } from "react";
import type { Job, Parameters, Problem, Studio, StudioEvents } from "../../src/protocol.js";

export async function createJob(parameters: Parameters): Promise<Job> {
  return call<Job>("/api/jobs", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(parameters),
  });
}

export async function cancelJob(id: string): Promise<void> {
  await call<Job>(`/api/jobs/${id}`, { method: "DELETE" });
}

async function call<Answer>(address: string, request: RequestInit = {}): Promise<Answer> {
  const response = await fetch(address, request).catch(() => {
    throw new Error("The studio's server does not answer; is `npm run demo` still running?");
  });
  const body = (await response.json()) as Answer | Problem;
  if (!response.ok) throw new Error((body as Problem).error);
  return body as Answer;
}

/** The studio's run; asked for again every few seconds as long as there is none. */
export function useStudio(): Studio | undefined {
  const [studio, setStudio] = useState<Studio>();
  const ready = studio?.ready === true;
  useEffect(() => {
    if (ready) return;
    let stopped = false;
    const ask = (): void => {
      call<Studio>("/api/studio").then(
        (answer) => stopped || setStudio(answer),
        (error: Error) => stopped || setStudio({ ready: false, problem: error.message }),
      );
    };
    ask();
    const timer = setInterval(ask, 4000);
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, [ready]);
  return studio;
}

/** All jobs, newest first, as the server tells them. `connected` is false while the server does not answer. */
export function useJobs(): { readonly jobs: readonly Job[]; readonly connected: boolean } {
  const [jobs, setJobs] = useState<readonly Job[]>([]);
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const events = new EventSource("/api/events");
    const on = <Name extends keyof StudioEvents>(name: Name, use: (data: StudioEvents[Name]) => void): void =>
      events.addEventListener(name, (event: MessageEvent<string>) => use(JSON.parse(event.data) as StudioEvents[Name]));
    on("jobs", (all) => setJobs(all.toReversed()));
    on("job", (job) =>
      setJobs((before) => {
        const known = before.some(({ id }) => id === job.id);
        return known ? before.map((other) => (other.id === job.id ? job : other)) : [job, ...before];
      }),
    );
    on("removed", (id) => setJobs((before) => before.filter((job) => job.id !== id)));
    events.addEventListener("open", () => setConnected(true));
    events.addEventListener("error", () => setConnected(false));
    return () => events.close();
  }, []);
  return { jobs, connected };
}
