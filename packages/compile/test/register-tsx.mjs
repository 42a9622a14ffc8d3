// Lets a worker thread run TypeScript sources; tsx itself registers only in the main thread.
import { register } from "tsx/esm/api";

register();
