/** What the supervisor says to a process that forks, played here, and makes of its answers. */
import { assertEquals } from "@std/assert";
import { errorCode } from "../../../src/connection/errors.ts";
import { Libc } from "../../../src/posix/libc.ts";
import { DescriptorPasser } from "../../../src/posix/passed_descriptors.ts";
import { runtime } from "../../../src/runtimes/deno.ts";
import { FORK, REAP } from "../../../src/workers/encoding.ts";
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
  const orders = new DescriptorPasser(libc, theirs, 2);
  const forked: number[] = [];
  await until("all are told", () => {
    while (libc.waitReadable([theirs], 0)) {
      const passed = orders.receive();
      const [what, number] = orders.message;
      if (what === FORK) {
        assertEquals(passed, 2);
        forked.push(number);
        for (const descriptor of orders.descriptors) libc.close(descriptor); // no room for it
      } else {
        assertEquals([what, passed], [REAP, 0]);
        template.told(number, "no room");
      }
    }
    return ends.length === FORKS;
  });
  assertEquals(forked, Array.from({ length: FORKS }, (_, n) => n + 1));
  assertEquals(new Set(ends), new Set(["EAGAIN"])); // it passes: the server goes on
  template.gone();
  libc.close(theirs);
  libc.unload();
});

test("a fork has the name that it tells first, though the template was killed meanwhile", async () => {
  const { libc, theirs, template } = played();
  const said: unknown[] = [];
  const ends: unknown[] = [];
  const worker = template.fork(1, {
    onMessage: ({ type }) => said.push([type, worker.name.id]),
    onExit: (reason, notStarted) => ends.push(reason, notStarted),
  });
  const orders = new DescriptorPasser(libc, theirs, 2);
  orders.receive();
  const [control, lifeline] = orders.descriptors;
  const lines = '{"type":"forked","pid":4242}\n{"type":"ready"}\n{"type":"forked","pid":1}\n';
  libc.send(control, new TextEncoder().encode(lines));
  template.gone();
  await until("it is ready", () => said.length > 0);
  assertEquals(said, [["ready", 4242]]);
  libc.close(control);
  await until("its end", () => ends.length > 0);
  assertEquals(ends, ["how is not known, for the process that forked it was gone", undefined]);
  libc.close(lifeline);
  libc.close(theirs);
  libc.unload();
});

test("a fork that ends before its first word is waited for, and it is said how it ended", async () => {
  const { libc, theirs, template } = played();
  const ends: unknown[] = [];
  template.fork(7, {
    onMessage: () => {},
    onExit: (reason, notStarted) => ends.push(reason, errorCode(notStarted)),
  });
  const orders = new DescriptorPasser(libc, theirs, 2);
  orders.receive();
  for (const descriptor of orders.descriptors) libc.close(descriptor);
  await until("the next order", () => libc.waitReadable([theirs], 0));
  orders.receive();
  assertEquals([...orders.message], [REAP, 7]);
  template.told(7, "SIGKILL");
  await until("its end", () => ends.length > 0);
  assertEquals(ends, ["SIGKILL", "EAGAIN"]);
  template.gone();
  libc.close(theirs);
  libc.unload();
});

test("a template that owes answers, and gives none for a while, counts as hung, as do its silent forks", async () => {
  const { libc, theirs, template, hung } = played(200);
  const ends: unknown[] = [];
  template.fork(1, { onMessage: () => {}, onExit: (_, why) => ends.push(errorCode(why)) });
  const orders = new DescriptorPasser(libc, theirs, 2);
  orders.receive();
  const [control, lifeline] = orders.descriptors;
  await hung;
  assertEquals(libc.receive(lifeline, new Uint8Array(1), libc.constants.MSG_DONTWAIT), 0);
  template.gone();
  libc.close(control);
  await until("it is told", () => ends.length > 0);
  assertEquals(ends, ["EAGAIN"]);
  for (const descriptor of [lifeline, theirs]) libc.close(descriptor);
  libc.unload();
});
