/**
 * Which clients' certificates were verified, for Deno: it resumes a session with the certificate
 * in its ticket, verifies nothing then, and takes tickets that any context of the thread has
 * given, to whomever it was (2.9.6). So whoever was refused would come in with their ticket.
 * @module
 */

/** Entries from which on those that have ended are looked for. */
const FEW = 1000;

/** Those that were verified by the same authorities. */
export class Verified {
  /** The certificates' fingerprints, and when each ends. */
  readonly #ends = new Map<string, number>();
  #sweepAt = FEW;

  /**
   * One that a whole handshake has verified.
   * @param end milliseconds since the epoch
   */
  add(fingerprint: string, end: number): void {
    this.#ends.set(fingerprint, end);
    if (this.#ends.size < this.#sweepAt) return;
    const now = Date.now();
    for (const [other, end] of this.#ends) if (end < now) this.#ends.delete(other);
    this.#sweepAt = Math.max(FEW, 2 * this.#ends.size);
  }

  /** What those authorities have verified was verified by these, too. */
  addAll(other: Verified): void {
    for (const [fingerprint, end] of other.#ends) this.add(fingerprint, end);
  }

  /** Whether it was. */
  has(fingerprint: string): boolean {
    return this.#ends.has(fingerprint);
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const all = new Map<string, Verified>();

/**
 * For the thread's life, as Deno's tickets are good for it: also after a reload.
 * @param authorities PEM
 */
export function verifiedBy(authorities: string): Verified {
  let found = all.get(authorities);
  if (found) return found;
  found = new Verified();
  // Whoever comes again when an authority was added would be refused for as long as they resume.
  for (const [before, verified] of all) {
    const isLess = before.match(CERTIFICATE)?.every((one) => authorities.includes(one));
    if (isLess) found.addAll(verified);
  }
  all.set(authorities, found);
  return found;
}
