/**
 * The process that forks workers, seen from their supervisor: it has loaded the handler, and
 * is told to fork itself, and to end or wait for what it has forked.
 * @module
 */
import { patience } from "../connection/delay.ts";
import { errorCode, SystemError } from "../connection/errors.ts";
import { DescriptorPasser } from "../posix/passed_descriptors.ts";
import { ControlSocket } from "./control_socket.ts";
import { FORK, KILL, REAP, TEMPLATE_ORDER_SIZE } from "./encoding.ts";
import { isTemplates, type TemplateMessage } from "./messages.ts";
import type { ProcessSetup } from "./process_worker.ts";
import type { WorkerHandle, WorkerListeners } from "./worker_handle.ts";

/** Milliseconds in which a template answers something, if it owes answers. */
const SILENCE = 5000;

/** Why a worker ended whose parent, the template, had ended before. */
const UNSEEN = "how is not known, for the process that forked it was gone";

function order(what: number, which: number): Uint8Array {
  return new Uint8Array(new Uint32Array([what, which]).buffer);
}

/** The template; `template_process.ts` is what it runs. */
export class Template {
  /** Whether one of its forks was ever ready. */
  isProven = false;
  readonly #setup: ProcessSetup;
  readonly #orders: DescriptorPasser;
  readonly #socket: number;
  readonly #onHung: () => void;
  readonly #silence: number;
  /** Ends the wait for any answer, while one is owed. */
  #stopWaiting: (() => void) | null = null;
  /** What waits for an answer: by a worker's number its PID, by a PID how it ended. */
  readonly #forked = new Map<number, (pid: number) => void>();
  readonly #ended = new Map<number, (reason: string | null) => void>();
  /** Orders for which the socket had no room, and the descriptors that go with them. */
  readonly #unsent: { readonly order: Uint8Array; readonly passed: readonly number[] }[] = [];
  #workers = 0;
  #retired = false;
  #gone = false;

  /**
   * @param socket a descriptor of the supervisor's end of its control socket, which it owns
   * @param onHung ends the template, which has owed answers for too long
   */
  constructor(setup: ProcessSetup, socket: number, onHung: () => void, silence = SILENCE) {
    this.#setup = setup;
    this.#socket = socket;
    this.#onHung = onHung;
    this.#silence = silence;
    this.#orders = new DescriptorPasser(setup.libc, socket, TEMPLATE_ORDER_SIZE);
  }

  /**
   * Starts a worker.
   * @throws {SystemError} if no descriptor is free
   */
  fork(number: number, { onMessage, onExit }: WorkerListeners): WorkerHandle {
    const { runtime, libc } = this.#setup;
    const open: number[] = [];
    const pair = () => {
      const both = libc.socketPair();
      open.push(...both);
      return both;
    };
    let ours: number, lifeline: number;
    try {
      const [control, theirs] = pair();
      const [life, itsLife] = pair();
      [ours, lifeline] = [control, life];
      this.#unsent.push({ order: order(FORK, number), passed: [theirs, itsLife] });
    } catch (error) {
      for (const descriptor of open) libc.close(descriptor);
      throw error;
    }
    this.#workers++;
    let pid = 0;
    /** How it ends, if it has said so itself. */
    let own: string | null = null;
    // Its end is this worker's: the kernel sees to it, see dieWithPeer.
    const closeLifeline = () => {
      if (lifeline >= 0) libc.close(lifeline);
      lifeline = -1;
    };
    const forked = new Promise<void>((resolve) =>
      this.#forked.set(number, (given) => {
        pid = given;
        resolve();
      })
    );
    this.#expectAnswer();
    this.#send();
    // Its PID comes first, another way: it is its name in events.
    const control = new ControlSocket(runtime, libc, ours, (message) => {
      // The template may have been killed before it could say it.
      if (message.type === "forked") pid = message.pid;
      else if (message.type === "ended") own = message.reason;
      else if (!isTemplates(message)) onMessage(message);
    }, forked);
    void (async () => {
      await control.said;
      control.close();
      closeLifeline();
      const reason = await this.#reap(pid) ?? own ?? UNSEEN;
      this.#workers--;
      if (this.#retired) this.retire();
      if (pid === 0) onExit(reason, new SystemError("EAGAIN", reason));
      else onExit(reason);
    })();
    return {
      get name() {
        return { kind: "process", id: pid } as const;
      },
      order: (order) => control.order(order),
      answer: (admitted) => control.answer(admitted),
      kill: () => {
        closeLifeline();
        if (pid > 0) this.#order(KILL, pid); // a handler may have closed its own end
      },
    };
  }

  /** The template has said something. */
  told(message: TemplateMessage): void {
    if (message.type === "forked") {
      this.#forked.get(message.number)?.(message.pid);
      this.#forked.delete(message.number);
    } else if (message.type === "ended") {
      this.#ended.get(message.pid)?.(message.reason);
      this.#ended.delete(message.pid);
    }
    this.#expectNone();
    if (this.#forked.size + this.#ended.size > 0) this.#expectAnswer();
    this.#send();
  }

  /** Lets it end when its last worker has, whose end it has to tell. */
  retire(): void {
    this.#retired = true;
    if (this.#workers === 0 && !this.#gone) this.#setup.libc.shutdown(this.#socket, "write");
  }

  /** The template has ended; its workers go on. */
  gone(): void {
    this.#gone = true;
    this.#expectNone();
    for (const resolve of this.#forked.values()) resolve(0);
    for (const resolve of this.#ended.values()) resolve(null);
    for (const { passed } of this.#unsent.splice(0)) {
      passed.forEach((descriptor) => this.#close(descriptor));
    }
    this.#orders.close();
    this.#close(this.#socket);
  }

  /** One that is stopped, or hangs, would keep workers from beginning and from their end. */
  #expectAnswer(): void {
    this.#stopWaiting ??= patience(this.#silence, this.#onHung);
  }

  #expectNone(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
  }

  /** Sends orders, those for which there is no room after the next answer. */
  #send(): void {
    for (let next; !this.#gone && (next = this.#unsent[0]);) {
      try {
        this.#orders.send(next.order, next.passed);
      } catch (error) {
        if (errorCode(error) !== "EPIPE") return;
        // It has ended, and whoever waits is told in a moment.
      }
      this.#unsent.shift();
      for (const descriptor of next.passed) this.#close(descriptor);
    }
  }

  #close(descriptor: number): void {
    this.#setup.libc.close(descriptor);
  }

  /** How a worker has ended; null if the template is gone. */
  #reap(pid: number): Promise<string | null> | string | null {
    if (pid === 0) return "there was no room for another process, or the one that forks was gone";
    if (this.#gone) return null;
    const ended = new Promise<string | null>((resolve) => this.#ended.set(pid, resolve));
    this.#expectAnswer();
    this.#order(REAP, pid);
    return ended;
  }

  /** Only the template may name a worker by its PID, which is nobody else's until it has waited. */
  #order(what: number, which: number, passed: readonly number[] = []): void {
    if (this.#gone) return;
    this.#unsent.push({ order: order(what, which), passed });
    this.#send();
  }
}
