// Writes a manifest again with captions by a model:  npm run caption -- clips.jsonl captioned.jsonl [model] [folder of models]
import { captionClip, manifestSource, readManifest, writeManifest } from "@noisereel/data";
import { imageCaptioner } from "./captioner.js";
import { loadDescriber, useLocalModels } from "./models.js";

const [input, output, model = "Xenova/vit-gpt2-image-captioning", folder] = process.argv.slice(2);
if (input === undefined || output === undefined) throw new Error("give the manifest to read and the one to write");
if (folder !== undefined) useLocalModels(folder);

const { entries, ...manifest } = await readManifest(input);
const source = manifestSource({ entries, ...manifest });
const captioner = imageCaptioner({ name: model, describe: await loadDescriber(model) });
const captioned = [];
for (const [index, entry] of entries.entries()) {
  const { caption } = await captionClip(await source.get(index), captioner);
  console.log(`${entry.id}: ${caption}`);
  // Captions by other hands stay; the new one comes first.
  const before = entry.captions.map((_, i) => entry.captionSources[i] ?? "unknown");
  captioned.push({ ...entry, captions: [caption, ...entry.captions], captionSources: [model, ...before] });
}
await writeManifest(output, captioned);
