/** Does what a handler must not, when it is told which; until then it echoes. */
import { closeSync, writeSync } from "node:fs";
import process from "node:process";
import { parentPort } from "node:worker_threads";
import type { Handler } from "../../mod.ts";

const { Deno } = globalThis as { Deno?: typeof globalThis.Deno };

/** close(2) itself: Deno's node:fs knows the descriptors that it opened. */
function closer(): (descriptor: number) => void {
  if (!Deno) return closeSync;
  const libc = Deno.dlopen("libc.so.6", { close: { parameters: ["i32"], result: "i32" } });
  return (descriptor) => void libc.symbols.close(descriptor);
}

const held: unknown[] = [];

const FAULTS: Record<string, () => unknown> = {
  throws() {
    throw new Error("thrown on purpose");
  },
  /** To its supervisor, by the way that it has: messages, or a socket that is its descriptor 4. */
  babbles() {
    for (const nonsense of ["ready", "{}", '{"type":"event"}', "null"]) {
      if (parentPort) parentPort.postMessage(nonsense);
      else if (process.send) process.send(nonsense);
      else writeSync(4, nonsense + "\n");
    }
    for (const nonsense of [null, undefined, 7, { type: "ready" }]) {
      parentPort?.postMessage(nonsense);
    }
    throw new Error("thrown on purpose");
  },
  rejects() {
    setTimeout(() => Promise.reject(new Error("rejected on purpose")), 20);
  },
  exits: () => process.exit(3),
  loops() {
    for (;;);
  },
  blocks: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  eats() {
    for (;;) held.push(new Array(1 << 17).fill(0.5));
  },
  grows: () => held.push(new Uint8Array(150 << 20).fill(1)),
  SIGKILL: () => process.kill(process.pid, "SIGKILL"),
  SIGSEGV() {
    // Deno survives the first that no access to memory has caused, and none after it.
    for (let i = 0; i < 1000; i++) process.kill(process.pid, "SIGSEGV");
  },
  closes() {
    const close = closer();
    for (let descriptor = 3; descriptor < 64; descriptor++) {
      try {
        close(descriptor);
      } catch {
        // It was not open.
      }
    }
  },
};

const handler: Handler = async (connection) => {
  const buffer = new Uint8Array(100);
  for (let n; (n = await connection.read(buffer)) !== null;) {
    const text = new TextDecoder().decode(buffer.subarray(0, n)).trim();
    if (Object.hasOwn(FAULTS, text)) return void FAULTS[text]();
    await connection.write(buffer.slice(0, n));
  }
};
export default handler;
