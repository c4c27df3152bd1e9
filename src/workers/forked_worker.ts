/**
 * How a fork becomes a worker, which talks to the supervisor itself, like a process that was
 * started.
 * @module
 */
import { loopTurn } from "../connection/delay.ts";
import type { SharedSockets } from "../posix/client_queues.ts";
import type { Forker } from "../posix/fork.ts";
import type { Libc } from "../posix/libc.ts";
import { dieWithPeer } from "../posix/lifeline.ts";
import type { Runtime } from "../runtime.ts";
import type { Channel } from "./channel.ts";
import type { OwnRandom } from "./own_random.ts";
import type { Work } from "./work.ts";
import { blockingListener, controlChannel } from "./process_worker.ts";

/** What a fork has of its template. */
export interface TemplateParts {
  readonly runtime: Runtime;
  readonly libc: Libc;
  readonly random: Pick<OwnRandom, "renew">;
  readonly forker: Pick<Forker, "renew" | "pid" | "exit">;
  /** What it listens on. */
  readonly sockets: SharedSockets;
}

/**
 * Begins the work in a fork, with one call: so all that a fork does can be rehearsed.
 * @param control its end of its control socket
 * @param lifeline a socket whose peer's end is its end
 */
export type Begin = (number: number, control: number, lifeline: number) => Promise<void>;

/**
 * Prepares what all forks of this process do.
 * @param at the descriptor that each one's control socket becomes
 * @param prepare makes the work, with the way to the supervisor and to clients that a fork will have
 * @param rehearses whether this is the template, which only does what its forks will do, and does
 * not end: code that a fork were the first to run it would have to compile, in memory of its own
 */
export function prepareFork(
  { runtime, libc, random, forker, sockets }: TemplateParts,
  at: number,
  prepare: (channel: Channel) => Work,
  rehearses = false,
): Begin {
  const exit = (code: number) => forker.exit(code, rehearses);
  const name = { kind: "process" as const, id: 0 };
  let number = 0;
  let onGiveUp = () => {};
  const channel = controlChannel(libc, {
    name,
    control: at,
    each: "one",
    exit,
    listen(blocking, shallLeave, activity) {
      const listener = blockingListener(runtime, libc, sockets, blocking, shallLeave, activity);
      let turn: ReturnType<typeof setImmediate> | undefined;
      let isFirst = true;
      return {
        async accept() {
          const connection = await listener.accept();
          // Timers of the module may be overdue: its template was blocked. Not sooner, because a fork
          // that waits for its client holds less without a turn.
          if (isFirst && connection) await loopTurn();
          isFirst = false;
          // The loop has its turn before the handler has ended: it waits for something else.
          if (connection) turn = setImmediate(() => onGiveUp());
          return connection;
        },
        left: () => clearImmediate(turn),
        close: () => listener.close(),
      };
    },
  });
  const work = prepare({
    ...channel,
    onGiveUp: (listener) => void (onGiveUp = listener),
    end() {
      // The template, which could tell, may be gone.
      channel.send({ type: "ended", number, reason: "exit" });
      channel.end();
    },
  });
  work.listen();
  return (its, control, lifeline) => {
    number = its;
    forker.renew(rehearses);
    name.id = forker.pid;
    if (!dieWithPeer(libc, lifeline, name.id)) exit(1);
    libc.moveTo(control, at);
    runtime.becomeFork(name.id, rehearses ? null : exit);
    random.renew();
    channel.send({ type: "forked", pid: name.id });
    return work.run(number);
  };
}
