/** Nothing that serve() and connect() are given is ignored. */
import { assertEquals, assertRejects } from "@std/assert";
import { connect, echo, serve } from "../../mod.ts";

/** What serve() says of what no compiler has checked. */
async function refusal(...given: unknown[]): Promise<string> {
  const call = serve as (...given: unknown[]) => ReturnType<typeof serve>;
  const error = await assertRejects(async () => await (await call(...given)).close(), TypeError);
  return error.message;
}

/** What connect() says. */
async function connectRefusal(...given: unknown[]): Promise<string> {
  const call = connect as (...given: unknown[]) => ReturnType<typeof connect>;
  return (await assertRejects(async () => (await call(...given)).close(), TypeError)).message;
}

Deno.test("serve() refuses arguments that it has no use for, or in the wrong order", async () => {
  const order = "options come first: serve({ port: 8888 }, handler)";
  for (const handler of [echo, "./handler.ts", new URL("file:///handler.ts")]) {
    assertEquals(await refusal(handler, { port: 0 }), `Cannot serve: ${order}`);
  }
  assertEquals(
    await refusal({ port: 0 }, echo, { workers: 2 }),
    "Cannot serve: it takes options and a handler, and nothing after them",
  );
  const options = "its options are an object such as { port: 8888 }, and this is";
  assertEquals(await refusal(8888, echo), `Cannot serve: ${options} a number`);
  assertEquals(await refusal(null, echo), `Cannot serve: ${options} null`);
  assertEquals(await refusal([], echo), `Cannot serve: ${options} an array`);
  assertEquals(await refusal(Promise.resolve(echo)), `Cannot serve: ${options} a Promise`);
  assertEquals(await refusal(), `Cannot serve: ${options} undefined`);
  const handler = "the handler is a function, or the URL or path of its module, and this is";
  assertEquals(await refusal({ port: 0 }, null), `Cannot serve: ${handler} null`);
  assertEquals(await refusal({ port: 0 }, { fetch: echo }), `Cannot serve: ${handler} an object`);
});

Deno.test("serve() refuses an option that is none, and names the nearest", async () => {
  for (
    const [name, nearest] of [
      ["prot", "port"],
      ["host", "hostname"],
      ["max_connections", "maxConnections"],
      ["maxConections", "maxConnections"],
      ["onlisten", "onListen"],
      ["timeout", "idleTimeout"],
    ]
  ) {
    assertEquals(
      await refusal({ [name]: 0 }, echo),
      `Cannot serve with ${name}: there is no such option; did you mean ${nearest}?`,
    );
  }
  for (const name of ["transport", "reusePort", "toString"]) {
    assertEquals(
      await refusal({ [name]: undefined }, echo),
      `Cannot serve with ${name}: there is no such option`,
    );
  }
  assertEquals(
    await refusal({ port: 0, handler: echo }),
    "Cannot serve with handler: it is the second argument and no option",
  );
});

Deno.test("serve() refuses an option of the wrong kind, and says what it is", async () => {
  for (
    const [name, value, line] of [
      ["port", "18951", ' "18951": it must be a number, and this is a string'],
      ["port", null, ": it must be a number, and this is null"],
      ["idleTimeout", 5n, ": it must be a number, and this is a bigint"],
      ["maxConnections", [5], ": it must be a number, and this is an array"],
      ["model", 5, " 5: it must be a string, and this is a number"],
      ["hostname", 5, " 5: it must be a string, and this is a number"],
      ["path", new URL("file:///socket"), ": it must be a string, and this is a URL"],
      ["overLimit", true, " true: it must be a string, and this is a boolean"],
      ["handOver", 1, " 1: it must be true or false, and this is a number"],
      ["messages", "yes", ' "yes": it must be true or false, and this is a string'],
      ["workerArgs", "-a", ' "-a": it must be an array of strings, and this is a string'],
      ["workerPermissions", [1], ": it must be an array of strings, and this is an array"],
      ["onListen", "now", ' "now": it must be a function, and this is a string'],
      ["onEvent", {}, ": it must be a function, and this is an object"],
      [
        "signal",
        new AbortController(),
        ": it must be an AbortSignal, and this is an AbortController",
      ],
    ] as const
  ) {
    assertEquals(await refusal({ [name]: value }, echo), `Cannot serve with ${name}${line}`);
  }
});

