// Runs a tslab notebook in this process, without Jupyter or Python:
//   node run-notebook.cjs notebook.ipynb [--save]
// Prints one line for each code cell and ends with 1 at the first one that fails, showing its text and what it said.
// --save writes the outputs into the notebook, pictures included.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { createConverter } = require("tslab/dist/converter.js");
const { createExecutor } = require("tslab/dist/executor.js");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter.js");

// Cells replace these while they run.
const writeOut = process.stdout.write.bind(process.stdout);
const writeError = process.stderr.write.bind(process.stderr);

const textOf = (lines) => [].concat(lines).join("");

/** Collects what a cell writes, in the form that a notebook file keeps it. */
function outputRecorder() {
  const outputs = [];
  return {
    outputs,
    onStream(name, text) {
      const last = outputs.at(-1);
      if (last?.output_type === "stream" && last.name === name) last.text += text;
      else outputs.push({ output_type: "stream", name, text });
    },
    onDisplay({ data, metadata = {} }) {
      outputs.push({ output_type: "display_data", data, metadata });
    },
  };
}

async function runCells(notebook, handler) {
  const cells = notebook.cells.filter((cell) => cell.cell_type === "code");
  for (const [index, cell] of cells.entries()) {
    const source = textOf(cell.source);
    const { outputs, onStream, onDisplay } = outputRecorder();
    const started = performance.now();
    const reply = await handler.handleExecute({ code: source }, onStream, onDisplay);
    await new Promise((resolve) => setImmediate(resolve)); // what the cell wrote last
    cell.outputs = outputs;
    cell.execution_count = reply.execution_count ?? null;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    writeOut(`[${index + 1}/${cells.length}] ${reply.status} ${seconds} s ${describe(outputs)}\n`);
    if (reply.status === "ok") continue;
    const said = outputs.filter((output) => output.output_type === "stream").map(({ text }) => text);
    writeError(`cell ${index + 1} failed:\n${indent(source)}\nit said:\n${indent(said.join(""))}\n`);
    return false;
  }
  return true;
}

const indent = (text) => text.trimEnd().replace(/^/gm, "    ");

const describe = (outputs) =>
  outputs
    .map((output) =>
      output.output_type === "stream" ? JSON.stringify(output.text.slice(0, 80)) : Object.keys(output.data).join(","),
    )
    .join(" ");

async function main([file, ...options]) {
  const unknown = options.filter((option) => option !== "--save");
  if (file === undefined || unknown.length > 0) {
    writeError("use: node run-notebook.cjs notebook.ipynb [--save]\n");
    return 2;
  }
  const notebookPath = path.resolve(file);
  const notebook = JSON.parse(fs.readFileSync(notebookPath, "utf8"));
  process.chdir(path.dirname(notebookPath)); // cells import and read files from there
  const converter = createConverter({ isJS: false, isBrowser: false });
  const converters = { node: converter, browser: converter, close: () => converter.close() };
  const toCell = { log: (...values) => console.log(...values), error: (...values) => console.error(...values) };
  const executor = createExecutor(process.cwd(), converters, toCell);
  const ok = await runCells(notebook, new JupyterHandlerImpl(executor, false));
  process.stdout.write = writeOut;
  process.stderr.write = writeError;
  if (options.includes("--save")) fs.writeFileSync(notebookPath, `${JSON.stringify(notebook, null, 1)}\n`);
  converters.close();
  return ok ? 0 : 1;
}

// The converter keeps file watchers open, so the process has to be told to end.
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    writeError(`${error.stack}\n`);
    process.exit(1);
  },
);
