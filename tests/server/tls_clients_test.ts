/** Clients that nobody here wrote, with a server that encrypts. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { portOf, run, without } from "../examples/real_clients.ts";
import { Authority, type Issued, noOpenssl } from "../tools/certificates.ts";
import { until } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

const path = (name: string) => new URL(`../${name}`, import.meta.url).pathname;

/** What s_client says when it is told these lines, each once the one before was answered. */
async function talk(args: string[], lines: [send: string, answer: RegExp][]): Promise<string> {
  await using client = new Command(args, { program: ["openssl", "s_client"] });
  let ended = false;
  client.status.then(() => ended = true);
  for (const [send, answer] of lines) {
    const [out, err] = [client.stdout.length, client.stderr.length];
    const said = () => client.stdout.slice(out) + client.stderr.slice(err);
    await client.input(`${send}\n`).catch(() => {}); // it has left
    await until(`${answer}`, () => answer.test(said()) || ended);
  }
  await client.exit();
  return client.stdout + client.stderr;
}

await onEachRuntime(({ on, test, serve }) => {
  /** A test with programs that may be missing, an authority and a server. */
  function define(
    name: string,
    programs: string[],
    args: string[],
    fn: (port: string, ca: string, command: Command) => Promise<void>,
    check: (log: string) => void = () => {},
  ): void {
    const missing = noOpenssl === null
      ? programs.map(without).find((why) => why !== "") ?? ""
      : `: not run, ${noOpenssl}`;
    if (missing !== "") {
      return Deno.test({ name: `${on.name}: ${name}${missing}`, ignore: true, fn() {} });
    }
    test(name, async () => {
      using authority = new Authority();
      const { cert, key }: Issued = authority.issue("localhost", { names: ["localhost"] });
      await using command = serve("--tls-cert", cert, "--tls-key", key, ...args);
      await fn(portOf(await command.ready()), authority.cert, command);
      await end(command);
      assert(!command.log.includes("nobody handled"), command.log);
      check(command.log);
    });
  }

  define("s_client and s_time of OpenSSL", [], ["--tls-alpn", "demo"], async (port, ca) => {
    const to = ["-connect", `127.0.0.1:${port}`, "-CAfile", ca, "-verify_return_error"];
    for (const version of ["1.2", "1.3"]) {
      const args = [...to, `-tls${version.replace(".", "_")}`];
      const said = await talk(
        [...args, "-servername", "localhost", "-alpn", "other,demo"],
        [["hello", /hello/], ["again", /again/]],
      );
      assertMatch(said, /ALPN protocol: demo\n/);
      assertMatch(said, /Verify return code: 0 \(ok\)/);
      assertMatch(said, /Compression: NONE/);
      assert(!/Max Early Data: [1-9]/.test(said), said);
    }
    const { code, stdout } = await run("openssl", [
      ...["s_time", ...to.slice(0, 4), "-tls1_2", "-reuse", "-time", "3"],
    ]);
    assertEquals(code, 0);
    const visits = Number(/^(\d+) connections in \d+ real/m.exec(stdout)![1]);
    assert(visits > 20 && stdout.includes("r".repeat(visits)), stdout);
  });

  define(
    "a client may change its keys, and not shake hands again",
    [],
    [],
    async (port, ca, command) => {
      const to = ["-connect", `127.0.0.1:${port}`, "-CAfile", ca];
      const said = await talk([...to, "-tls1_3"], [
        ...[["hello", /hello/], ["k", /KEYUPDATE/], ["one", /one/], ["K", /KEYUPDATE/]],
        ["two", /two/],
      ] as [string, RegExp][]);
      assert(said.includes("two"), said);

      const again = await talk([...to, "-tls1_2"], [
        ...[["hello", /hello/], ["R", /RENEGOTIATING/], ["more", /more/]],
      ] as [string, RegExp][]);
      assertMatch(again, /no renegotiation/);
      assertEquals(again.match(/verify return:1/g)?.length, 2, again);
      await until("its end is told", () => command.log.includes("(error: EPROTO"));
    },
  );

  define("a client that is too old is refused at once", [], [], async (port) => {
    const to = ["-connect", `127.0.0.1:${port}`, "-cipher", "ALL:@SECLEVEL=0"];
    for (const version of ["-tls1", "-tls1_1"]) {
      assert(!/Cipher is [A-Z]+-/.test(await talk([...to, version], [])));
    }
    // Ciphers whose blocks are chained.
    const said = await talk(
      [...to.slice(0, 2), "-tls1_2", "-cipher", "AES128-SHA:ECDHE+AES+SHA"],
      [],
    );
    assertMatch(said, /Cipher is \(NONE\)/);
  }, (log) => assert(!log.includes("+ "), log));

  const http = ["--handler", path("../examples/http.ts")];
  define("curl, twice over one connection", ["curl"], http, async (port, ca) => {
    const told = "%{num_connects} %{http_code} %{ssl_verify_result}\n";
    const url = `https://localhost:${port}`;
    const { code, stdout, stderr } = await run("curl", [
      ...["-sS", "--cacert", ca, "--resolve", `localhost:${port}:127.0.0.1`, "-w", told],
      ...[`${url}/`, "-d", "hello", `${url}/echo`],
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /1 \d+ 0\n[^]*0 \d+ 0\n/);
  });

  define("Python's ssl", ["python3"], ["--tls-alpn", "demo"], async (port, ca) => {
    const { stdout, stderr } = await run("python3", [
      path("fixtures/clients/tls_client.py"),
      port,
      ca,
    ]);
    const lines = ["TLSv1.2", "TLSv1.3"].flatMap((version) =>
      [false, true].map((resumed) => `${version} demo ${resumed ? "True" : "False"} True`)
    );
    assertEquals(stdout.trimEnd().split("\n"), lines, stderr);
  });

  define(
    "Go's crypto/tls, which closes its half first",
    ["go"],
    ["--tls-alpn", "demo"],
    async (port, ca) => {
      const client = path("fixtures/clients/tls_client.go");
      await using go = new Command(["run", client, `127.0.0.1:${port}`, ca], { program: ["go"] });
      await go.exit(600_000); // it may have to compile all of TLS first
      const { stdout, stderr } = go;
      const lines = ["303", "304"].flatMap((version) =>
        [false, true].map((resumed) => `${version} demo resumed=${resumed} same=true`)
      );
      assertEquals(stdout.trimEnd().split("\n"), lines, stderr);
    },
  );

  define("sslscan finds nothing old or weak", ["sslscan"], [], async (port) => {
    const { stdout } = await run("sslscan", [
      "--no-colour",
      "--no-heartbleed",
      `127.0.0.1:${port}`,
    ]);
    for (const old of ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"]) {
      assertMatch(stdout, new RegExp(`^${old} +disabled`, "m"));
    }
    assertMatch(stdout, /Session renegotiation not supported/);
    const ciphers = [...stdout.matchAll(/^(?:Preferred|Accepted) .* bits +(\S+)/gm)]
      .map(([, cipher]) => cipher);
    assertEquals(ciphers.length, 6);
    assert(ciphers.every((cipher) => /GCM|POLY1305/.test(cipher)), ciphers.join());
  });
});
