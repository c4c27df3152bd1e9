/**
 * Inside the process that forks workers, and inside its forks: each talks to the supervisor
 * itself, like a process that was started.
 * @module
 */
import { killAtOnce, waitFor } from "../posix/children.ts";
import type { SharedSockets } from "../posix/client_queues.ts";
import { Forker } from "../posix/fork.ts";
import type { Libc } from "../posix/libc.ts";
import { dieWithPeer } from "../posix/lifeline.ts";
import { DescriptorPasser } from "../posix/passed_descriptors.ts";
import type { Runtime } from "../runtime.ts";
import type { WorkerListener } from "./channel.ts";
import { FORK, KILL, TEMPLATE_ORDER_SIZE } from "./encoding.ts";
import {
  blockingListener,
  CONTROL,
  type ControlChannel,
  controlChannel,
  type ControlOptions,
} from "./process_worker.ts";

/** What a fork needs to be a worker. */
export interface Forked {
  readonly number: number;
  readonly channel: ControlChannel;
}

/** Milliseconds without an order after which the template does a part of what it still has to. */
const LULL = 20;

/**
 * Makes this process a template: it forks when it is told to, and ends with its
 * supervisor. Resolves in each fork, and in the template never.
 * @param sockets what its forks listen on
 * @param work what there is to do while there are no orders, in parts
 */
export async function becomeTemplate(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  channel: ControlChannel,
  work: AsyncIterator<void, void>,
): Promise<Forked> {
  await settle();
  const forker = new Forker(runtime, libc, CONTROL);
  const own = forker.pid;
  const orders = new DescriptorPasser(libc, CONTROL, TEMPLATE_ORDER_SIZE);
  channel.send({ type: "template" });
  const children = new Set<number>();
  let done: boolean | undefined = false;
  for (;;) {
    while (!done && !libc.waitReadable([CONTROL], LULL)) {
      try {
        ({ done } = await work.next());
      } catch {
        done = true; // its forks are colder, and no error
      }
      await settle();
    }
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
      // The supervisor is told by the PID. A child that has no event loop of its own must not go on.
      if (forker.pid !== own) forker.exit(1);
    }
    if (pid === 0) {
      // Whatever fails here must not let it go on as a second template.
      try {
        return becomeWorker(runtime, libc, sockets, forker, which, descriptors);
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

/** In the child: a worker of its own. */
function becomeWorker(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  forker: Forker,
  number: number,
  [control, lifeline]: number[],
): Forked {
  const { pid } = forker;
  const exit = (code: number): never => forker.exit(code);
  if (!dieWithPeer(libc, lifeline, pid)) exit(1);
  libc.moveTo(control, CONTROL);
  runtime.becomeFork(pid, exit);
  const channel = forkedChannel(runtime, libc, sockets, { pid, control: CONTROL, exit });
  channel.send({ type: "forked", number, pid });
  return { number, channel };
}

/** A fork's way to its supervisor, and to its clients. */
export function forkedChannel(
  runtime: Runtime,
  libc: Libc,
  sockets: SharedSockets,
  own: Pick<ControlOptions, "pid" | "control" | "exit">,
): ControlChannel {
  let onGiveUp = () => {};
  const channel = controlChannel(libc, {
    ...own,
    each: "one",
    listen(blocking, shallLeave, activity): WorkerListener {
      const listener = blockingListener(runtime, libc, sockets, blocking, shallLeave, activity);
      let turn: ReturnType<typeof setImmediate> | undefined;
      return {
        async accept() {
          const connection = await listener.accept();
          // The loop has its turn before the handler has ended: it waits for something else.
          if (connection) turn = setImmediate(() => onGiveUp());
          return connection;
        },
        left: () => clearImmediate(turn),
        close: () => listener.close(),
      };
    },
  });
  return {
    ...channel,
    onGiveUp: (listener) => void (onGiveUp = listener),
    end() {
      // The template, which could tell, may be gone.
      channel.send({ type: "ended", pid: own.pid, reason: "exit" });
      channel.end();
    },
  };
}
