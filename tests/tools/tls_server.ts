/** Tests that each have a server which encrypts, an authority, and clients that trust it. */
import { portOf } from "../examples/real_clients.ts";
import { Authority, noOpenssl } from "./certificates.ts";
import { Client } from "./client.ts";
import type { Command } from "./command.ts";
import type { OnRuntime } from "./on_each_runtime.ts";
import { Breaker } from "./tls_breaker.ts";

/** What such a test has. */
export interface Encrypted {
  readonly command: Command;
  readonly address: Awaited<ReturnType<Command["ready"]>>;
  /** Clients that do not do their part, which end before the test does; made when asked for. */
  breaker(): Breaker;
}

/**
 * Defines a test; where openssl is missing its name says so.
 * @param start starts the server with these options and the test's own
 */
export function testEncrypted(
  { on, test }: OnRuntime,
  name: string,
  start: (...certificate: string[]) => Command,
  fn: (encrypted: Encrypted) => Promise<void>,
): void {
  if (noOpenssl !== null) {
    return Deno.test({ name: `${on.name}: ${name}: not run, ${noOpenssl}`, ignore: true, fn() {} });
  }
  test(name, async () => {
    using authority = new Authority();
    const { cert, key } = authority.issue("localhost", { names: ["localhost"] });
    await using command = start("--tls-cert", cert, "--tls-key", key);
    const address = await command.ready();
    Client.ca = Deno.readTextFileSync(authority.cert);
    try {
      await fn({ command, address, breaker: () => new Breaker(portOf(address), authority.cert) });
    } finally {
      await Client.closeAll();
      Client.ca = null;
    }
  });
}
