/** A client that resumes a session of TLS is trusted as little as one that shakes hands in full. */
import { assert, assertEquals } from "@std/assert";
import type { TcpAddress } from "../../mod.ts";
import { Authority, type Issued, noOpenssl } from "../tools/certificates.ts";
import { until, within } from "../tools/client.ts";
import { Command, end } from "../tools/command.ts";
import { onEachRuntime } from "../tools/on_each_runtime.ts";

if (noOpenssl === null) {
  await onEachRuntime(({ test, serve }) => {
    test("whoever resumes a session needs a certificate that is trusted here, now and in date", async () => {
      using authority = new Authority();
      using foreign = new Authority("Another");
      const own = authority.issue("server");
      const [one, stranger] = [authority.issue("one"), foreign.issue("stranger")];
      await using command = serve(
        ...["--tls-cert", own.cert, "--tls-key", own.key, "--tls-client-ca", authority.cert],
      );
      /** What the client says of its session, where it was served. */
      const resumes = async ({ cert, key }: Issued, version: string) => {
        const { port } = await command.ready() as TcpAddress;
        const session = `${cert}${version}.session`;
        const hasOne = await Deno.stat(session).then(() => true, () => false);
        await using client = new Command(
          [
            ...[
              "s_client",
              "-connect",
              `127.0.0.1:${port}`,
              "-CAfile",
              authority.cert,
              version,
              "-ign_eof",
            ],
            ...["-cert", cert, "-key", key, "-sess_out", session],
            ...(hasOne ? ["-sess_in", session] : []),
          ],
          { program: ["openssl"] },
        );
        await client.input("hello bye").catch(() => {}); // it may have ended
        await within("its end", client.exit());
        if (!client.stdout.includes("hello ")) return "refused";
        return /^(New|Reused), /m.exec(client.stdout)?.[1];
      };
      const versions = ["-tls1_3", "-tls1_2"];
      /** A certificate with which each version has a session, and when it has ended. */
      const short = async (seconds: number): Promise<[Issued, number]> => {
        const begin = Date.now();
        const issued = authority.issue("short", { until: seconds / (24 * 3600) });
        const ends = Date.now() + seconds * 1000;
        const said = [];
        for (const version of versions) said.push(await resumes(issued, version));
        if (!said.includes("refused")) {
          assertEquals(said, ["New", "New"]);
          return [issued, ends];
        }
        // The machine has paused for so long that it had ended.
        assert(Date.now() > begin + (seconds - 1) * 1000 && seconds < 60, said.join());
        return await short(2 * seconds);
      };
      const [ended, ends] = await short(4);
      for (const version of versions) {
        assertEquals(await resumes(one, version), "New");
        assertEquals(await resumes(one, version), "Reused");
        // Whoever is refused may have a session all the same.
        for (let i = 0; i < 3; i++) assertEquals(await resumes(stranger, version), "refused");
      }
      await until("its end", () => Date.now() > ends + 1000);
      for (const version of versions) assertEquals(await resumes(ended, version), "refused");
      await end(command);
      assert(command.log.includes("no certificate that is trusted"));
    });
  });
} else Deno.test({ name: `TLS: ${noOpenssl}`, ignore: true, fn() {} });
