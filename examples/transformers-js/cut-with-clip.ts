// Cuts a video, joins what CLIP takes for one scene:  npm run cut -- film.mp4 clips.jsonl [model] [folder of models]
import { cutEntries, cutVideo, measureEntries, writeManifest } from "@noisereel/data";
import { captionMatch, clipEmbedding } from "./clip-vectors.js";
import { loadClipVectors, useLocalModels } from "./models.js";

const [video, output, model = "Xenova/clip-vit-base-patch32", folder] = process.argv.slice(2);
if (video === undefined || output === undefined) throw new Error("give the video to cut and the manifest to write");
if (folder !== undefined) useLocalModels(folder);

const vectors = await loadClipVectors(model);
const cut = await cutVideo(video, { stitch: { embedding: clipEmbedding(vectors) } });
const entries = await measureEntries(cutEntries(cut), { scorers: [captionMatch(vectors)] });
await writeManifest(output, entries);
console.log(`${output}: ${entries.length} clips, ${cut.dropped.length} dropped`);
