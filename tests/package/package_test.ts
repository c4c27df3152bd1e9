/** The ways to get Trivet: its package, a checkout, and what goes to JSR. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { buildPackage, compiler } from "../../scripts/package/build_package.ts";
import { npm } from "../../scripts/tools/npm.ts";
import { type RuntimeName, runtimes } from "../../scripts/tools/runtimes.ts";
import { MODELS } from "../../src/server/models.ts";
import bridge from "../../std/package.json" with { type: "json" };
import { Client, until } from "../tools/client.ts";
import { alive, Command, descendants, end } from "../tools/command.ts";

const ROOT = new URL("../..", import.meta.url);
const paths = await runtimes();

/** What npx and Bun may take before they start the server: they may ask the registry. */
const SLOW = 300_000;

/** An environment in which a command's `node`, or `bunx`, is the pinned runtime. */
async function environment(name: RuntimeName, folder: string): Promise<Record<string, string>> {
  const bin = `${folder}/${name}`;
  await Deno.mkdir(bin, { recursive: true });
  const links = name === "bun" ? ["bun", "bunx"] : ["node"];
  for (const link of links) {
    await Deno.symlink(paths[name], `${bin}/${link}`).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
  return { PATH: `${bin}:${Deno.env.get("PATH")}` };
}

/** The package's docs. */
function docs(root: URL): string[] {
  return [...Deno.readDirSync(new URL("docs/", root))].map(({ name }) => `docs/${name}`);
}

/** What a command printed; it must succeed. */
async function output(
  program: string,
  args: string[],
  options: { cwd?: string | URL; env?: Record<string, string> } = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, `${program} ${args.join(" ")}: ${text(stderr)}${text(stdout)}`);
  return text(stdout);
}

/** The words of a process's command line; none when it has ended meanwhile. */
function commandLine(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch {
    return [];
  }
}

/** The server answers three clients, one after the other, and ends when it is told to. */
async function answers(command: Command, isServer: (words: string[]) => boolean): Promise<void> {
  let family: number[] = [];
  try {
    const address = await command.ready(SLOW);
    for (let n = 0; n < 3; n++) {
      const client = await Client.open(address);
      await client.send("hello\nbye\n");
      client.halfClose();
      assertEquals(new TextDecoder().decode(await client.receiveAll()), "hello\n");
      await client.close();
    }
    family = [command.child.pid, ...descendants(command.child.pid)];
    // What stands above the server passes no signal on.
    const server = family.find((pid) => isServer(commandLine(pid)));
    assert(server, "no process is the server");
    Deno.kill(server, "SIGTERM");
    assertEquals(await command.exit(), 0, command.stderr);
    // Node's warnings, of types that it erases or of node:ffi, tell a user nothing.
    assert(!/warning/i.test(command.stderr), command.stderr);
    await until("its processes are gone", () => !family.some(alive));
  } finally {
    family.push(command.child.pid, ...descendants(command.child.pid));
    for (const pid of family.filter(alive)) Deno.kill(pid, "SIGKILL");
  }
}

const HANDLER = `
import type { Handler } from "trivet";
const shout: Handler = async (connection, context) => {
  const buffer = new Uint8Array(1024);
  const length = await connection.read(buffer) ?? 0;
  const text = new TextDecoder().decode(buffer.subarray(0, length));
  const { kind } = context.worker;
  await connection.write(new TextEncoder().encode(text.toUpperCase() + " " + kind));
};
export default shout;
`;

const PROGRAM = `
import { connect, type ModelName, serve } from "trivet";
const models: ModelName[] = ["multiplex", "iterative", "thread", "process"];
for (const model of models) {
  const server = await serve({ model, port: 0 }, new URL("./shout.ts", import.meta.url));
  const { hostname, port } = server.addr;
  const connection = await connect({ hostname, port });
  await connection.write(new TextEncoder().encode(model));
  const buffer = new Uint8Array(1024);
  const length: number | null = await connection.read(buffer);
  console.log(new TextDecoder().decode(buffer.subarray(0, length ?? 0)));
  connection.close();
  await server.shutdown();
}
`;

/** What must compile, and what must not. */
const TYPES = `
import { type Address, connect, type Handler, serve, type ServeOptions, type Server } from "trivet";
const handler: Handler = (connection) => connection.close();
export async function typed(options: ServeOptions, addr: Address): Promise<void> {
  const first: number = (await serve(handler)).addr.port;
  await serve({ port: 0, onListen: ({ port }) => port === first }, handler);
  const unix = await serve({ path: "/socket", onListen: ({ path }) => path }, handler);
  const path: string = (await connect({ path: unix.addr.path })).remoteAddr.path;
  const port: number = (await connect({ port: first })).remoteAddr.port;
  const either: Server = await serve(options, handler);
  await Promise.all([connect(addr), connect(either.addr)]);
  await either[Symbol.asyncDispose]();
  // @ts-expect-error it may be a Unix-domain socket's
  either.addr.port;
  // @ts-expect-error there is no such option
  await serve({ prot: port }, handler);
  // @ts-expect-error a handler is the last argument
  await serve(handler, { port });
  // @ts-expect-error it has one or the other
  await connect({ path, port });
}
`;

const PRINTED = "MULTIPLEX main\nITERATIVE main\nTHREAD thread\nPROCESS process\n";

