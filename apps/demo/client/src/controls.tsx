// Everything that decides a clip. The controls offer legal values only.
import { type ReactNode, useId, useState } from "react";
import type { Parameters, Studio } from "../../src/protocol.js";

export interface ControlsProps {
  readonly studio: Extract<Studio, { ready: true }>;
  readonly parameters: Parameters;
  /** True while a clip is being made: a new one waits. */
  readonly busy: boolean;
  readonly onChange: (change: Partial<Parameters>) => void;
  readonly onGenerate: () => void;
}

export function Controls({ studio, parameters, busy, onChange, onGenerate }: ControlsProps) {
  const { limits, examples, defaults } = studio;
  const { prompt, negativePrompt, seed, steps, guidanceScale, sampler, frames, height, width } = parameters;
  const empty = prompt.trim() === "";
  const seconds = (frames / studio.fps).toFixed(1);
  const trained = frames === defaults.frames && height === defaults.height && width === defaults.width;
  return (
    <form
      className="card controls"
      onSubmit={(event) => {
        event.preventDefault();
        if (!empty) onGenerate();
      }}
    >
      <Field label="Prompt">
        {(id) => (
          <textarea
            id={id}
            rows={3}
            value={prompt}
            maxLength={limits.promptLength}
            placeholder="What does the clip show?"
            onChange={(event) => onChange({ prompt: event.target.value })}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
            }}
          />
        )}
      </Field>
      <Examples examples={examples} chosen={prompt} onChoose={(example) => onChange({ prompt: example })} />

      <div className="pair">
        <Slider
          label="Steps"
          hint="More steps take longer and follow the model more exactly."
          value={steps}
          minimum={limits.steps.minimum}
          maximum={Math.min(100, limits.steps.maximum)}
          step={1}
          onChange={(value) => onChange({ steps: value })}
        />
        <Slider
          label="Guidance"
          hint="How strongly the prompt pulls; 1 is off."
          value={guidanceScale}
          minimum={limits.guidanceScale.minimum}
          maximum={limits.guidanceScale.maximum}
          step={0.5}
          onChange={(value) => onChange({ guidanceScale: value })}
        />
      </div>

      <div className="pair">
        <Field label="Seed">
          {(id) => (
            <span className="joined">
              <input
                id={id}
                type="number"
                min={limits.seed.minimum}
                max={limits.seed.maximum}
                step={1}
                required
                value={seed}
                onChange={(event) => {
                  const value = event.target.valueAsNumber;
                  if (Number.isInteger(value)) onChange({ seed: value });
                }}
              />
              <button
                type="button"
                title="Another seed"
                aria-label="Another seed"
                onClick={() => onChange({ seed: crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000 })}
              >
                ⚄
              </button>
            </span>
          )}
        </Field>
        <Choice
          label="Sampler"
          value={sampler}
          values={limits.samplers}
          onChange={(value) => onChange({ sampler: value })}
        />
      </div>

      <div className="triple">
        <Choice
          label="Frames"
          value={frames}
          values={limits.frames}
          name={(value) => (value === 1 ? "1 (picture)" : String(value))}
          onChange={(value) => onChange({ frames: value })}
        />
        <Choice label="Width" value={width} values={limits.sizes} onChange={(value) => onChange({ width: value })} />
        <Choice label="Height" value={height} values={limits.sizes} onChange={(value) => onChange({ height: value })} />
      </div>
      <p className="hint">
        {frames === 1 ? "One picture" : `${seconds} seconds at ${studio.fps} frames a second`}
        {!trained && (
          <>
            ; the run was trained for {defaults.frames} frames of {defaults.width} × {defaults.height}.{" "}
            <button
              type="button"
              className="link"
              onClick={() => onChange({ frames: defaults.frames, height: defaults.height, width: defaults.width })}
            >
              Use that
            </button>
          </>
        )}
      </p>

      <details open={negativePrompt !== ""}>
        <summary>Negative prompt</summary>
        <textarea
          rows={2}
          aria-label="Negative prompt"
          value={negativePrompt}
          maxLength={limits.promptLength}
          placeholder="What should it not show?"
          onChange={(event) => onChange({ negativePrompt: event.target.value })}
        />
      </details>

      <div className="actions">
        <button type="submit" className="primary" disabled={empty}>
          {busy ? "Add to the queue" : "Generate"}
        </button>
        <CopyLink />
      </div>
    </form>
  );
}

function Examples(props: {
  readonly examples: readonly string[];
  readonly chosen: string;
  readonly onChoose: (example: string) => void;
}) {
  if (props.examples.length === 0) return null;
  return (
    <div className="examples">
      <p className="hint">Captions this run was trained with:</p>
      <ul>
        {props.examples.map((example) => (
          <li key={example}>
            <button
              type="button"
              title={example}
              aria-pressed={example === props.chosen}
              onClick={() => props.onChoose(example)}
            >
              {example}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function CopyLink() {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(location.href).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      },
      () => prompt("Copy this address:", location.href),
    );
  };
  return (
    <button type="button" onClick={copy} title="The address of this page holds all parameters">
      <span aria-live="polite">{copied ? "Copied" : "Copy link"}</span>
    </button>
  );
}

function Field({ label, children }: { readonly label: string; readonly children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}

function Slider(props: {
  readonly label: string;
  readonly hint: string;
  readonly value: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly step: number;
  readonly onChange: (value: number) => void;
}) {
  const { label, hint, value, minimum, maximum, step, onChange } = props;
  return (
    <Field label={label}>
      {(id) => (
        <span className="slider" title={hint}>
          <input
            id={id}
            type="range"
            min={minimum}
            max={Math.max(maximum, value)}
            step={step}
            value={value}
            onChange={(event) => onChange(event.target.valueAsNumber)}
          />
          <output htmlFor={id}>{value}</output>
        </span>
      )}
    </Field>
  );
}

function Choice<Value extends string | number>(props: {
  readonly label: string;
  readonly value: Value;
  readonly values: readonly Value[];
  readonly name?: (value: Value) => string;
  readonly onChange: (value: Value) => void;
}) {
  const { label, value, values, name = String, onChange } = props;
  return (
    <Field label={label}>
      {(id) => (
        <select
          id={id}
          value={values.indexOf(value)}
          onChange={(event) => onChange(values[Number(event.target.value)]!)}
        >
          {values.map((option, index) => (
            <option key={option} value={index}>
              {name(option)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
