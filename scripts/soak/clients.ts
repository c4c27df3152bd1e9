/**
 * The clients of a soak: what each kind does, and how it came out.
 * @module
 */
import { Client } from "../../tests/tools/client.ts";

/** How a connection came out, as its client saw it. */
export type Fate =
  /** Everything came back, then the end of the stream. */
  | "whole"
  /** The client went away in the middle of it, as it meant to. */
  | "left"
  /** The server ended it while the client kept silent. */
  | "cut"
  /** It ended in the middle, and the client did not mean it to. */
  | "broken"
  /** Bytes came back that were not sent. */
  | "wrong";

/** One connection as its client saw it. */
export interface Visit {
  readonly kind: Kind;
  /** Where it comes from: an address and a port that no other of the run has. */
  readonly source: string;
  /** Milliseconds since the epoch: before it connected, its first answer, its end. */
  readonly began: number;
  answered: number;
  ended: number;
  fate: Fate | null;
  received: number;
  error: string;
}

export type Kind = keyof typeof KINDS;

/** What a client is made with. */
export interface Habits {
  /** From 0 to 1, the same again for the same seed. */
  readonly random: () => number;
  /** What pauses are multiplied with: 1, or less where each keeps all others waiting. */
  readonly pace: number;
  /** Milliseconds after which a client that gets no answer calls it broken. */
  readonly patience: number;
}

/** A buffer without "bye", of which messages are pieces. */
const TEXT = Uint8Array.from({ length: 1 << 20 }, (_, i) => 97 + (i * 7 + (i >> 8)) % 23);
const BYE = new TextEncoder().encode("bye");
const NOTHING = new Uint8Array();

/** What one client does; it says how it ended, or throws when the connection broke. */
type Conduct = (talk: Talk, habits: Habits) => Promise<"whole" | "left" | "cut">;

/** A client's side of one connection. */
class Talk {
  readonly #client: Client;
  readonly #visit: Visit;
  readonly #habits: Habits;

  constructor(client: Client, visit: Visit, habits: Habits) {
    this.#client = client;
    this.#visit = visit;
    this.#habits = habits;
  }

