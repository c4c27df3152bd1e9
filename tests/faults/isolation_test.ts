/** What each fault of a handler ends, what goes on and what is said: docs/reliability.md's table. */
import { assertEquals } from "@std/assert";
import type { Address } from "../../mod.ts";
import { Client, until } from "../tools/client.ts";
import { CLI, Command, descendants } from "../tools/command.ts";
import { events } from "../tools/log_lines.ts";
import { type Target, target } from "../tools/targets.ts";

const HANDLER = new URL("../fixtures/handlers/faults.ts", import.meta.url).pathname;
const BLOCKING = new URL("../fixtures/handlers/faults_blocking.ts", import.meta.url).pathname;

/** How a fault shows in the log: the type of the event, and what its reason and error say. */
type Report = readonly [type: string, text: RegExp];

/**
 * What a fault does that the server outlives. Nothing reported means that the
 * worker is taken until its connection is ended, and everybody else is served.
 */
const OUTLIVED: Record<string, Record<string, Report | null>> = {
  process: {
    throws: ["closed", /^error thrown on purpose$/],
    "throws what throws": ["closed", /^error ./],
    babbles: ["closed", /^error thrown on purpose$/],
    rejects: ["closed", /^error rejected on purpose$/],
    "rejects with what throws": ["closed", /^error ./],
    exits: ["worker_exited", /^exit code 3/],
    eats: ["worker_exited", /^it held \d+ MiB of memory, and may hold 100/],
    grows: ["worker_exited", /^it held 1\d\d MiB of memory, and may hold 100/],
    SIGKILL: ["worker_exited", /^SIGKILL/],
    SIGSEGV: ["worker_exited", /^SIGSEGV/],
    closes: ["worker_exited", /./],
    blocks: null,
    loops: null, // last, because it takes a processor
  },
  /** Its loop has a turn only when the connection has ended. */
  "process forked": {
    rejects: ["unhandled", /rejected on purpose$/],
    "rejects with what throws": ["unhandled", /./],
  },
  thread: {
    throws: ["closed", /^error thrown on purpose$/],
    "throws what throws": ["closed", /^error ./],
    babbles: ["closed", /^error thrown on purpose$/],
    rejects: ["closed", /^error rejected on purpose$/],
    "rejects with what throws": ["closed", /^error ./],
    exits: ["worker_exited", /^exit code 3/],
    blocks: null,
    loops: null,
  },
  multiplex: {
    throws: ["closed", /^error thrown on purpose$/],
    "throws what throws": ["closed", /^error ./],
    rejects: ["unhandled", /rejected on purpose$/],
    "rejects with what throws": ["unhandled", /./],
  },
  iterative: {
    throws: ["closed", /^error thrown on purpose$/],
    "throws what throws": ["closed", /^error ./],
    rejects: ["unhandled", /rejected on purpose$/],
    "rejects with what throws": ["unhandled", /./],
  },
};

/**
 * What a fault does that ends the server, or after which it stands and serves
 * nobody. Bun's loop goes on without the descriptors that were closed (1.4).
 */
const FATAL: Record<string, Record<string, "ends" | "stands">> = {
  thread: { SIGKILL: "ends", SIGSEGV: "ends", closes: "ends" },
  multiplex: { exits: "ends", SIGSEGV: "ends", closes: "ends", loops: "stands", blocks: "stands" },
};

/** Where an exhausted heap is told from the rest: V8's own limit, made small. */
const SMALL_HEAP: Record<string, string> = {
  deno: "--v8-flags=--max-old-space-size=64",
  node: "--max-old-space-size=64",
};

function start(
  on: Target,
  args: readonly string[],
  flags: readonly string[] = [],
  handler = HANDLER,
): Command {
  const usual = ["--port", "0", "--log", "json", "--spares", "2", "--linger", "0.2"];
  return new Command(
    ["serve", ...usual, "--handler", handler, ...args],
    { program: [...on.run, ...flags, CLI] },
  );
}

async function does(fault: string, address: Address): Promise<Client> {
  const client = await Client.open(address);
  await client.send(fault);
  return client;
}

/** Milliseconds until a new client has its answer; its port is added to `ports`. */
async function answer(address: Address, ports: number[] = []): Promise<number> {
  const begin = performance.now();
  const client = await Client.open(address);
  ports.push(client.socket.localPort!);
  await client.send("hello");
  assertEquals(await client.receiveText(5), "hello");
  const taken = performance.now() - begin;
  await client.close();
  return taken;
}

/** The pairs of OUTLIVED, with the flags that they are run with. */
const WAYS = [
  ["process", "--max-worker-memory", "100"],
  ["process", "--max-worker-memory", "100", "forked"],
  ["process", "--max-worker-memory", "100", "--hand-over"],
  ["thread"],
  ["multiplex"],
  ["iterative"],
];

