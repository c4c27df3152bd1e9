/** STARTTLS: a connection that begins TLS when both ends have said so. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Authority, noOpenssl } from "../tools/certificates.ts";
import { Command } from "../tools/command.ts";
import { target } from "../tools/targets.ts";

const PROGRAM = new URL("../fixtures/servers/start_tls.ts", import.meta.url).pathname;

for (const name of ["deno", "bun", "node"] as const) {
  const { run } = await target(name);
  Deno.test({
    name: `${name}: both sides begin TLS on an open connection, and say why they cannot`,
    ignore: noOpenssl !== null,
    async fn() {
      using authority = new Authority();
      authority.issue("localhost", { names: ["localhost"] });
      await using command = new Command([PROGRAM, authority.folder], { program: run });
      assertEquals(await command.exit(), 0, command.stderr);
      const all = command.stdout.trimEnd().split("\n");
      const after = (what: string) =>
        all.filter((line) => line.startsWith(`${what} `)).map((line) =>
          line.slice(what.length + 1)
        );
      assertEquals(after("client").slice(0, 4), [
        "plain hello",
        "go on",
        "TLSv1.3 localhost demo CN=localhost",
        "secret again demo",
      ]);
      const [first, ...others] = after("server");
      assertEquals(first, "TLSv1.3 localhost demo nobody");
      assertEquals(others.length, 6);
      assert(others.includes("EPROTO The client does not speak TLS"), others.join("\n"));
      assertEquals(after("twice"), ["EALREADY It is encrypted already"]);
      assertMatch(
        after("untrusted")[0],
        /^EPROTO .* not trusted \(UNABLE_TO_VERIFY.*\): name its authority with ca$/,
      );
      assertEquals(after("another name"), [
        "EPROTO The server's certificate is not for other.example: it is for DNS:localhost",
      ]);
      assertEquals(after("insecure"), ["false"]);
      assertMatch(after("no handshake")[0], /^ECONNRESET /);
      assertEquals(after("wrong option"), [
        "TypeError Cannot encrypt with one of cert and key: they belong together",
      ]);
      assertEquals(after("no name"), [
        "TypeError Cannot encrypt with no servername: give a name",
      ]);
      assertMatch(after("at once")[0], /^EPROTO Cannot connect to 127.0.0.1:\d+: TLS has failed: /);
    },
  });
}
