/**
 * Inside the process that forks workers; `template.ts` is what the supervisor has of it.
 * @module
 */
import { killAtOnce, waitFor } from "../posix/children.ts";
import { Forker } from "../posix/fork.ts";
import { DescriptorPasser } from "../posix/passed_descriptors.ts";
import { FORK, KILL, TEMPLATE_ORDER_SIZE } from "./encoding.ts";
import { becomeWorker, type Forked, type TemplateParts } from "./forked_worker.ts";
import { CONTROL, type ControlChannel } from "./process_worker.ts";
import { warmUp, type WarmUpSettings } from "./warm_up.ts";

/** Milliseconds without an order after which the template does a part of what it still has to. */
const LULL = 20;

/**
 * Makes this process a template: it forks when it is told to, and ends with its
 * supervisor. Resolves in each fork, and in the template never.
 * @param settings how its forks are to work
 */
export async function becomeTemplate(
  parts: Omit<TemplateParts, "forker">,
  channel: ControlChannel,
  settings: WarmUpSettings,
): Promise<Forked> {
  const { runtime, libc } = parts;
  await settle();
  const forker = new Forker(runtime, libc, CONTROL);
  const template = { ...parts, forker };
  const rounds = warmUp(template, settings);
  let isWarm = false;
  const warm = async () => {
    try {
      isWarm = (await rounds.next()).done === true;
    } catch {
      isWarm = true; // its forks are colder, and no error
    }
    await settle();
  };
  await warm();
  const orders = new DescriptorPasser(libc, CONTROL, TEMPLATE_ORDER_SIZE);
  channel.send({ type: "template" });
  const children = new Set<number>();
  for (;;) {
    while (!isWarm && !libc.waitReadable([CONTROL], LULL)) await warm();
    const received = orders.receive();
    if (received === null) channel.end();
    const { message, descriptors } = received!;
    const [what, which] = new Uint32Array(message.buffer);
    if (what !== FORK) {
      if (children.has(which)) killAtOnce(libc, which);
      if (what === KILL) continue;
      const reason = children.delete(which) ? waitFor(libc, which) : "exit";
      channel.send({ type: "ended", pid: which, reason });
      continue;
    }
    let pid = -1;
    try {
      pid = forker.fork();
    } catch {
      // The supervisor is told by the PID.
    }
    if (pid === 0) {
      // Whatever fails here must not let it go on as a second template.
      try {
        const [control, lifeline] = descriptors;
        return becomeWorker(template, { number: which, control, at: CONTROL, lifeline });
      } catch {
        forker.exit(1);
      }
    }
    for (const descriptor of descriptors) libc.close(descriptor);
    if (pid > 0) children.add(pid);
    channel.send({ type: "forked", number: which, pid: Math.max(0, pid) });
  }
}

/** What the event loop has begun is done before a fork (libuv: descriptors to watch). */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
