/** A client of many kinds that do not do their part: see fixtures/clients/tls_breaker.ts. */
import { until } from "./client.ts";
import { Command } from "./command.ts";
import { target } from "./targets.ts";

const PROGRAM = new URL("../fixtures/clients/tls_breaker.ts", import.meta.url).pathname;
const node = await target("node");

export class Breaker implements AsyncDisposable {
  readonly #command: Command;

  /** @param ca the path of the server's authority */
  constructor(port: number | string, ca: string) {
    this.#command = new Command([PROGRAM, `${port}`, ca], { program: node.run });
  }

  /** So many of each kind at the same time; how many came to which end. */
  async all(...kinds: [kind: string, times: number][]): Promise<Record<string, number>> {
    return JSON.parse(await this.#ask(kinds));
  }

  /** The same, until all have sent what they send. */
  async hold(...kinds: [kind: string, times: number][]): Promise<void> {
    await this.#ask(["hold", ...kinds]);
  }

  async #ask(what: unknown): Promise<string> {
    const command = this.#command;
    const before = command.stdout.length;
    await command.input(`${JSON.stringify(what)}\n`);
    await until(
      "its clients",
      () => command.stdout.slice(before).endsWith("\n") || command.stderr !== "",
    );
    if (command.stderr !== "") throw new Error(command.stderr);
    return command.stdout.slice(before);
  }

  /** Ends it, and those that it holds. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
  }
}
