/** The commands in the examples' headers. */
import { assert, assertEquals } from "@std/assert";
import { until, within } from "../tools/client.ts";
import { Command } from "../tools/command.ts";

const ROOT = new URL("../..", import.meta.url);
const FOLDER = new URL("examples/", ROOT);

/** What the commands in the examples' headers print, by the headers. */
const PRINTED: Record<string, string> = {
  "key_value.ts": "OK\nVALUE dark blue\n",
  "resp.ts": "+OK\r\n$9\r\ndark-blue\r\n",
  "http.ts": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nHello\n",
  "hash.ts": "70ef65897fbe9afb5dfe8c825327057d1e174e0dfc3d299c340aeb35adcadfe3\n",
  "crash.ts": "hello\nkill\n",
  "proxy.ts": "hello\n",
  "heartbeat.ts": "still here\ngoodbye\n",
};

for (const [file, printed] of Object.entries(PRINTED)) {
  Deno.test(`the commands in the header of examples/${file} do what it says`, async () => {
    const text = await Deno.readTextFile(new URL(file, FOLDER));
    const header = text.slice(0, text.indexOf("*/"));
    const commands = [...header.matchAll(/^ \* {5}((?:\w+=\S+ )?(?:deno|printf) .*)$/gm)]
      .map((match) => match[1]);
    for (const line of printed.split(/\r?\n/).filter((line) => line !== "")) {
      assert(header.includes(`\`${line}\``), `the header does not name ${line}`);
    }

    const running: Command[] = [];
    let port = 0; // of the server that was started last
    const serve = async (line: string) => {
      const words = line.split(" ");
      const env: Record<string, string> = {};
      if (words[0].includes("=")) {
        const [name, value] = words.shift()!.split("=");
        env[name] = value.replace(/8888$/, String(port));
      }
      const args = words.slice("deno run -A cli.ts".split(" ").length)
        .filter((word, i, all) => word !== "--port" && all[i - 1] !== "--port");
      const server = new Command([...args, "--port", "0"], { cwd: ROOT.pathname, env });
      running.push(server);
      port = (await server.ready() as { port: number }).port;
    };
    try {
      const client = commands.pop()!;
      for (const line of commands) await serve(line);
      const [server] = running;
      if (client.startsWith("printf")) {
        const line = client.replace("| deno", `| ${Deno.execPath()}`)
          .replace(/connect.*$/, `connect 127.0.0.1 ${port}`);
        const shell = new Deno.Command("sh", { args: ["-c", line], cwd: ROOT.pathname });
        const { stdout } = await within(line, shell.output());
        assertEquals(new TextDecoder().decode(stdout), printed);
      } else {
        const person = new Command(["connect", "127.0.0.1", String(port)]);
        running.push(person);
        const [silent, end] = printed.split(/(?<=\n)/);
        await until("what it prints", () => person.stdout.startsWith(silent));
        server.child.kill("SIGINT");
        assertEquals(await server.exit(), 0);
        await person.exit();
        assert(person.stdout.endsWith(end), person.stdout);
      }
      if (file === "crash.ts") {
        assert(header.includes("`worker: SIGKILL`"));
        await until("the log", () => server.stderr.includes("(worker: SIGKILL)"));
      }
    } finally {
      for (const command of running) {
        try {
          command.child.kill("SIGTERM");
        } catch {
          // It has ended already.
        }
        await command.exit();
      }
    }
  });
}
