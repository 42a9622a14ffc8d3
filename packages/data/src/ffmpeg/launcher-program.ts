// The program of `launcher.ts`'s small process, as text: it runs beside sources and built packages alike, and loads nothing else.

/**
 * Starts programs for another process. A job comes as a message; its two outputs are connections that the other process made,
 * known by the job's number and a secret. They are handed to the program as they are: bytes do not pass through here.
 */
export const launcherProgram = `
const net = require("node:net");
const { spawn } = require("node:child_process");
const [name, secret] = process.env.NOISEREEL_LAUNCHER.split(" ");
delete process.env.NOISEREEL_LAUNCHER;
const jobs = new Map();
const dropped = new Set(); // jobs that were given up before their connections came
const jobOf = (id) => {
  if (!jobs.has(id)) jobs.set(id, {});
  return jobs.get(id);
};
const forget = (id, told) => {
  const { out, err, began = false } = jobOf(id);
  out?.destroy();
  err?.destroy();
  jobs.delete(id);
  if (out === undefined || err === undefined) dropped.add(id);
  if (process.connected) process.send({ id, began, ...told });
};
const begin = (id) => {
  const job = jobOf(id);
  const { file, args, cwd, out, err } = job;
  if (file === undefined || out === undefined || err === undefined) return;
  const child = (job.child = spawn(file, args, { cwd, stdio: ["ignore", out, err] }));
  child.on("error", (error) => forget(id, { error: error.message }));
  child.on("spawn", () => (job.began = true));
  child.on("exit", (code, signal) => forget(id, { code, signal }));
  out.destroy(); // the program has its own: the other side sees its end
  err.destroy();
};
process.on("message", ({ id, file, args, cwd, kill }) => {
  if (kill) {
    if (jobs.get(id)?.child !== undefined) jobs.get(id).child.kill("SIGKILL");
    else if (jobs.has(id)) forget(id, { code: null, signal: "SIGKILL" });
    return;
  }
  Object.assign(jobOf(id), { file, args, cwd });
  begin(id);
});
process.on("disconnect", () => {
  for (const { child } of jobs.values()) child?.kill("SIGKILL");
  process.exit();
});
net.createServer((socket) => {
  let head = "";
  socket.on("error", () => undefined);
  socket.setEncoding("latin1").on("data", (text) => {
    head += text;
    if (!head.endsWith("\\n")) return;
    const [said, id, output] = head.trim().split(" ");
    socket.pause();
    if (said !== secret || dropped.has(Number(id))) return socket.destroy();
    jobOf(Number(id))[output] = socket;
    begin(Number(id));
  });
}).listen("\\0" + name, () => process.send({ ready: true }));
`;
