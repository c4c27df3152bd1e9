/**
 * What a supervisor knows of one worker, its state and its clients, and what the
 * worker's messages and records mean for them.
 * @module
 */
import { DOINGS } from "../connection/activity.ts";
import type { Address } from "../connection/connection.ts";
import type { EventSink, UntimedEvent } from "../events.ts";
import type { Refusals } from "../serving/refusals.ts";
import type { Look } from "../status/book.ts";
import type { Told } from "../status/event_ring.ts";
import type { LoopReport, Message } from "../workers/messages.ts";
import type { WorkerHandle } from "../workers/worker_handle.ts";
import type { Replaceable, Trial, WorkerState } from "./reload.ts";

type Accepted = Extract<UntimedEvent, { type: "accepted" }>;

/** A connection that it has. */
interface Open {
  readonly event: Accepted;
  readonly since: number;
  /** The client that was let in for it; its place is given back at the end. */
  readonly guest: Address | undefined;
  /** What the worker has told of it last. */
  told: Parameters<Look> | null;
}

/** What a worker told of its event loop, and when, on the clock of `performance.now()`. */
export interface Reported extends Pick<LoopReport, "busy" | "delay"> {
  readonly at: number;
}

/** What a message changes for the crew; null: nothing. */
export type Change =
  | { readonly what: "ready" | "accepted" | "leaving" | "gave up" }
  /** A client of it is gone; whether it waits for another now. */
  | { readonly what: "closed"; readonly idle: boolean }
  /** It could not load its handler, or nobody can accept any more. */
  | { readonly what: "failed" | "broken"; readonly why: string }
  | null;

/** What all workers of a supervisor have in common. */
export interface Common {
  /** How many connections each holds: with one it is busy, or it never is. */
  readonly each: "one" | "many";
  /** Decides whether a client is let in. */
  readonly refusals: Refusals;
  /** Told of what happens. */
  readonly onEvent: EventSink;
}

/** A worker, as its supervisor keeps it. */
export class SupervisedWorker implements Replaceable {
  readonly handle: WorkerHandle;
  readonly generation: number;
  readonly trial: Trial | null;
  state: WorkerState = "starting";
  ready = false;
  /** How it came to be, if not as a runtime like any other. */
  how: "forked" | "stopgap" | undefined;
  served = false;
  failed = false;
  /** When it was started, or accepted last. */
  since: number = Date.now();
  /** Why it has to end, where its end itself would not tell. */
  why: string | null = null;
  /** What it told last of its event loop, if it tells. */
  reported: Reported | null = null;
  readonly #common: Common;
  readonly #open = new Map<string, Open>();
  /** Who was let in, and is not accepted yet. */
  readonly #guests: Address[] = [];

  constructor(
    handle: WorkerHandle,
    common: Common,
    generation: number,
    trial: Trial | null,
  ) {
    this.handle = handle;
    this.#common = common;
    this.generation = generation;
    this.trial = trial;
  }

  /** How many connections it has. */
  get open(): number {
    return this.#open.size;
  }

  /** Whether it has one, or is about to. */
  get hasClient(): boolean {
    return this.open > 0 || this.state === "busy";
  }

