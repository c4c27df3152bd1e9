/** What the supervisor says to a process that forks, played here, and makes of its answers. */
import { assertEquals } from "@std/assert";
import { errorCode } from "../../../src/connection/errors.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { DescriptorPasser } from "../../../src/posix/passed_descriptors.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { Template } from "../../../src/workers/template.ts";
import type { ProcessSetup } from "../../../src/workers/process_worker.ts";
import { until } from "../../tools/client.ts";
import { test } from "../../tools/unit.ts";

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;

function played(silence?: number) {
  const libc = new Libc(runtime);
  const [ours, theirs] = libc.socketPair();
  const setup = { runtime, libc } as ProcessSetup;
  const hung = Promise.withResolvers<void>();
  const template = new Template(setup, ours, hung.resolve, silence);
  return { libc, ours, theirs, template, hung: hung.promise };
}

test("orders for which there is no room go out after the next answer", async () => {
  const { libc, ours, theirs, template } = played();
  const least = new Uint8Array(new Uint32Array([1]).buffer);
  libc.functions.setsockopt(ours, SOL_SOCKET, SO_SNDBUF, least, 4);
  const ends: unknown[] = [];
  const FORKS = 20;
  for (let number = 1; number <= FORKS; number++) {
    template.fork(number, { onMessage: () => {}, onExit: (_, why) => ends.push(errorCode(why)) });
  }
  const orders = new DescriptorPasser(libc, theirs, 8);
  for (let number = 1; number <= FORKS; number++) {
    const { message, descriptors } = orders.receive()!;
    assertEquals([...new Uint32Array(message.buffer)], [1, number]);
    for (const descriptor of descriptors) libc.close(descriptor);
    template.told({ type: "forked", number, pid: 0 });
  }
  await until("all are told", () => ends.length === FORKS);
  assertEquals(new Set(ends), new Set(["EAGAIN"])); // it passes: the server goes on
  template.gone();
  orders.close();
  libc.close(theirs);
  libc.unload();
});

test("a fork has its name, though the template was killed before it could tell it", async () => {
  const { libc, theirs, template } = played();
  const said: unknown[] = [];
  const ends: unknown[] = [];
  const worker = template.fork(1, {
    onMessage: ({ type }) => said.push([type, worker.name.id]),
    onExit: (reason, notStarted) => ends.push(reason, notStarted),
  });
  const orders = new DescriptorPasser(libc, theirs, 8);
  const [control, lifeline] = orders.receive()!.descriptors;
  const lines = '{"type":"forked","number":1,"pid":4242}\n{"type":"ready","forked":true}\n';
  libc.send(control, new TextEncoder().encode(lines));
  template.gone();
  await until("it is ready", () => said.length > 0);
  assertEquals(said, [["ready", 4242]]);
  libc.close(control);
  await until("its end", () => ends.length > 0);
  assertEquals(ends, ["how is not known, for the process that forked it was gone", undefined]);
  orders.close();
  libc.close(lifeline);
  libc.close(theirs);
  libc.unload();
});

test("a template that owes answers, and gives none for a while, counts as hung", async () => {
  const { libc, theirs, template, hung } = played(200);
  const ends: unknown[] = [];
  for (const number of [1, 2]) {
    template.fork(number, { onMessage: () => {}, onExit: (_, why) => ends.push(errorCode(why)) });
  }
  const orders = new DescriptorPasser(libc, theirs, 8);
  for (const _ of [1, 2]) orders.receive()!.descriptors.forEach((each) => libc.close(each));
  template.told({ type: "forked", number: 1, pid: 0 });
  await hung; // the second is never answered
  template.gone();
  await until("both are told", () => ends.length === 2);
  orders.close();
  libc.close(theirs);
  libc.unload();
});