  /** A piece of the text. */
  message(least: number, most: number): Uint8Array {
    const length = least + Math.floor(this.#habits.random() * (most - least + 1));
    const at = Math.floor(this.#habits.random() * (TEXT.length - length + 1));
    return TEXT.subarray(at, at + length);
  }

  send(bytes: Uint8Array): Promise<void> {
    return this.#client.send(bytes);
  }

  /** Waits for the echo of this. */
  async expect(bytes: Uint8Array): Promise<void> {
    const got = await this.#client.receive(bytes.length, this.#habits.patience);
    this.#take(got, bytes);
  }

  /**
   * Waits for the echo of this, and for the end of the stream.
   * @param perhaps what may stand before the end, in part or whole: a "b" cannot
   * be recalled when "ye" comes later
   */
  async expectEnd(bytes: Uint8Array, perhaps = NOTHING): Promise<void> {
    const got = await this.#client.receiveAll(this.#habits.patience);
    if (got.length < bytes.length) {
      throw new Error(`the stream ended after ${got.length} of ${bytes.length} bytes`);
    }
    const expected = new Uint8Array(Math.min(got.length, bytes.length + perhaps.length));
    expected.set(bytes);
    expected.set(perhaps.subarray(0, expected.length - bytes.length), bytes.length);
    this.#take(got, expected);
  }

  /** Whoever says nothing for too long is reset. */
  async expectReset(): Promise<void> {
    await this.#client.receiveUntilReset(this.#habits.patience);
  }

  #take(got: Uint8Array, expected: Uint8Array): void {
    if (this.#visit.answered === 0) this.#visit.answered = Date.now();
    this.#visit.received += got.length;
    if (!same(got, expected)) throw new WrongBytes();
  }

  halfClose(): void {
    this.#client.halfClose();
  }

  reset(): Promise<void> {
    return this.#client.reset();
  }

  /** Reads nothing from here on. */
  ignore(): void {
    this.#client.socket.pause();
  }

  /** Waits up to so long. */
  pause(milliseconds: number): Promise<void> {
    const time = milliseconds * this.#habits.random() * this.#habits.pace;
    return new Promise((resolve) => setTimeout(resolve, time));
  }
}

class WrongBytes extends Error {}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What each kind does. */
const KINDS = {
  async good(talk, { random }) {
    for (let i = 1 + Math.floor(random() * 10); i > 0; i--) {
      const message = talk.message(1, 1000);
      await talk.send(message);
      await talk.expect(message);
    }
    await talk.send(BYE);
    await talk.expectEnd(NOTHING);
    return "whole";
  },
  async slow(talk, { random }) {
    for (let i = 1 + Math.floor(random() * 6); i > 0; i--) {
      const message = talk.message(1, 10);
      await talk.send(message);
      await talk.pause(100);
      await talk.expect(message);
    }
    const [b, y, e] = BYE;
    await talk.send(Uint8Array.of(b));
    await talk.pause(50);
    await talk.send(Uint8Array.of(y));
    await talk.pause(50);
    await talk.send(Uint8Array.of(e));
    await talk.expectEnd(NOTHING, BYE.subarray(0, 2));
    return "whole";
  },
  async silent(talk) {
    await talk.pause(500);
    return "left";
  },
  async patient(talk) {
    await talk.expectReset();
    return "cut";
  },
  async resetting(talk, { random }) {
    const message = talk.message(1, 50_000);
    const stage = random();
    // It may break off before it has said anything, or before or after it is answered.
    if (stage > 0.2) await talk.send(message);
    if (stage > 0.6) await talk.expect(message);
    await talk.reset();
    return "left";
  },
  async halfClosing(talk) {
    const message = talk.message(0, 50_000);
    const sent = talk.send(message);
    sent.catch(() => {}); // the end of the stream tells more
    talk.halfClose();
    await talk.expectEnd(message);
    await sent;
    return "whole";
  },
  async flooding(talk, { random }) {
    const message = talk.message(100_000, 1_000_000);
    const deaf = random() < 0.3;
    if (deaf) talk.ignore();
    const sent = Promise.all([talk.send(message), talk.send(BYE)]);
    sent.catch(() => {}); // it is looked at below, or the client has left
    if (deaf) {
      await talk.pause(300);
      await talk.reset();
      return "left";
    }
    await talk.expectEnd(message, BYE.subarray(0, 2)); // the server's reads may cut it
    await sent;
    return "whole";
  },
} satisfies Record<string, Conduct>;

/** The kinds' names. */
export const ALL_KINDS = Object.keys(KINDS) as Kind[];

/** How many of a hundred clients are of each kind. */
const SHARES: Record<Kind, number> = {
  good: 50,
  slow: 12,
  silent: 8,
  patient: 0, // one at a time: each has a place for as long as the server lets it
  resetting: 12,
  halfClosing: 12,
  flooding: 6,
};

/** A kind, by the shares. */
export function anyKind(random: () => number): Kind {
  let left = random() * 100;
  for (const kind of ALL_KINDS) if ((left -= SHARES[kind]) < 0) return kind;
  return "good";
}

let visits = 0;

/**
 * One connection from its connect to its end. Each comes from another address of
 * this machine: a port alone is used again so soon that two clients would be
 * taken for one another.
 * @param onConnect told as soon as its source is known
 * @throws {Error} if it cannot connect
 */
export async function visit(
  serverPort: number,
  kind: Kind,
  habits: Habits,
  onConnect: (visit: Visit) => void,
): Promise<Visit> {
  const began = Date.now();
  const from = `127.1.${++visits >> 8 & 255}.${visits & 255}`;
  const server = { transport: "tcp", hostname: "127.0.0.1", port: serverPort } as const;
  const client = await Client.open(server, from);
  const visit: Visit = {
    kind,
    source: `${from}:${client.socket.localPort}`,
    began,
    answered: 0,
    ended: 0,
    fate: null,
    received: 0,
    error: "",
  };
  onConnect(visit);
  let fate: Fate;
  try {
    fate = await KINDS[kind](new Talk(client, visit, habits), habits);
  } catch (error) {
    fate = error instanceof WrongBytes ? "wrong" : "broken";
    visit.error = client.error?.code ?? (error as Error).message;
  }
  visit.ended = Date.now();
  await client.close();
  visit.fate = fate;
  return visit;
}
