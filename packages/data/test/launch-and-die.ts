// Starts a program through a small process, prints the numbers of both, and is killed.
import { startLauncher } from "../src/ffmpeg/launcher.js";

async function main(): Promise<void> {
  const launcher = await startLauncher();
  const program = launcher.launch("/bin/sh", ["-c", "echo $$; exec sleep 100"]);
  program.on("close", () => undefined);
  const { value } = (await program.pieces().next()) as { value: Buffer };
  process.stdout.write(`${launcher.pid}\n${value.toString()}`, () => process.kill(process.pid, "SIGKILL"));
}

void main();
