/** What a user of an example would notice: what cases are, and what they share. */
import { assertEquals } from "@std/assert";
import type { Address, ModelName } from "../../mod.ts";
import { Client } from "../tools/client.ts";

/** A server that serves an example. */
export interface Site {
  readonly address: Address;
  readonly model: ModelName;
  /** What it has reported so far. */
  log(): string;
  /** Begins a graceful shutdown. */
  shutdown(): void;
}

/** One thing that an example does. */
export interface ExampleCase {
  readonly name: string;
  /** Models that it is not run under, with the reason. */
  readonly not?: Partial<Record<ModelName, string>>;
  /**
   * Models under which the server ends, so that it needs one of its own, with
   * the exit code (128 and the signal's number for a signal).
   */
  readonly ends?: Partial<Record<ModelName, number>>;
  run(site: Site): Promise<void>;
}

/** An example, and what must hold for it. */
export interface Example {
  /** Its file in examples/. */
  readonly file: string;
  /** A second set of cases for the same file is told apart by this. */
  readonly when?: string;
  /** Its own `models`, if it has them. */
  readonly models?: readonly ModelName[];
  /** It takes its process down, so it is never served inside a test's. */
  readonly crashes?: boolean;
  /** Makes what it needs: variables of the environment. */
  prepare?(): Promise<{ env: Record<string, string>; close(): Promise<void> }>;
  readonly cases: readonly ExampleCase[];
}

/** Why a case is not run under `iterative`. */
export const ITERATIVE_WAITS = "one client at a time is what this model is";
/** Models under which a shutdown ends the server well: all. */
export const EVERYWHERE = { multiplex: 0, iterative: 0, thread: 0, process: 0 };

/** Sends `text`, and takes exactly `reply`. */
export async function ask(client: Client, text: string | Uint8Array, reply: string): Promise<void> {
  await client.send(text);
  await answered(client, reply);
}

/** Takes exactly `reply`. */
export async function answered(client: Client, reply: string): Promise<void> {
  assertEquals(await client.receiveText(new TextEncoder().encode(reply).length), reply);
}

/** The next line, with its end. */
export async function line(client: Client): Promise<string> {
  let text = "";
  while (!text.endsWith("\n")) text += await client.receiveText(1);
  return text;
}

/** The end of the stream, and nothing before it; FIN, not RST. */
export async function ends(client: Client): Promise<void> {
  assertEquals(new TextDecoder().decode(await client.receiveAll()), "");
  await client.close();
  assertEquals(client.error, null);
}

/** Whether nobody listens there. */
export async function refused(address: Address): Promise<boolean> {
  try {
    await (await Client.open(address)).close();
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ECONNREFUSED";
  }
}
