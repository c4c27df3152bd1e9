/** Certificates, keys and lists in files: wrong ones, and new ones after SIGHUP. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TcpAddress, TlsOptions } from "../../mod.ts";
import {
  Authority,
  encrypted,
  type Issued,
  noOpenssl,
  serialOf,
  serialShown,
} from "../tools/certificates.ts";
import { Client, until } from "../tools/client.ts";
import { Command, descendants, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { statusOf, statusPlace } from "../tools/status.ts";
import { WAYS } from "../tools/ways.ts";

const MISTAKES = new URL("../fixtures/servers/tls_mistakes.ts", import.meta.url).pathname;

/** What each runtime cannot do, and so refuses. */
const REFUSED: Record<string, (keyof TlsOptions)[]> = { deno: ["crl"], bun: [], node: [] };

/** A file in the authority's folder. */
function fileOf(authority: Authority, name: string, text: string): string {
  Deno.writeTextFileSync(authority.path(name), text);
  return authority.path(name);
}

/** Puts what was issued where the server looks for it. */
function install({ cert, key }: Issued, to: Issued): void {
  Deno.copyFileSync(cert, to.cert);
  Deno.copyFileSync(key, to.key);
}

if (noOpenssl === null) {
  await onEachRuntime(({ on, test, serve, run }) => {
    test("serve() says in one line which file of TLS is wrong and why, and which option it cannot honour", async () => {
      using authority = new Authority();
      const good = authority.issue("good", { names: ["good.example"] });
      const other = authority.issue("other");
      const old = authority.issue("old", { from: -9, until: -1 });
      const early = authority.issue("early", { from: 3, until: 9 });
      const clientCa = authority.cert;
      const block = (what: string) => `-----BEGIN ${what}-----\nAAAA\n-----END ${what}-----\n`;
      const empty = fileOf(authority, "empty", "");
      const broken = fileOf(authority, "broken", block("CERTIFICATE"));
      const chain = fileOf(
        authority,
        "chain",
        Deno.readTextFileSync(good.cert) + block("CERTIFICATE"),
      );
      const inOne = [good.key, good.cert].map((path) => Deno.readTextFileSync(path)).join(
        "words\n",
      );
      const both = fileOf(authority, "both", `\ufeff${inOne}`);
      const brokenKey = fileOf(authority, "broken key", block("PRIVATE KEY"));
      const brokenCrl = fileOf(authority, "broken list", block("X509 CRL"));
      const text = { cert: Deno.readTextFileSync(good.cert), key: Deno.readTextFileSync(good.key) };
      const of = (what: string) => `Cannot encrypt with what is in ${what}: `;
      const all: Record<string, TlsOptions> = {
        clientCa: { ...good, clientCa },
        clientAuth: { ...good, clientCa, clientAuth: "request" },
        crl: { ...good, clientCa, crl: authority.crl },
        alpn: { ...good, alpn: ["x", "y"] },
        minVersion: { ...good, minVersion: "TLSv1.3" },
        cert: { cert: [good.cert, other.cert], key: [good.key, other.key] },
        handshakeTimeout: { ...good, handshakeTimeout: 1 },
        "PEM text": text,
        "one file": { cert: both, key: both, clientCa: both },
      };
      const wrong: [TlsOptions, string][] = [
        [{ ...good, cert: "/nowhere/c" }, "Cannot read the certificate in /nowhere/c: ENOENT"],
        [{ ...good, cert: empty }, `${of(empty)}it holds no certificate`],
        [{ ...good, cert: good.key }, `${of(good.key)}it holds no certificate`],
        [{ ...good, cert: broken }, `${of(broken)}a certificate in it is broken (`],
        [{ ...good, cert: chain }, `${of(chain)}a certificate in it is broken (`],
        [old, `${of(old.cert)}it has ended on 20`],
        [early, `${of(early.cert)}it begins on 20`],
        [{ ...good, key: "/nowhere/k" }, "Cannot read the key in /nowhere/k: ENOENT"],
        [{ ...good, key: good.cert }, `${of(good.cert)}it holds no key`],
        [{ ...good, key: brokenKey }, `${of(brokenKey)}the key is broken (`],
        [{ ...good, key: encrypted(good) }, `${of(encrypted(good))}it needs a passphrase`],
        [
          { ...good, key: other.key },
          `${of(other.key)}it is not the key of the certificate in ${good.cert}`,
        ],
        [
          { ...text, cert: other.cert },
          `${of("the option key")}it is not the key of the certificate in ${other.cert}`,
        ],
        [{ cert: [good.cert, old.cert], key: [good.key, old.key] }, `${of(old.cert)}it has ended`],
        // With what is empty, everybody would be let in.
        [{ ...good, clientCa: empty }, `${of(empty)}it holds no certificate`],
        [{ ...good, clientCa: broken }, `${of(broken)}a certificate in it is broken (`],
        ...(REFUSED[on.name].includes("crl") ? [] : [
          [{ ...good, clientCa, crl: empty }, `${of(empty)}it holds no list`],
          [{ ...good, clientCa, crl: clientCa }, `${of(clientCa)}it holds no list`],
          [{ ...good, clientCa, crl: brokenCrl }, `${of(brokenCrl)}the list is broken (`],
        ] as [TlsOptions, string][]),
      ];
      const tried = JSON.stringify([...Object.values(all), ...wrong.map(([tls]) => tls)]);
      await using command = new Command([MISTAKES, tried], { program: on.run });
      assertEquals(await command.exit(), 0, command.stderr);
      const lines = command.stdout.trimEnd().split("\n");
      assertEquals(lines.length, Object.keys(all).length + wrong.length, command.stdout);
      const refused = Object.keys(all).filter(() => {
        const line = lines.shift()!;
        if (line !== "serves") assertMatch(line, /^Cannot encrypt with [a-z]+: .*: serve on Node/i);
        return line !== "serves";
      });
      assertEquals(refused, REFUSED[on.name]);
      for (const [, said] of wrong) assertEquals(lines.shift()!.slice(0, said.length), said);
    });

    test("whose certificate may be shown, and which are revoked, is read again at SIGHUP", async () => {
      using authority = new Authority();
      using foreign = new Authority("Another");
      const own = authority.issue("server");
      const [one, two, stranger] = [
        authority.issue("one"),
        authority.issue("two"),
        foreign.issue("one"),
      ];
      const ca = authority.path("clients");
      Deno.copyFileSync(authority.cert, ca);
      const revokes = !REFUSED[on.name].includes("crl");
      await using command = serve(
        ...["--tls-cert", own.cert, "--tls-key", own.key, "--tls-client-ca", ca],
        ...(revokes ? ["--tls-crl", authority.crl] : []),
        ...["--status", "127.0.0.1:0"],
      );
      const { port } = await command.ready() as TcpAddress;
      const isServed = async (client: Issued | null) => {
        const shows = client ? ["-cert", client.cert, "-key", client.key] : [];
        const to = ["-connect", `127.0.0.1:${port}`, "-CAfile", authority.cert];
        await using open = new Command(["s_client", "-quiet", ...to, ...shows], {
          program: ["openssl"],
        });
        await open.input("hello bye").catch(() => {}); // it may have ended
        await open.exit();
        return open.stdout === "hello ";
      };
      const served = async () => {
        const all = [];
        for (const client of [one, two, stranger, null]) all.push(await isServed(client));
        return all;
      };
      const reload = async (count: number) => {
        command.child.kill("SIGHUP");
        await until("the reload", () => command.log.split("\nreloaded").length > count);
      };
      assertEquals(await served(), [true, true, false, false]);
      authority.revoke(one);
      await reload(1);
      assertEquals(await served(), [!revokes, true, false, false]);

      // What is empty lets nobody in who was not let in before.
      Deno.writeTextFileSync(ca, "");
      command.child.kill("SIGHUP");
      await until("that it failed", () => command.log.includes("not reloaded"));
      assertEquals(await served(), [!revokes, true, false, false]);
      if (!revokes) {
        Deno.copyFileSync(foreign.cert, ca);
        await reload(2);
        assertEquals(await served(), [false, false, true, false]);
      }
      const untrusted = /^! refused .*: no certificate that is trusted \(/m;
      await until("a refusal in the log", () => untrusted.test(command.log));

      // Strangers are counted, and no line tells of them.
      const plain = await Client.open({ transport: "tcp", hostname: "127.0.0.1", port });
      await plain.send("GET / HTTP/1.1\r\n\r\n");
      await until("its end", () => plain.closed || plain.ended);
      await plain.close();
      const place = await statusPlace(command);
      if (on.name === "deno") {
        const table = run(["status", `${place.port}`]);
        assertEquals(await table.exit(), 0);
        assertMatch(table.stdout, /^TLS, server ends in 36\d d$/m);
      }
      let status = await statusOf(place);
      await until("it is counted", async () => {
        status = await statusOf(place);
        return status.totals.refused.tls_none > 0;
      });
      assertEquals(status.totals.refused.tls_none, 1);
      assert(status.totals.refused.tls_certificate > 4);
      assertEquals(status.certificates.map(({ names }) => names), [["server"]]);
      await end(command);
      assert(!command.log.includes("no TLS"), command.log);
    });

    for (const [way, args] of Object.entries({ ...WAYS, iterative: ["--model", "iterative"] })) {
      if (way === "process --no-fork") continue; // with TLS nothing is forked
      // The others differ in nothing that is the runtime's.
      if (on.name !== "deno" && !["multiplex", "thread", "process"].includes(way)) continue;
      test(`serve --model ${way} shows the new certificate after SIGHUP, keeps the old one if that is wrong, and tells nobody its key`, async () => {
        using authority = new Authority();
        const named = (until?: number) => authority.issue("a", { names: ["a.example"], until });
        const [first, second] = [named(), named(3)];
        const other = authority.issue("b", { names: ["*.b.example"] });
        const files = { cert: authority.path("cert"), key: authority.path("key") };
        install(first, files);
        await using command = serve(
          ...[...args, "--tls-cert", files.cert, "--tls-key", files.key],
          ...["--tls-cert", other.cert, "--tls-key", other.key],
        );
        const { port } = await command.ready() as TcpAddress;
        await until("the first line", () => /^\w+, .*, TLS/m.test(command.log));
        const shown = (name?: string) => serialShown(authority, port, name);
        assertEquals(await shown("a.example"), serialOf(first));
        assertEquals(await shown("x.b.example"), serialOf(other));
        for (const pid of [command.child.pid, ...descendants(command.child.pid)]) {
          let told = "";
          try {
            told = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
          } catch {
            // It has ended meanwhile.
          }
          assert(!told.includes("PRIVATE KEY"), told);
        }
        const client = ["-connect", `127.0.0.1:${port}`, "-CAfile", authority.cert];
        await using open = new Command(["s_client", "-quiet", ...client], { program: ["openssl"] });
        const says = async (text: string, all: string) => {
          await open.input(text);
          await until("the echo", () => open.stdout === all);
        };
        await says("before", "before");
        if (way === "iterative") await says(" bye", "before "); // it has one client, and then the next

        install(second, files);
        command.child.kill("SIGHUP");
        await until("the reload", () => command.log.includes("\nreloaded"));
        assertEquals(await shown("a.example"), serialOf(second));
        assertEquals(await shown(), serialOf(second));
        const soon = /^! the certificate for a\.example ends in 3 days, on /m;
        await until("the warning", () => soon.test(command.log));

        Deno.copyFileSync(first.cert, files.cert);
        command.child.kill("SIGHUP");
        const why = `in ${files.key}: it is not the key of`;
        await until("that it failed", () => /not reloaded.*\n/.test(command.log));
        assert(command.log.includes(why), command.log);
        assertEquals(await shown("a.example"), serialOf(second));
        if (way !== "iterative") {
          await says(" after", "before after");
          await open.input(" bye"); // it does not go at the end of its input
        }
        assertEquals(await open.exit(), 0);
        await end(command);
      });
    }
  });
} else Deno.test({ name: `TLS: ${noOpenssl}`, ignore: true, fn() {} });
