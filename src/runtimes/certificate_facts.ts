/**
 * What there is to know of certificates, by node:crypto, which all three runtimes have.
 * @module
 */
import type { CertificateFacts } from "../tls/tls_engine.ts";
import { builtin } from "./builtin.ts";

/** @throws {Error} if it is no certificate */
export function certificateFacts(cert: string): CertificateFacts {
  return factsOf(new builtin.crypto.X509Certificate(cert));
}

/** Whether the key is the certificate's; throws if either is none. */
export function keyFits({ cert, key }: { cert: string; key: string }): boolean {
  const { crypto } = builtin;
  return new crypto.X509Certificate(cert).checkPrivateKey(crypto.createPrivateKey(key));
}

/** The same of one that was parsed. */
export function factsOf(certificate: import("node:crypto").X509Certificate): CertificateFacts {
  const { subject = "", subjectAltName = "", serialNumber, fingerprint256 } = certificate;
  const names = [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) => name);
  const [, common] = /^CN=(.+)$/m.exec(subject) ?? [];
  return {
    subject,
    subjectAltName,
    names: names.length > 0 || common === undefined ? names : [common],
    // Deno leaves a zero at its beginning out (2.9.6).
    serialNumber: serialNumber.padStart(2 * Math.ceil(serialNumber.length / 2), "0"),
    fingerprint256,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
}