for (const name of ["deno", "bun", "node"] as const) {
  const on = await target(name);
  for (const [model, ...flags] of WAYS) {
    if (flags.includes("--hand-over") && name !== "deno") continue; // the same code on all three
    const forked = flags.includes("forked");
    const way = [model, ...flags.filter((flag) => /hand-over|forked/.test(flag))].join(" ");
    Deno.test(`${name}: faults of a handler that ${way} outlives`, async () => {
      const given = flags.filter((flag) => flag !== "forked");
      const args = ["--model", model, "--shutdown-timeout", "0.2", ...given];
      await using command = start(on, args, [], forked ? BLOCKING : HANDLER);
      const address = await command.ready();
      const slowest: Record<string, number> = {};
      /** Of clients that have left, and of those that had the handler do something. */
      const [left, came]: [number[], number[]] = [[], []];
      const outlived = { ...OUTLIVED[model], ...OUTLIVED[way] };
      for (const [fault, report] of Object.entries(outlived)) {
        const before = events(command).length;
        const client = await does(fault, address);
        came.push(client.socket.localPort!);
        slowest[fault] = Math.round(await answer(address, left));
        if (!report) continue; // it stays open
        const [type, text] = report;
        await until(
          `${type} ${text} after ${fault}`,
          () =>
            events(command).slice(before).some((event) =>
              event.type === type && text.test(`${event.reason ?? ""} ${event.error ?? ""}`.trim())
            ),
        );
        await client.close();
        await answer(address, left);
      }
      const most = Math.max(...Object.values(slowest));
      console.log(`    a new client is answered after at most ${most} ms`);
      const standing = Object.values(OUTLIVED[model]).filter((report) => !report).length;
      const count = (type: string, reason?: string) =>
        events(command).filter((event) =>
          event.type === type && (!reason || event.reason === reason)
        )
          .length;
      const open = () => count("accepted") - count("closed");
      const told = (type: string, port: number) =>
        events(command).some((event) => event.type === type && event.remoteAddr!.port === port);
      await until(
        "only they are open",
        () =>
          left.every((port) => told("closed", port)) &&
          came.every((port) => told("accepted", port)) && open() === standing,
      );
      command.child.kill("SIGTERM");
      assertEquals(await command.exit(), 0);
      assertEquals(count("closed", "shutdown"), standing);
      const started = events(command).filter(({ type }) => type === "worker_started");
      assertEquals(started.some((event) => event.forked), forked);
      assertEquals(started.length, new Set(started.map(({ worker }) => worker!.id)).size);
      assertEquals(count("worker_stuck"), model === "thread" ? standing : 0);
    });
  }

  for (const [model, faults] of Object.entries(FATAL)) {
    Deno.test(`${name}: faults of a handler that ${model} does not outlive`, async () => {
      for (const [fault, outcome] of Object.entries(faults)) {
        await using command = start(on, ["--model", model]);
        const address = await command.ready();
        const client = await does(fault, address);
        const bunStands = name === "bun" && model === "multiplex" && fault === "closes";
        if (outcome === "stands" || bunStands) {
          await assertNobodyAnswers(address);
          command.child.kill("SIGKILL");
        }
        await command.exit();
        await client.close();
      }
    });
  }
}

/** The kernel may still take clients. */
async function assertNobodyAnswers(address: Address): Promise<void> {
  const late = await does("hello", address).catch(() => null);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(late?.received ?? 0, 0);
  await late?.close();
}

/** MiB that a process holds. */
function memory(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)![1]) / 1024;
}

for (const name of ["deno", "node"] as const) {
  const on = await target(name);
  Deno.test(`${name}: a thread that exhausts its heap does not end the others`, async () => {
    const args = ["--model", "thread", "--shutdown-timeout", "0.2"];
    await using command = start(on, args, [SMALL_HEAP[name]]);
    const address = await command.ready();
    const client = await does("eats", address);
    // Deno stops the thread at its limit, and tells nobody (2.9).
    await until(
      "its heap is full",
      () =>
        name === "deno"
          ? memory(command.child.pid) > 70
          : events(command).some((event) =>
            event.type === "worker_exited" && /heap out of memory/.test(event.reason!)
          ),
    );
    await answer(address);
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    await client.close();
  });

  Deno.test(`${name}: a process that exhausts its heap ends alone`, async () => {
    await using command = start(on, ["--model", "process", `--worker-args=${SMALL_HEAP[name]}`]);
    const address = await command.ready();
    const client = await does("eats", address);
    await until("its end", () => events(command).some(({ type }) => type === "worker_exited"));
    await answer(address);
    await client.close();
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    assertEquals(descendants(command.child.pid), []);
  });
}
