/** `multiplex` in several workers: how they share clients, and what one worker's end ends. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync } from "node:fs";
import { type Address, serve, type ServeOptions, type ServerEvent } from "../../mod.ts";
import { Client, until, visit, within } from "../tools/client.ts";
import { CLI, Command, ticks } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const HANDLER = new URL("../fixtures/handlers/computes.ts", import.meta.url).pathname;

async function answered(client: Client, text: string): Promise<void> {
  await client.send(text);
  assertEquals(await client.receiveText(text.length), text);
}

async function open(address: Address): Promise<Client> {
  const client = await Client.open(address);
  await answered(client, "hello");
  return client;
}

type Of<T extends ServerEvent["type"]> = Extract<ServerEvent, { type: T }>;

/** The events of one type in a log. */
function logged<T extends ServerEvent["type"]>(command: Command, type: T): Of<T>[] {
  return command.stderr.split("\n").slice(0, -1).map((line) => JSON.parse(line))
    .filter((event) => event.type === type);
}

for (const [name, clients] of [["deno", 1000], ["bun", 200], ["node", 200]] as const) {
  const { run } = await target(name);
  Deno.test(`${name}: two workers share clients, none waits for one that computes, and one's end is its own`, async () => {
    const folder = await Deno.makeTempDir();
    await using command = new Command(
      ["serve", "--workers", "2", "--port", "0", "--log", "json", "--handler", HANDLER],
      { program: [...run, CLI] },
    );
    const address = await command.ready();
    await until("both workers", () => logged(command, "worker_started").length === 2);
    const all: Client[] = [];
    const more = async (count: number) =>
      all.push(...await Promise.all(Array.from({ length: count }, () => open(address))));
    const largerShare = async () => {
      await until("the log", () => logged(command, "accepted").length === all.length);
      const shares = new Map<number, number>();
      for (const { worker } of logged(command, "accepted")) {
        shares.set(worker.id, (shares.get(worker.id) ?? 0) + 1);
      }
      return shares.size === 2 ? Math.max(...shares.values()) / all.length : 1;
    };
    while (all.length < clients) await more(clients / 10);
    // A worker that gets no processor is passed over; those who come next go to it first.
    for (let late = 0; late < 15 && await largerShare() > 0.6; late++) await more(clients / 5);
    const share = await largerShare();
    console.log(`    the larger share: ${(100 * share).toFixed(1)} %`);
    assert(share <= 0.6);

    // One computes until there is a file: whoever comes meanwhile is answered.
    const busy = all[0];
    const newcomers = clients / 5; // more than an eighth of a worker's: it would wait for so many
    const order = `compute ${folder}/done`;
    await busy.send(order);
    await until("it computes", () => existsSync(`${folder}/done.begun`));
    const late = await Promise.all(Array.from({ length: newcomers }, () => open(address)));
    assertEquals(busy.received, 0);
    await Deno.writeTextFile(`${folder}/done`, "");
    assertEquals(await busy.receiveText(order.length), order);

    // One dies: its connections break, the others go on, and another takes its place.
    await until("the log", () => logged(command, "accepted").length === all.length + newcomers);
    const victim = logged(command, "accepted")[0].worker.id;
    const lost = logged(command, "accepted").filter((event) => event.worker.id === victim).length;
    Deno.kill(victim, "SIGKILL");
    await until("its successor", () => logged(command, "worker_started").length === 3);
    assertEquals(logged(command, "worker_exited").map((event) => event.reason), ["SIGKILL"]);
    assertEquals(
      logged(command, "closed").map((event) => [event.worker.id, event.reason]),
      Array.from({ length: lost }, () => [victim, "worker"]),
    );
    const broken = () => [...all, ...late].filter((client) => client.ended || client.closed);
    await until("its clients to be told", () => broken().length === lost);
    const alive = [...all, ...late].filter((client) => !broken().includes(client));
    await Promise.all(alive.slice(0, 50).map((client) => answered(client, "still here")));
    all.push(...late);
    const successor = logged(command, "worker_started")[2].worker.id;
    await until("a client of it", async () => {
      all.push(await open(address));
      return logged(command, "accepted").some((event) => event.worker.id === successor);
    });

    // At a shutdown, whoever is there is served to the end.
    command.child.kill("SIGTERM");
    await until("the shutdown", () => logged(command, "shutdown").length === 1);
    await answered(all.at(-1)!, "the last word");
    await Promise.all(all.map((client) => client.close()));
    assertEquals(await command.exit(), 0);
    assertEquals(logged(command, "closed").length, all.length);
    await Deno.remove(folder, { recursive: true });
  });
}

