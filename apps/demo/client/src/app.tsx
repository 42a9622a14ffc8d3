// The page: controls on the left, the chosen clip on the right, the session's clips below.
import { useEffect, useState } from "react";
import type { Parameters, Studio } from "../../src/protocol.js";
import { addressOf, parametersFromAddress } from "./address.js";
import { Controls } from "./controls.js";
import { History } from "./history.js";
import { createJob, cancelJob, useJobs, useStudio } from "./server.js";
import { Stage } from "./stage.js";

export function App() {
  const studio = useStudio();
  return (
    <>
      <header className="top">
        <h1>
          noisereel <span>studio</span>
        </h1>
        {studio?.ready === true && (
          <p className="run" title="The trained run that makes the clips">
            run <code>{studio.run}</code>
          </p>
        )}
      </header>
      {studio === undefined && (
        <p className="notice" role="status">
          Loading the run …
        </p>
      )}
      {studio?.ready === false && <NoRun problem={studio.problem} />}
      {studio?.ready === true && <Workbench studio={studio} />}
    </>
  );
}

function NoRun({ problem }: { readonly problem: string }) {
  return (
    <section className="notice" role="status">
      <h2>Nothing to sample from</h2>
      <p>{problem}</p>
      <pre>npm run quickstart</pre>
      <p>This page goes on by itself when there is a run.</p>
    </section>
  );
}

function Workbench({ studio }: { readonly studio: Extract<Studio, { ready: true }> }) {
  const [parameters, setParameters] = useState(() => parametersFromAddress(location.search, studio));
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const { jobs, connected } = useJobs();
  const job = jobs.find(({ id }) => id === chosen) ?? jobs[0];

  useEffect(() => {
    const timer = setTimeout(() => history.replaceState(null, "", addressOf(parameters)), 200);
    return () => clearTimeout(timer);
  }, [parameters]);

  const attempt = (work: Promise<unknown>): void => {
    work.then(
      () => setProblem(undefined),
      (error: Error) => setProblem(error.message),
    );
  };
  const generate = (wanted: Parameters): void => attempt(createJob(wanted).then(({ id }) => setChosen(id)));

  return (
    <main>
      <div className="bench">
        <Controls
          studio={studio}
          parameters={parameters}
          busy={jobs.some(({ status }) => status === "running" || status === "queued")}
          onChange={(change) => setParameters((before) => ({ ...before, ...change }))}
          onGenerate={() => generate(parameters)}
        />
        <div className="right">
          {(problem !== undefined || !connected) && (
            <p className="problem" role="alert">
              {problem ?? "The studio's server does not answer; is npm run demo still running?"}
            </p>
          )}
          <Stage
            job={job}
            fallback={parameters}
            onCancel={(id) => attempt(cancelJob(id))}
            onReuse={(used) => setParameters(used)}
          />
        </div>
      </div>
      <History jobs={jobs} chosen={job?.id} onChoose={setChosen} />
    </main>
  );
}
