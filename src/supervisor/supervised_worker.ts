/**
 * What a supervisor knows of one worker: its state, and its clients.
 * @module
 */
import type { Address } from "../connection/connection.ts";
import type { UntimedEvent } from "../events.ts";
import type { Admission } from "../serving/admission.ts";
import type { Replaceable, Trial, WorkerState } from "./reload.ts";
import type { WorkerHandle } from "../workers/worker_handle.ts";

type Accepted = Extract<UntimedEvent, { type: "accepted" }>;

/** A connection that it has. */
interface Open {
  readonly event: Accepted;
  readonly since: number;
  /** Who was let in for it, whose place is to be given back. */
  readonly guest: Address | undefined;
}

/** A worker, as its supervisor keeps it. */
export class SupervisedWorker implements Replaceable {
  readonly handle: WorkerHandle;
  readonly generation: number;
  readonly trial: Trial | null;
  state: WorkerState = "starting";
  ready = false;
  served = false;
  failed = false;
  /** When it was started, or accepted last. */
  since: number = Date.now();
  /** Why it has to end, where its end itself would not tell. */
  why: string | null = null;
  readonly #admission: Admission;
  readonly #open = new Map<string, Open>();
  /** Who was let in, and is not accepted yet. */
  readonly #guests: Address[] = [];

  constructor(
    handle: WorkerHandle,
    admission: Admission,
    generation: number,
    trial: Trial | null,
  ) {
    this.handle = handle;
    this.#admission = admission;
    this.generation = generation;
    this.trial = trial;
  }

  /** How many connections it has. */
  get open(): number {
    return this.#open.size;
  }

  /** The client that it accepts next has been let in. */
  admitted(guest: Address): void {
    this.#guests.push(guest);
  }

  /** The client that was let in first has left before it was accepted. */
  vanished(): void {
    const guest = this.#guests.shift();
    if (guest) this.#admission.leave(guest);
  }

  /** It has a client. */
  accepted(event: Accepted): void {
    const guest = this.#guests.shift();
    this.since = Date.now();
    this.#open.set(event.id, { event, since: this.since, guest });
    this.served = true;
  }

  /** One of its clients is gone. */
  closed(id: string): void {
    const open = this.#open.get(id);
    if (open?.guest) this.#admission.leave(open.guest);
    this.#open.delete(id);
  }

  /** It has ended: what it could not say of its clients any more. */
  *lost(reason: "shutdown" | "worker", error: string): Generator<UntimedEvent> {
    while (this.#guests.length > 0) this.vanished();
    for (const [id, { event, since }] of this.#open) {
      this.closed(id);
      yield {
        type: "closed",
        id,
        remoteAddr: event.remoteAddr,
        worker: this.handle.name,
        bytesRead: 0,
        bytesWritten: 0,
        milliseconds: Date.now() - since,
        reason,
        error,
      };
    }
  }
}
