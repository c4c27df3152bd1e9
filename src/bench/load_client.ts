/**
 * A client of the load generator: its connection, and how far its messages are.
 * @module
 */

/** What has become of its connection; `leaving` has said `bye`. */
type State = "closed" | "connecting" | "open" | "leaving";

/** A client's place, which holds one connection after the other under `connect`. */
export class Client {
  readonly index: number;
  descriptor = -1;
  state: State = "closed";
  /** The message that goes out next, and how much of it has. */
  outgoing = 0;
  outgoingBytes = 0;
  /** The message that comes back next, and how much of it has. */
  incoming = 0;
  incomingBytes = 0;
  /** Bytes that are on their way. */
  underway = 0;
  /** When its latest message, or its connection, began. */
  since = 0;
  /** When it may connect again. */
  retryAt = 0;
  /** Messages, or bytes where it streams, in the time that counts. */
  counted = 0;
  /** It has a place in the next turn. */
  queued = false;
  /** The kernel may have more for it. */
  moreToRead = false;
  /** The kernel takes what it sends. */
  room = false;
  /** It has begun to send its first message, and has had an answer. */
  greeted = false;
  answered = false;

  constructor(index: number) {
    this.index = index;
  }

  /** It begins to connect: nothing is sent yet, of so many messages in a cycle. */
  connect(now: number, messages: number): void {
    this.since = now;
    this.outgoing = this.incoming = (this.index * 7) % messages;
    this.outgoingBytes = this.incomingBytes = this.underway = 0;
    this.moreToRead = this.room = false;
    this.state = "connecting";
  }
}

/** Whether something that it has sent has not come back yet. */
export function isWaiting(client: Client): boolean {
  return client.state === "open" && client.underway > 0;
}
