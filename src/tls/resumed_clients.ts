/**
 * Whether a client is to be trusted whose session of TLS is resumed: nobody looks at its
 * certificate again then. OpenSSL and BoringSSL keep with the session what they have found,
 * but for the date; Deno keeps nothing (2.9.6). It resumes each session that this thread has
 * had, also one with other authorities, and one of a client that was refused.
 * @module
 */
import type { TlsPeer } from "../connection/tls_info.ts";

/** Certificates that are remembered: many more than Deno keeps sessions. */
const MOST = 10_000;

/** Of each certificate, by its fingerprint, the authorities of whom one was found to vouch for it. */
const found = new Map<string, readonly string[]>();

/**
 * What is to be said of a client that the runtime has found to be trusted.
 * @param authorities in whom the server trusts, each in PEM; null where the runtime keeps with
 * a session what it has found
 */
export function trustedClient(
  peer: TlsPeer,
  isResumed: boolean,
  authorities: readonly string[] | null,
): TlsPeer {
  const no = (authorizationError: string) => ({ ...peer, authorized: false, authorizationError });
  if (!(peer.notAfter >= Date.now())) return no("CERT_HAS_EXPIRED");
  if (authorities === null) return peer;
  const { fingerprint256 } = peer;
  if (isResumed) {
    const before = found.get(fingerprint256);
    // Whoever vouched for it then must still be trusted now.
    return before?.every((one) => authorities.includes(one)) ? peer : no("UNVERIFIED");
  }
  found.delete(fingerprint256);
  found.set(fingerprint256, authorities);
  if (found.size > MOST) found.delete(found.keys().next().value!);
  return peer;
}
