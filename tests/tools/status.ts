/** A server's status, as whoever asks over HTTP gets it. */
import { connect } from "node:net";
import type { Address, ServerStatus } from "../../mod.ts";
import type { Command } from "./command.ts";
import { until, within } from "./client.ts";

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends bytes, and reads until the server closes. */
export function exchange(to: Address, request: string | Uint8Array): Promise<Answer> {
  const asked = new Promise<Answer>((resolve, reject) => {
    const socket = to.transport === "unix" ? connect(to.path) : connect(to.port, to.hostname);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => text += chunk);
    // A server that waits no longer for this end resets it; what it has answered is here.
    socket.on("error", (error) => text === "" && reject(error));
    socket.on("close", () => {
      const [head, ...body] = text.split("\r\n\r\n");
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
        head,
        body: body.join("\r\n\r\n"),
      });
    });
    socket.write(request);
  });
  return within("an answer", asked);
}

/** A GET. */
export function get(to: Address, path: string, headers = "Host: localhost"): Promise<Answer> {
  return exchange(to, `GET ${path} HTTP/1.1\r\n${headers}\r\n\r\n`);
}

/** What the server tells now. */
export async function statusOf(to: Address): Promise<ServerStatus> {
  const { status, body } = await get(to, "/status.json");
  if (status !== 200) throw new Error(`the status was answered with ${status}: ${body}`);
  return JSON.parse(body);
}

/** Where a server with `--status 127.0.0.1:0` tells its status, as its log says. */
export async function statusPlace(command: Command): Promise<Address & { transport: "tcp" }> {
  await command.ready();
  const place = () => /status on http:\/\/127\.0\.0\.1:(\d+)/.exec(command.stderr)?.[1];
  await until("the log to say where", () => place() !== undefined);
  return { transport: "tcp", hostname: "127.0.0.1", port: Number(place()) };
}

/** Names of counts that never fall, and their values, flat. */
export function counters({ totals, durations }: ServerStatus): Record<string, number> {
  const flat: Record<string, number> = { durations: durations.sum };
  for (const [name, value] of Object.entries(totals)) {
    if (typeof value === "number") flat[name] = value;
    else {for (const [kind, count] of Object.entries(value)) {
        flat[`${name} ${kind}`] = count as number;
      }}
  }
  return flat;
}
