/** The PROXY headers of HAProxy and nginx, where they are installed. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { run, without } from "../examples/real_clients.ts";
import { Client, until } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";

const HANDLER = new URL("../fixtures/handlers/tells_proxy.ts", import.meta.url).pathname;

/** An address of this process's own: on it no port is taken by somebody else meanwhile. */
const HERE = `127.1.${Deno.pid >> 8 & 255}.${Deno.pid & 255}`;
const [V1, V2, TLS, NGINX] = [8001, 8002, 8003, 8004];

/** A server that expects headers, and where it tells its status. */
async function serve(folder: string) {
  const place = `${folder}/status`;
  const command = new Command([
    ...["serve", "--port", "0", "--handler", HANDLER, "--proxy-protocol", "127.0.0.1"],
    ...["--status", `unix:${place}`],
  ]);
  const { port } = await command.ready() as { port: number };
  /** Its counts. */
  const totals = async () => {
    await using told = new Command(["status", "--json", `unix:${place}`]);
    assertEquals(await told.exit(), 0, told.stderr);
    return JSON.parse(told.stdout).totals;
  };
  return { command, port, totals };
}

/** What the handler told, to a client that has got a line. */
function told(line: string) {
  return JSON.parse(line.split("\n")[0]);
}

/** A program in the foreground, until it is ended; `ready` when its port answers. */
async function balancer(program: string, args: string[], port: number) {
  const child = new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).spawn();
  const stderr = new Response(child.stderr).text();
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  await until(`${program} listens`, async () => {
    assert(!hasEnded, hasEnded ? await stderr : "");
    const client = await Client.open({ transport: "tcp", hostname: HERE, port }).catch(() => null);
    await client?.close();
    return client !== null;
  });
  return async () => {
    child.kill("SIGTERM");
    await child.status;
    await stderr;
  };
}

/** Through a port of the balancer's: what the handler told, and the client's own end. */
async function visit(port: number) {
  const client = await Client.open({ transport: "tcp", hostname: HERE, port });
  const own = `127.0.0.1:${client.socket.localPort}`;
  await client.send("hello");
  client.halfClose();
  const said = new TextDecoder().decode(await client.receiveAll());
  await client.close();
  assertEquals(said.split("\n")[1], "hello");
  return { ...told(said), own };
}

const missing = without("haproxy") || without("openssl");

Deno.test({
  name: `HAProxy's headers are read, and its checks make no noise${missing}`,
  ignore: missing !== "",
  async fn() {
    const folder = await Deno.makeTempDir();
    const { command, port, totals } = await serve(folder);
    const pem = `${folder}/server.pem`;
    const made = await run("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
      ...[
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=CA:FALSE",
        "-keyout",
        `${folder}/key`,
        "-out",
        pem,
      ],
    ]);
    assertEquals(made.code, 0, made.stderr);
    const certificate = await Deno.readTextFile(pem);
    await Deno.writeTextFile(pem, await Deno.readTextFile(`${folder}/key`), { append: true });
    const options = "proxy-v2-options crc32c,unique-id,authority,ssl,ssl-cipher";
    await Deno.writeTextFile(
      `${folder}/haproxy.cfg`,
      `
global
  stats socket ${folder}/stats level admin
defaults
  mode tcp
  timeout connect 60s
  timeout check 60s
  timeout client 60s
  timeout server 60s
listen v1
  bind ${HERE}:${V1}
  server trivet 127.0.0.1:${port} send-proxy check inter 100ms
listen v2
  bind ${HERE}:${V2}
  server trivet 127.0.0.1:${port} send-proxy-v2 check inter 100ms
listen tls
  bind ${HERE}:${TLS} ssl crt ${pem}
  unique-id-format %[src]-id
  server trivet 127.0.0.1:${port} send-proxy-v2-ssl ${options} check inter 100ms
`,
    );
    const stop = await balancer("haproxy", ["-db", "-f", `${folder}/haproxy.cfg`], V1);
    try {
      for (const [version, at] of [[1, V1], [2, V2]]) {
        const { ends, own, proxy } = await visit(at);
        assertEquals(ends, [own, `${HERE}:${at}`]);
        assertEquals(proxy, {
          ...{ peer: "127.0.0.1", version, command: "proxy", authority: null },
          ...{ tls: null, id: null },
        });
      }
      const client = await Deno.startTls(await Deno.connect({ hostname: HERE, port: TLS }), {
        ...{ hostname: "localhost", caCerts: [certificate] },
      });
      const buffer = new Uint8Array(65536);
      let line = "";
      while (!line.includes("\n")) {
        line += new TextDecoder().decode(buffer.subarray(0, (await client.read(buffer))!));
      }
      const { proxy } = told(line);
      client.close();
      assertEquals([proxy.authority, proxy.id], ["localhost", "127.0.0.1-id"]);
      assertMatch(proxy.tls.cipher, /^TLS_/);
      assertEquals({ ...proxy.tls, cipher: "" }, {
        ...{ version: "TLSv1.3", cipher: "", cn: null, verified: false },
      });

      let counts = await totals();
      await until("its checks", async () => (counts = await totals()).probes >= 10);
      assert(Object.values(counts.refused).every((count) => count === 0));
      const stats = await Client.open({ transport: "unix", path: `${folder}/stats` });
      await stats.send("show stat\n");
      const rows = new TextDecoder().decode(await stats.receiveAll()).split("\n");
      await stats.close();
      const servers = rows.filter((row) => row.split(",")[1] === "trivet");
      assertEquals(servers.map((row) => row.split(",")[17]), ["UP", "UP", "UP"]);
    } finally {
      await stop();
      await end(command);
      await Deno.remove(folder, { recursive: true });
    }
    // The first line, two for each client, of whom one asked whether HAProxy listens, and the
    // probes' first and last.
    const lines = command.log.trimEnd().split("\n").filter((line) => !line.startsWith("shutting"));
    assert(lines.length <= 1 + 2 * 4 + 2, command.log);
    assert(!/^!/m.test(command.log), command.log);
  },
});

/** Debian's package libnginx-mod-stream. */
const STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";
const hasStream = await Deno.stat(STREAM).then(() => true, () => false);
const noNginx = without("nginx") || (hasStream ? "" : ": not run, nginx has no stream module");

Deno.test({
  name: `nginx's header is read${noNginx}`,
  ignore: noNginx !== "",
  async fn() {
    const folder = await Deno.makeTempDir();
    const { command, port } = await serve(folder);
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      `
load_module ${STREAM};
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr;
events {}
stream {
  server {
    listen ${HERE}:${NGINX};
    proxy_pass 127.0.0.1:${port};
    proxy_protocol on;
    proxy_half_close on;
  }
}
`,
    );
    const stop = await balancer("nginx", ["-c", `${folder}/nginx.conf`, "-p", folder], NGINX);
    try {
      const said = await visit(NGINX);
      assertEquals(said.ends, [said.own, `${HERE}:${NGINX}`]);
      assertEquals([said.proxy.version, said.proxy.command], [1, "proxy"]);
    } finally {
      await stop();
      await end(command);
      await Deno.remove(folder, { recursive: true });
    }
    assert(!/^!/m.test(command.log), command.log);
  },
});
