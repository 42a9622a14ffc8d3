// The clips of this session, newest first.
import type { Job } from "../../src/protocol.js";
import { summary } from "./stage.js";

export interface HistoryProps {
  readonly jobs: readonly Job[];
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

export function History({ jobs, chosen, onChoose }: HistoryProps) {
  if (jobs.length === 0) return null;
  return (
    <section className="history" aria-label="Clips of this session">
      <h2>This session</h2>
      <ul>
        {jobs.map((job) => (
          <li key={job.id}>
            <button
              type="button"
              aria-pressed={job.id === chosen}
              onClick={() => onChoose(job.id)}
              title={summary(job.parameters)}
            >
              <Thumbnail job={job} />
              <span className="caption">{job.parameters.prompt}</span>
              <span className="hint">seed {job.parameters.seed}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Thumbnail({ job }: { readonly job: Job }) {
  const { status, result, preview, parameters } = job;
  if (result?.kind === "video") return <video src={result.url} muted loop playsInline autoPlay />;
  if (result?.kind === "image") return <img src={result.url} alt="" />;
  if (preview !== null && status === "running") return <img src={preview} alt="" className="unfinished" />;
  const text = status === "running" ? `${Math.round((100 * job.step) / parameters.steps)} %` : status;
  return <span className="blank">{text}</span>;
}
