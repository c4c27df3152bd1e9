/**
 * Inside the process that forks workers; `template.ts` is what the supervisor has of it.
 * @module
 */
import { loopTurn } from "../connection/delay.ts";
import { killAtOnce, waitFor } from "../posix/children.ts";
import { Forker } from "../posix/fork.ts";
import { DescriptorPasser } from "../posix/passed_descriptors.ts";
import { FORK, KILL, TEMPLATE_ORDER_WORDS } from "./encoding.ts";
import type { Channel } from "./channel.ts";
import { type Begin, prepareFork, type TemplateParts } from "./forked_worker.ts";
import { CONTROL, type ControlChannel } from "./process_worker.ts";
import { warmUp } from "./warm_up.ts";
import type { Work } from "./work.ts";
import type { CommonSettings } from "./worker_settings.ts";

/** Milliseconds without an order after which the template does a part of what it still has to. */
const LULL = 20;
/** Why a worker ended that was never there. */
const NO_ROOM = "there was no room for another process";

/**
 * Makes this process a template: it forks when it is told to, and ends with its
 * supervisor; each fork is a worker, and ends with that. So it does not resolve.
 * @param prepare makes the work of the forks
 * @throws if it cannot be one
 */
export async function becomeTemplate(
  parts: Omit<TemplateParts, "forker">,
  own: ControlChannel,
  settings: CommonSettings,
  prepare: (channel: Channel) => Work,
): Promise<never> {
  const { runtime, libc } = parts;
  await settle();
  const forker = new Forker(runtime, libc, CONTROL);
  const template = { ...parts, forker };
  const rounds = warmUp(template, settings);
  let isWarm = false;
  let begin: Begin;
  const warm = async () => {
    try {
      isWarm = (await rounds.next()).done === true;
    } catch {
      isWarm = true; // its forks are colder, and no error
    }
    // Made anew: with garbage, an engine throws away the code of functions that were made before.
    begin = prepareFork(template, CONTROL, prepare);
    await settle();
  };
  await warm();
  const orders = new DescriptorPasser(libc, CONTROL, TEMPLATE_ORDER_WORDS);
  const { message, descriptors } = orders;
  own.send({ type: "template" });
  /** The PIDs of workers that are not waited for, by their number. */
  const children = new Map<number, number>();
  // A page that is written between two forks is copied, and the first has the old one for itself.
  for (;;) {
    while (!isWarm && !libc.waitReadable([CONTROL], LULL)) await warm();
    const count = orders.receive();
    if (count === null) own.end();
    const what = message[0];
    const number = message[1];
    if (what !== FORK) {
      const pid = children.get(number);
      if (pid) killAtOnce(libc, pid);
      if (what === KILL) continue;
      children.delete(number);
      own.send({ type: "ended", number, reason: pid ? waitFor(libc, pid) : NO_ROOM });
      own.flush?.(); // it says nothing more until it is told something
      continue;
    }
    let pid = -1;
    try {
      if (count === 2) pid = forker.fork();
    } catch {
      // There is no room, of which its supervisor asks when it sees the end of both.
    }
    if (pid === 0) {
      // Whatever fails here must not let it go on as a second template.
      try {
        await begin!(number, descriptors[0], descriptors[1]);
      } finally {
        forker.exit(1);
      }
    }
    for (let i = 0; i < count!; i++) libc.close(descriptors[i]);
    if (pid > 0) children.set(number, pid);
  }
}

/** What the event loop has begun is done before a fork (libuv: descriptors to watch). */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await loopTurn();
}