/** Runs a server of two workers in this process. */
async function withServer(
  options: ServeOptions,
  run: (addr: Address, events: ServerEvent[]) => Promise<void>,
): Promise<void> {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent) => void events.push(event);
  const server = await serve({ workers: 2, port: 0, onEvent, ...options }, HANDLER);
  try {
    await run(server.addr, events);
  } finally {
    await within("the end", server.shutdown());
  }
}

const count = (events: ServerEvent[], type: ServerEvent["type"]) =>
  events.filter((event) => event.type === type).length;

Deno.test("maxConnections holds for all workers together, and whoever waits comes in when one has left", () =>
  withServer({ maxConnections: 3 }, async (addr) => {
    const three = await Promise.all([1, 2, 3].map(() => open(addr)));
    const fourth = await Client.open(addr);
    await fourth.send("hello");
    for (let i = 0; i < 10; i++) await answered(three[i % 3], "again");
    assertEquals(fourth.received, 0);
    await three[0].close();
    assertEquals(await fourth.receiveText(5), "hello");
    for (const client of [...three, fourth]) await client.close();
  }));

Deno.test("a worker that has served its number takes no more, keeps what it has, and is replaced", () =>
  withServer({ maxConnectionsPerWorker: 1, workers: 1 }, async (addr, events) => {
    const clients = [await open(addr), await open(addr), await open(addr)];
    assertEquals(count(events, "worker_exited"), 0);
    for (const client of clients) {
      await answered(client, "still here");
      await client.close();
    }
    await until("their end", () => count(events, "worker_exited") === 3);
  }));

Deno.test("workers that wait compute next to nothing", () =>
  withServer({}, async (_, events) => {
    await until("both", () => count(events, "worker_started") === 2);
    const pids = events.flatMap((event) => event.type === "worker_started" ? event.worker.id : []);
    // What belongs to a start may still go on in the first second.
    await until("a second with hundredths of computing", async () => {
      const before = ticks(pids);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return ticks(pids) - before <= 10;
    });
  }));

Deno.test("workers go with multiplex only, and with a handler's module", async () => {
  await assertRejects(() => serve({ model: "thread", workers: 2 }), TypeError, "it is multiplex");
  await assertRejects(() => serve({ workers: 2 }, () => {}), TypeError, "with workers");
  await assertRejects(() => serve({ workers: 257 }), TypeError, "from 0 to 256");
});

Deno.test("clients that come and go are served as fast as by one loop, or nearly", async () => {
  /** Milliseconds that 400 clients take, eight at a time. */
  const time = async (...args: string[]) => {
    await using command = new Command(["serve", "--port", "0", "--log", "none", ...args]);
    const address = await command.ready();
    const clients = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await visit(address);
      }
    };
    await clients(10);
    const begin = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => clients(50)));
    const taken = performance.now() - begin;
    command.child.kill("SIGTERM");
    assertEquals(await command.exit(), 0);
    return taken;
  };
  const one = await time("--model", "multiplex");
  let two = await time("--workers", "2");
  // The machine may have paused meanwhile.
  for (let again = 0; again < 2 && two >= 8 * one; again++) two = await time("--workers", "2");
  // Where they waited for each other for 20 ms at a time it was 60 times as long.
  assert(two < 8 * one, `${Math.round(two)} ms, and one loop ${Math.round(one)}`);
  console.log(`    two workers took ${Math.round(two)} ms, one loop ${Math.round(one)}`);
});
