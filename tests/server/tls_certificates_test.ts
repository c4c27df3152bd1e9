/** Whom a server that encrypts lets in, and which certificate it shows them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Visit, Visited } from "../fixtures/clients/tls_visits.ts";
import { Authority, type Issued, noOpenssl, openssl } from "../tools/certificates.ts";
import { Client, until } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";
import { target } from "../tools/targets.ts";

const path = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname;
const TELLS = ["--handler", path("handlers/tells_tls.ts")];
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

const node = await target("node");

/** A client that keeps its sessions. */
function newClient(): Command {
  return new Command([path("clients/tls_visits.ts")], { program: node.run });
}

/** Each of the visits as a client of both versions, with and without SNI. */
async function visit(
  client: Command,
  port: number,
  kinds: (Partial<Visit> & { name: string })[],
) {
  const visits = VERSIONS.flatMap((version) =>
    [undefined, "localhost"].flatMap((servername): Visit[] => {
      const of = (name: string) => `${name} ${version} ${servername ?? "without SNI"}`;
      return kinds.map((kind) => ({
        ...{ port, version, servername, ...kind, name: of(kind.name) },
        resumes: kind.resumes && of(kind.resumes),
      }));
    })
  );
  const before = client.stdout.length;
  await client.input(`${JSON.stringify(visits)}\n`);
  await until("its visits", () => client.stdout.slice(before).endsWith("\n"));
  const all: Visited[] = JSON.parse(client.stdout.slice(before));
  return (name: string) => all.filter((one) => one.name.startsWith(`${name} `));
}

/** A certificate that one of the authority's makes, or itself, for what is said. */
function made(authority: Authority, name: string, extensions: string, by: Issued | null): Issued {
  const [cert, key, csr, ext] = ["pem", "key", "csr", "ext"].map((end) =>
    authority.path(`${name}.${end}`)
  );
  Deno.writeTextFileSync(ext, extensions);
  openssl(
    ...["req", "-new", "-config", authority.path("openssl.cnf"), "-subj", `/CN=${name}`, "-nodes"],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", key, "-out", csr],
  );
  const signer = by ? ["-CA", by.cert, "-CAkey", by.key, "-CAcreateserial"] : ["-signkey", key];
  openssl("x509", "-req", "-in", csr, "-days", "2", "-extfile", ext, ...signer, "-out", cert);
  return { cert, key };
}

/** What each of these visits was told of its own certificate. */
function peers(visited: Visited[]): { subject: string; ok: boolean; why: string | null }[] {
  return visited.flatMap(({ lines }) => lines.map((line) => JSON.parse(line).peer));
}

function refusedAll(visited: Visited[], each: number): void {
  assertEquals(
    visited.map(({ lines, refused }) => [lines, refused]),
    visited.map(() => [[], each]),
  );
}

