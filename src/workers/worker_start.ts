/**
 * Where every worker begins, thread or process.
 * @module
 */
import { main } from "./worker_main.ts";

// Not awaited: a Deno thread that closes itself while its module is still being
// evaluated leaks two descriptors (2.9; count /proc/self/fd).
void main((url) => import(url));
