/**
 * The process that forks workers, seen from their supervisor: it has loaded the handler, and
 * is told to fork itself, and to end or wait for what it has forked.
 * @module
 */
import { patience } from "../connection/delay.ts";
import { errorCode, SystemError } from "../connection/errors.ts";
import { DescriptorPasser } from "../posix/passed_descriptors.ts";
import { ControlSocket } from "./control_socket.ts";
import { FORK, KILL, REAP, TEMPLATE_ORDER_WORDS } from "./encoding.ts";
import { isTemplates } from "./messages.ts";
import type { ProcessSetup } from "./process_worker.ts";
import type { WorkerHandle, WorkerListeners } from "./worker_handle.ts";

/** Milliseconds in which a template answers something, if it owes answers. */
const SILENCE = 5000;

/** Why a worker ended whose parent, the template, had ended before. */
const UNSEEN = "how is not known, for the process that forked it was gone";
/** The same of one that never said anything. */
const NEVER_SEEN = "the process that forks was gone";

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
  /** By the number of a fork that has not said anything, what ends it. */
  readonly #silent = new Map<number, () => void>();
  /** What waits to be told, by its number, how a fork has ended. */
  readonly #ended = new Map<number, (reason: string | null) => void>();
  /** Orders for which the socket had no room, and the descriptors that go with them. */
  readonly #unsent: { readonly order: readonly number[]; readonly passed: readonly number[] }[] =
    [];
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
    this.#orders = new DescriptorPasser(setup.libc, socket, TEMPLATE_ORDER_WORDS);
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
      this.#unsent.push({ order: [FORK, number], passed: [theirs, itsLife] });
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
    this.#silent.set(number, closeLifeline);
    this.#expectAnswer();
    this.#send();
    const heard = () => {
      if (this.#silent.delete(number)) this.#answered();
    };
    const control = new ControlSocket(runtime, libc, ours, (message) => {
      heard();
      if (message.type === "forked") pid ||= message.pid; // a handler may write there
      else if (message.type === "ended") own = message.reason;
      else if (!isTemplates(message)) onMessage(message);
    });
    void (async () => {
      await control.said;
      heard();
      control.close();
      closeLifeline();
      const reason = await this.#reap(number) ?? own ?? (pid > 0 ? UNSEEN : NEVER_SEEN);
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
        this.#order(KILL, number); // a handler may have closed its own end
      },
    };
  }

  /** The template has said how the worker of this number has ended. */
  told(number: number, reason: string): void {
    this.#ended.get(number)?.(reason);
    this.#ended.delete(number);
    this.#answered();
  }

  /** It has done something that it was told. */
  #answered(): void {
    this.#expectNone();
    if (!this.#gone && this.#silent.size + this.#ended.size > 0) this.#expectAnswer();
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
    for (const resolve of this.#ended.values()) resolve(null);
    this.#ended.clear();
    for (const { passed } of this.#unsent.splice(0)) {
      passed.forEach((descriptor) => this.#close(descriptor));
    }
    this.#close(this.#socket);
  }

  /** One that is stopped, or hangs, would keep workers from beginning and from their end. */
  #expectAnswer(): void {
    this.#stopWaiting ??= patience(this.#silence, () => {
      for (const end of this.#silent.values()) end(); // it may be a fork that hangs
      this.#onHung();
    });
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
  #reap(number: number): Promise<string | null> | null {
    if (this.#gone) return null;
    const ended = new Promise<string | null>((resolve) => this.#ended.set(number, resolve));
    this.#expectAnswer();
    this.#order(REAP, number);
    return ended;
  }

  /** Only the template may name a worker by its PID, which is nobody else's until it has waited. */
  #order(what: number, number: number): void {
    if (this.#gone) return;
    this.#unsent.push({ order: [what, number], passed: [] });
    this.#send();
  }
}