Deno.test("serve() refuses an option that would change nothing", async () => {
  const module = new URL("file:///handler.ts");
  const both = "Cannot serve with path and port: a Unix socket has no host and no port";
  assertEquals(await refusal({ path: "/socket", port: 0 }, echo), both);
  assertEquals(
    await refusal({ path: "/socket", hostname: "::1" }, echo),
    both.replace("port", "hostname"),
  );
  for (
    const [options, line] of [
      [{ handOver: true }, /^Cannot hand .* "multiplex": .* process/],
      [{ handOver: true, model: "thread" }, /^Cannot hand .* "thread": .* process/],
      [{ workerArgs: ["-a"] }, /^Cannot give .* "multiplex": .* process/],
      [{ workerArgs: ["-a"], model: "thread" }, /^Cannot give .* "thread": .* process/],
      [{ maxConnectionsPerWorker: 1 }, /^Cannot .* "multiplex": it has no workers/],
      [{ messages: true }, /^Cannot serve with messages: .* onEvent/],
      [{ hostname: "localhost:80" }, /^Cannot serve with hostname "localhost:80": .* with port$/],
      [{ hostname: "tcp://::1" }, /^Cannot serve with hostname "tcp:\/\/::1": it is a URL; /],
      [{ maxConnections: 2, model: "iterative" }, /^Cannot .* "iterative": it has one/],
    ] as const
  ) {
    const message = await refusal({ port: 0, ...options }, module);
    assertEquals(line.test(message), true, message);
  }
  const source = "Cannot limit connections per source on a Unix socket: its clients have no source";
  assertEquals(await refusal({ path: "/socket", maxConnectionsPerSource: 1 }, echo), source);
});

Deno.test("a host's name that cannot be one is refused, and not asked for", async () => {
  for (const hostname of ["", "a\0b"]) {
    const line = " with this hostname: it is an address or a name, without NUL bytes";
    assertEquals(await refusal({ port: 0, hostname }, echo), `Cannot serve${line}`);
    assertEquals(await connectRefusal({ port: 1, hostname }), `Cannot connect${line}`);
  }
});

Deno.test("connect() refuses what it cannot use", async () => {
  for (
    const [given, line] of [
      [[8888], ": its options are an object such as { port: 8888 }, and this is a number"],
      [[8888, "localhost"], ": it takes options, and nothing after them"],
      [[{}], ": give a port or a path"],
      [[{ hostname: "::1" }], ": give a port or a path"],
      [[{ prot: 8888 }], " with prot: there is no such option; did you mean port?"],
      [[{ port: "1" }], ' with port "1": it must be a number, and this is a string'],
      [[{ port: 0 }], " with port 0: it is a whole number from 1 to 65535"],
      [[{ port: 1.5 }], " with port 1.5: it is a whole number from 1 to 65535"],
      [[{ port: 1, path: "/x" }], " with path and port: a Unix socket has no host and no port"],
      [[{ path: 1 }], " with path 1: it must be a string, and this is a number"],
      [[{ path: "" }], " with this path: it is a file's path, without NUL bytes"],
      [[{ port: 1, hostname: 5 }], " with hostname 5: it must be a string, and this is a number"],
      [
        [{ port: 1, hostname: "[::1]:80" }],
        ' with hostname "[::1]:80": it has a port in it; give that with port',
      ],
      [[{ port: 1, hostname: "./c" }], ' with hostname "./c": it is a path; give it with path'],
      [[{ port: 1, transport: "udp" }], ' with transport "udp": it is tcp, or unix with a path'],
      [[{ port: 1, transport: "unix" }], ' with transport "unix": it is tcp, or unix with a path'],
      [[{ path: "/x", transport: "tcp" }], ' with transport "tcp": it is tcp, or unix with a path'],
    ] as const
  ) {
    assertEquals(await connectRefusal(...given), `Cannot connect${line}`);
  }
});