  /** Tells what it has told of its connections. */
  look(look: Look): void {
    for (const { told } of this.#open.values()) if (told) look(...told);
  }

  /** It gets a client that has been let in, and is busy from now on. */
  take(guest: Address): void {
    this.state = "busy";
    this.#guests.push(guest);
  }

  /** It has told something in its ring: what that changes for the others. */
  saw(told: Told): Change {
    const worker = this.handle.name;
    switch (told.type) {
      case "accepted":
        return this.told({ type: "event", event: { ...told, worker } });
      case "closed": {
        const open = this.#open.get(told.id);
        if (!open) return null; // a handler may write there
        const { remoteAddr } = open.event;
        return this.told({
          type: "event",
          event: { ...told, remoteAddr, worker, reason: "handler" },
        });
      }
      default:
        return this.told({ type: told.type });
    }
  }

  /** It has said something: what that means for it, and what it changes for the others. */
  told(message: Message): Change {
    const { name } = this.handle;
    switch (message.type) {
      case "ready":
        if (this.state === "starting") this.state = "idle";
        this.ready = true;
        this.how = message.how;
        this.#common.onEvent({
          type: "worker_started",
          worker: name,
          ...(this.how === "forked" ? { forked: true } : {}),
        });
        return { what: "ready" };
      case "failed":
        this.failed = true;
        return { what: "failed", why: message.message };
      case "fatal":
        this.state = "leaving";
        // The threads share the descriptor that is broken; a process has its own.
        if (name.kind === "thread") return { what: "broken", why: message.message };
        this.failed = true;
        this.why = message.message;
        return null;
      case "leaving":
        this.state = "leaving";
        return { what: "leaving" };
      case "gave up":
        this.state = "leaving";
        return { what: "gave up" };
      case "unhandled":
        this.#common.onEvent({ ...message, worker: name });
        return null;
      case "report":
        this.#report(message);
        return null;
      case "stuck":
        this.#common.onEvent({ type: "worker_stuck", worker: name });
        return null;
      case "look": // which the supervisor has done
        return null;
      case "asks":
        this.#answer(message.remoteAddr);
        return null;
      case "taken":
        if (this.#common.each === "one" && this.state === "idle") this.state = "busy";
        return { what: "accepted" };
      case "vanished":
        this.#vanished();
        return { what: "closed", idle: this.#becameIdle() };
      case "event":
        this.#common.onEvent(message.event);
        if (message.event.type === "accepted") {
          this.#accepted(message.event);
          return { what: "accepted" };
        }
        if (message.event.type !== "closed") return null;
        if (!this.#closed(message.event.id)) return null;
        return { what: "closed", idle: this.#becameIdle() };
    }
  }

  #becameIdle(): boolean {
    if (this.state !== "busy") return false;
    this.state = "idle";
    return true;
  }

  #answer(guest: Address): void {
    // One that was handed over was let in before it was known from where it comes.
    if (this.handle.give) this.#vanished();
    const admitted = this.#common.refusals.admit(guest);
    if (admitted) this.#guests.push(guest);
    this.handle.answer(admitted);
  }

  /** The client that was let in first has left before it was accepted. */
  #vanished(): void {
    const guest = this.#guests.shift();
    if (guest) this.#common.refusals.leave(guest);
  }

  #report({ busy, delay, connections }: LoopReport): void {
    // A handler can write to the channel too, anything.
    if (!Array.isArray(connections) || !Number.isFinite(delay)) return;
    const share = typeof busy === "number" && busy >= 0 && busy <= 1 ? busy : null;
    this.reported = { busy: share, delay, at: performance.now() };
    for (const row of connections) {
      const [id, doing, bytesRead, bytesWritten] = Array.isArray(row) ? row : [];
      const open = this.#open.get(id);
      if (open && DOINGS.includes(doing)) open.told = [id, doing, bytesRead, bytesWritten];
    }
  }

  #accepted(event: Accepted): void {
    const guest = this.#guests.shift();
    if (this.#common.each === "one" && this.state === "idle") this.state = "busy";
    this.#serves();
    this.#open.set(event.id, { event, since: this.since, guest, told: null });
  }

  #serves(): void {
    this.since = Date.now();
    this.served = true;
  }

  /** Whether it was known to be open. */
  #closed(id: string): boolean {
    const open = this.#open.get(id);
    if (open?.guest) this.#common.refusals.leave(open.guest);
    return this.#open.delete(id);
  }

  /** Why it has ended, of which its runtime says `how`. */
  reason(how: string, stopping: boolean): string {
    // A signal to the whole process group may come before a worker listens.
    const early = stopping && !this.ready && /^SIG(HUP|INT|TERM)$/.test(how);
    return this.why ?? (early ? "exit" : how);
  }

  /** It has ended: what it could not say of its clients any more. */
  *lost(reason: "shutdown" | "worker", error: string): Generator<UntimedEvent> {
    while (this.#guests.length > 0) this.#vanished();
    for (const [id, { event, since }] of this.#open) {
      this.#closed(id);
      yield {
        type: "closed",
        id,
        remoteAddr: event.remoteAddr,
        worker: this.handle.name,
        milliseconds: Date.now() - since,
        reason,
        error,
      };
    }
  }
}