Deno.test("the package, installed from its tarball into an empty folder", async (t) => {
  const folder = await Deno.makeTempDir();
  const empty = `${folder}/app`;
  try {
    await t.step("installs", async () => {
      await Deno.mkdir(empty);
      const built = await buildPackage();
      const tarball = (await npm(["pack", "--silent", "--pack-destination", folder], built)).trim();
      // The README packs it into the checkout.
      const ignored = await Deno.readTextFile(new URL(".gitignore", ROOT));
      assert(tarball.endsWith(".tgz") && ignored.split("\n").includes("*.tgz"));
      await Deno.writeTextFile(`${empty}/package.json`, '{ "private": true, "type": "module" }');
      await npm(
        ["install", "--ignore-scripts", `${folder}/${tarball}`],
        new URL(`file://${empty}/`),
      );
    });

    const ways: [RuntimeName, string, [string, ...string[]]][] = [
      ["node", "npx trivet", ["npx", "trivet"]],
      ["bun", "bunx --bun trivet", ["bunx", "--bun", "trivet"]],
    ];
    for (const [name, title, program] of ways) {
      const env = await environment(name, folder);
      await t.step(`${title} --version tells version and runtime`, async () => {
        const printed = await output("env", [...program, "--version"], { cwd: empty, env });
        assert(printed.startsWith(`trivet ${config.version} (${name} `), printed);
      });
      for (const model of Object.keys(MODELS)) {
        await t.step(`${title} serve --model ${model}`, () =>
          answers(
            new Command(["serve", "--model", model, "--port", "0"], { cwd: empty, env, program }),
            (words) => words[1]?.endsWith("/.bin/trivet"),
          ));
      }
    }

    await Deno.writeTextFile(`${empty}/main.ts`, PROGRAM);
    await Deno.writeTextFile(`${empty}/shout.ts`, HANDLER);
    await Deno.writeTextFile(`${empty}/types.ts`, TYPES);
    for (const version of ["oldest", "newest"] as const) {
      await t.step(`type-checks with the ${version} compiler`, async () => {
        const compilerOptions = {
          strict: true,
          exactOptionalPropertyTypes: true,
          module: "nodenext",
          target: "es2022",
          types: [], // the standard libraries declare what the program names of a runtime
          noEmit: true,
          skipLibCheck: false,
        };
        await Deno.writeTextFile(`${empty}/tsconfig.json`, JSON.stringify({ compilerOptions }));
        await output(await compiler(version), ["--project", empty]);
      });
    }

    await t.step(
      "its README works as it stands there, and nothing that it links is missing",
      async () => {
        const root = new URL(`file://${empty}/node_modules/trivet/`);
        const readme = await Deno.readTextFile(new URL("README.md", root));
        assert(!readme.includes("deno run"));
        const [handler, program] = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
          .map((match) => match[1]);
        const folder = `${empty}/readme`;
        await Deno.mkdir(folder);
        await Deno.writeTextFile(`${folder}/shout.ts`, handler);
        await Deno.writeTextFile(`${folder}/main.ts`, program.replace("8888", "0"));
        assertMatch(await output(paths.node, [`${folder}/main.ts`]), /^\d+\n$/);
        for (const name of ["README.md", "CHANGELOG.md", ...docs(root)]) {
          const text = await Deno.readTextFile(new URL(name, root));
          assert(!/deno run -A cli\.ts|mod\.ts"/.test(text), `${name} speaks of a checkout`);
          for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
            await Deno.stat(new URL(link, new URL(name, root)));
          }
        }
      },
    );

    await t.step("its examples, copied, serve on Node", async () => {
      await output("cp", ["-R", `${empty}/node_modules/trivet/examples`, empty]);
      await using server = new Command(["serve", "--handler", "examples/hash.ts", "--port", "0"], {
        cwd: empty,
        program: [paths.node, `${empty}/node_modules/.bin/trivet`],
      });
      const client = await Client.open(await server.ready());
      await client.send("hello\n");
      assertMatch(await client.receiveText(65), /^70ef[0-9a-f]+\n$/);
      await end(server, client);
    });

    const runs = { deno: [Deno.execPath(), "run", "-A"], bun: [paths.bun], node: [paths.node] };
    for (const [name, [program, ...args]] of Object.entries(runs)) {
      await t.step(`a program that imports it runs on ${name} under every model`, async () => {
        assertEquals(await output(program, [...args, `${empty}/main.ts`], { cwd: empty }), PRINTED);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a checkout serves on Bun without an install, on Node after npm install", async (t) => {
  const folder = await Deno.makeTempDir();
  // Not in the repository: the packages that its other tests have installed must not be found.
  const checkout = `${folder}/trivet`;
  try {
    await Deno.mkdir(checkout);
    const parts = ["mod.ts", "cli.ts", "src", "std", "package.json", "package-lock.json", ".npmrc"];
    await output("cp", ["-R", ...parts, checkout], { cwd: ROOT });
    const serves = (name: RuntimeName, env?: Record<string, string>) =>
      answers(
        new Command(["serve", "--model", "process", "--port", "0"], {
          cwd: checkout,
          env,
          program: [paths[name], "cli.ts"],
        }),
        (words) => words[1] === "cli.ts",
      );
    await t.step(
      "bun cli.ts serve",
      () => serves("bun", { BUN_INSTALL_CACHE_DIR: `${folder}/cache` }),
    );
    await t.step("npm install, and node cli.ts serve", async () => {
      const before = await Deno.readTextFile(`${checkout}/package-lock.json`);
      await npm(["install"], new URL(`file://${checkout}/`));
      assertEquals(await Deno.readTextFile(`${checkout}/package-lock.json`), before);
      await serves("node");
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Bun and Node get the version of @std that the import map names", () => {
  for (const [name, target] of Object.entries(config.imports)) {
    assert(target.startsWith(`npm:deno-std@${bridge.dependencies["deno-std"]}/`), name);
  }
});

Deno.test("deno publish --dry-run succeeds", async () => {
  await output(Deno.execPath(), ["publish", "--dry-run", "--allow-dirty"], { cwd: ROOT });
});