await onEachRuntime(({ on, test: define, serve, run }) => {
  const test = (name: string, fn: () => Promise<void>) =>
    noOpenssl === null
      ? define(name, fn)
      : Deno.test({ name: `${on.name}: ${name}: not run, ${noOpenssl}`, ignore: true, fn });

  test("a client shows a certificate that is trusted, or gets nowhere", async () => {
    await using client = newClient();
    using authority = new Authority();
    using others = new Authority("Others");
    const server = authority.issue("localhost", { names: ["localhost"] });
    const good = authority.issue("good");
    const root = { cert: authority.cert, key: authority.path("ca.key") };
    const between = made(authority, "between", "basicConstraints=critical,CA:TRUE", root);
    const far = made(authority, "far", "basicConstraints=CA:FALSE", between);
    Deno.writeTextFileSync(far.cert, Deno.readTextFileSync(between.cert), { append: true });
    const wrong: Record<string, Partial<Issued>> = {
      nothing: {},
      expired: authority.issue("expired", { from: -9, until: -1 }),
      early: authority.issue("early", { from: 2 }),
      itself: made(authority, "itself", "basicConstraints=CA:FALSE", null),
      servers: made(authority, "servers", "extendedKeyUsage=serverAuth", root),
      // The same name as the one that is trusted, by somebody else.
      liar: others.issue("good"),
    };
    const args = ["--tls-cert", server.cert, "--tls-key", server.key];
    await using command = serve(...TELLS, ...args, "--tls-client-ca", authority.cert);
    const { port } = await command.ready() as { port: number };
    const foreign = others.issue("foreign");
    const of = await visit(client, port, [
      { name: "foreign", times: 50, ...foreign },
      { name: "good", ...good },
      { name: "foreign again", times: 2, resumes: "foreign", ...foreign },
      { name: "nothing but foreign's", resumes: "foreign" },
      ...Object.entries(wrong).map(([name, issued]) => ({ name, ...issued })),
      ...Object.keys(wrong).map((name) => ({
        name: `${name} again`,
        resumes: name,
        ...wrong[name],
      })),
      { name: "far", ...far },
      { name: "good again", resumes: "good", ...good },
    ]);
    for (const name of ["good", "far", "good again"]) {
      const subject = `CN=${name.split(" ")[0]}`;
      const told = { subject, ok: true, why: null };
      // "good" stands for both.
      assertEquals(new Set(peers(of(name)).map((each) => JSON.stringify(each))).size, 1);
      assertEquals(peers(of(name))[0], told);
    }
    const again = of("good again");
    assertEquals(again.map(({ refused, resumed }) => [refused, resumed]), again.map(() => [0, 1]));
    const foreigners = of("foreign").filter(({ name }) => !name.includes("again"));
    refusedAll(foreigners, 50);
    refusedAll(of("foreign again"), 2);
    refusedAll(of("nothing but foreign's"), 1);
    for (const name of Object.keys(wrong)) {
      refusedAll(of(name).filter((one) => !one.name.startsWith("nothing but")), 1);
    }
    await end(command);
    assertEquals(command.log.match(/^\+ /gm)?.length, 12, command.log);
    assert(!command.log.includes("nobody handled"), command.log);
  });

  test("a client that is only asked for a certificate is served, and the handler knows", async () => {
    await using client = newClient();
    using authority = new Authority();
    using others = new Authority("Others");
    const server = authority.issue("localhost", { names: ["localhost"] });
    const [good, foreign] = [authority.issue("good"), others.issue("foreign")];
    const expired = authority.issue("expired", { from: -9, until: -1 });
    const args = [
      "--tls-cert",
      server.cert,
      "--tls-key",
      server.key,
      "--tls-client-auth",
      "request",
    ];
    await using command = serve(...TELLS, ...args, "--tls-client-ca", authority.cert);
    const { port } = await command.ready() as { port: number };
    const of = await visit(client, port, [
      ...[{ name: "good", ...good }, { name: "none" }, { name: "foreign", ...foreign }],
      ...[{ name: "expired", ...expired }, { name: "resumed", resumes: "foreign", ...foreign }],
    ]);
    const good4 = Array(4).fill({ subject: "CN=good", ok: true, why: null });
    assertEquals(peers(of("good")), good4);
    assertEquals(peers(of("none")).map((peer) => peer === null), [true, true, true, true]);
    for (const name of ["foreign", "resumed", "expired"]) {
      const all = peers(of(name));
      assertEquals(all.map(({ ok }) => ok), [false, false, false, false], name);
      for (const { why } of all) assertMatch(why ?? "", /CERT|VERIFY|ISSUER/);
    }
    await end(command);
  });

  if (on.name !== "deno") {
    test("a client that was let in and is then revoked does not get in again", async () => {
      await using client = newClient();
      using authority = new Authority();
      const server = authority.issue("localhost", { names: ["localhost"] });
      const [good, gone] = [authority.issue("good"), authority.issue("gone")];
      const files = ["--tls-cert", server.cert, "--tls-key", server.key];
      const lists = ["--tls-client-ca", authority.cert, "--tls-crl", authority.crl];
      await using command = serve(...TELLS, ...files, ...lists);
      const { port } = await command.ready() as { port: number };
      const kinds = [{ name: "good", ...good }, { name: "gone", ...gone }];
      const before = await visit(client, port, kinds);
      assertEquals(peers(before("gone")).map(({ ok }) => ok), [true, true, true, true]);
      authority.revoke(gone);
      command.child.kill("SIGHUP");
      await until("it has read them again", () => /reloaded/.test(command.log));
      const after = await visit(client, port, [...kinds, {
        name: "gone again",
        resumes: "gone",
        ...gone,
      }]);
      assertEquals(peers(after("good")).map(({ ok }) => ok), [true, true, true, true]);
      refusedAll(after("gone"), 1);
      await end(command);
    });
  }

  test("the name that a client asks for picks the certificate, and a place may have none", async () => {
    await using client = newClient();
    using authority = new Authority();
    const all = [
      authority.issue("first", { names: ["first.example", "localhost"] }),
      authority.issue("wild", { names: ["*.wild.example"] }),
      authority.issue("one", { names: ["one.wild.example", "other.example"] }),
    ];
    const args = all.flatMap(({ cert, key }) => ["--tls-cert", cert, "--tls-key", key]);
    await using command = run([
      ...["serve", "--spares", "1", "--shutdown-timeout", "600", ...TELLS, ...args],
      ...["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,tls=off"],
      ...["--listen", "127.0.0.1:0,proxy-protocol=127.0.0.1"],
    ]);
    await command.ready();
    await until("all places", () => command.stdout.split("\n").length > 3);
    const [port, plain, proxied] = [...command.stdout.matchAll(/:(\d+)$/gm)]
      .map(([, number]) => Number(number));
    const wanted: Record<string, string> = {
      ...{ "first.example": "first", "two.wild.example": "wild", "ONE.wild.example": "one" },
      ...{ "other.example": "one", "a.b.wild.example": "first", "nobody.example": "first" },
    };
    const of = await visit(
      client,
      port,
      Object.keys(wanted).map((servername) => ({ name: servername, servername })),
    );
    for (const [name, server] of Object.entries(wanted)) {
      assertEquals(of(name).map((one) => one.server), Array(4).fill(server), name);
      for (const { lines } of of(name)) {
        assertEquals(JSON.parse(lines[0]).servername, name.toLowerCase());
      }
    }

    const unencrypted = await Client.open({ transport: "tcp", hostname: "127.0.0.1", port: plain });
    unencrypted.halfClose();
    const said = new TextDecoder().decode(await unencrypted.receiveAll());
    assertEquals(JSON.parse(said), { peer: null, proxied: false });
    await unencrypted.close();

    await using through = run([
      ...["connect", "--host", "localhost", "--port", `${proxied}`, "--proxy-header", "v2"],
      ...["--tls", "--ca", authority.cert],
    ]);
    await through.endInput();
    assertEquals(await through.exit(), 0, through.stderr);
    const { protocol, servername, proxied: isProxied } = JSON.parse(through.stdout);
    assertEquals([protocol, servername, isProxied], ["TLSv1.3", "localhost", true]);
    await end(command);
  });
});
