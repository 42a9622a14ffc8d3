// The chosen clip: its preview while it is made, the clip itself when it is there.
import type { Job, Parameters } from "../../src/protocol.js";

export interface StageProps {
  readonly job: Job | undefined;
  /** Gives the empty stage its shape. */
  readonly fallback: Parameters;
  readonly onCancel: (id: string) => void;
  readonly onReuse: (parameters: Parameters) => void;
}

export function Stage({ job, fallback, onCancel, onReuse }: StageProps) {
  const { width, height } = job?.parameters ?? fallback;
  return (
    <section className="card stage" aria-label="Clip">
      <div className="screen" style={{ aspectRatio: `${width} / ${height}` }}>
        <Screen job={job} />
      </div>
      {job !== undefined && (
        <>
          <Progress job={job} />
          <p className="caption">{job.parameters.prompt}</p>
          <p className="hint">{summary(job.parameters)}</p>
          <div className="actions">
            {(job.status === "running" || job.status === "queued") && (
              <button type="button" onClick={() => onCancel(job.id)}>
                Cancel
              </button>
            )}
            {job.result !== null && (
              <a className="button" href={job.result.url} download={fileName(job)}>
                Download
              </a>
            )}
            <button type="button" onClick={() => onReuse(job.parameters)}>
              Use these parameters
            </button>
          </div>
        </>
      )}
    </section>
  );
}

function Screen({ job }: { readonly job: Job | undefined }) {
  if (job === undefined) return <p>Type a prompt, or choose a caption, and press Generate.</p>;
  if (job.result?.kind === "video") {
    return (
      <video
        key={job.id}
        src={job.result.url}
        autoPlay
        loop
        muted
        playsInline
        controls
        aria-label={job.parameters.prompt}
      />
    );
  }
  if (job.result?.kind === "image") return <img src={job.result.url} alt={job.parameters.prompt} />;
  if (job.status === "failed") return <p className="problem">{job.error}</p>;
  if (job.preview !== null) {
    return (
      <img
        src={job.preview}
        alt={`Preview of ${job.parameters.prompt}`}
        className={job.status === "running" ? "unfinished" : "stopped"}
      />
    );
  }
  if (job.status === "cancelled") return <p>Cancelled.</p>;
  return <p>{job.status === "queued" ? "Waiting …" : "Beginning …"}</p>;
}

function Progress({ job }: { readonly job: Job }) {
  const { steps } = job.parameters;
  const text = progressText(job);
  if (job.status !== "running" && job.status !== "queued") return <p className="progress">{text}</p>;
  return (
    <div className="progress">
      <progress max={steps} value={job.step} aria-label="Steps done" />
      <p aria-live="polite">{text}</p>
    </div>
  );
}

function progressText(job: Job): string {
  const { steps } = job.parameters;
  switch (job.status) {
    case "queued":
      return job.ahead === 1 ? "One clip is before this one." : `${job.ahead} clips are before this one.`;
    case "running":
      if (job.step === steps) return "Writing the clip …";
      return `Step ${job.step} of ${steps}${job.etaSeconds === null ? "" : `, ${duration(job.etaSeconds)} left`}`;
    case "done":
      return `Made in ${duration(job.result!.seconds)}`;
    case "cancelled":
      return `Cancelled after ${job.step} of ${steps} steps`;
    case "failed":
      return "Failed";
  }
}

export function summary(parameters: Parameters): string {
  const { seed, steps, guidanceScale, sampler, frames, width, height, negativePrompt } = parameters;
  const parts = [
    `seed ${seed}`,
    `${steps} steps`,
    `guidance ${guidanceScale}`,
    sampler,
    `${frames} ${frames === 1 ? "frame" : "frames"} of ${width} × ${height}`,
  ];
  if (negativePrompt !== "") parts.push(`not: ${negativePrompt}`);
  return parts.join(" · ");
}

function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function fileName({ parameters, result }: Job): string {
  const words = parameters.prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["clip"];
  return `${words.slice(0, 6).join("-")}-${parameters.seed}.${result?.kind === "image" ? "png" : "mp4"}`;
}
